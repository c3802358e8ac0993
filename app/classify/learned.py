"""What the office's own rulings add: a line for a text that names nobody and holds no cue. Never more than a line,
never against a name; the tier is for the text to tell.
"""

from collections.abc import Iterable

from app.classify.decision import ReportText
from app.classify.findings import Cue, Findings, Mention
from app.classify.mentions import find_all
from app.classify.normalize import prepare
from app.directory.knowledge import Knowledge

# The calibrated confidence from which a learned line counts.
SURE = 0.8
# The rule its evidence cites.
LEARNED = "learned"
# Names that tell a line or a tier. What a township or a company is called belongs to the matter.
_NAMES = "DNBST"
_BREAK = "。"


def learned_line(folded: str, findings: Findings, knowledge: Knowledge) -> str:
    """The line the model is sure of, its words kept among the findings; '' where there is no model or no sure line."""
    model = knowledge.learned
    if model is None or not model.calibrated:
        return ""
    words = _without_names(folded, findings.mentions)
    line, confidence = model.predict(words)[0]
    if confidence < SURE or line not in knowledge.groups:
        return ""
    findings.learned = [Cue(told.start, told.end, line, told.weight) for told in model.explain(words, line)]
    return line if findings.learned else ""


def matter_of(report: ReportText, knowledge: Knowledge) -> str:
    """A report as the model reads it: what it is about, without the names that told the line at the time.
    `report.district` is a code."""
    prepared = prepare(f"{report.title}\n{report.text}" if report.title else report.text)
    found = find_all(prepared.folded, knowledge, report.district)
    return _without_names(prepared.folded, found.mentions)


def _without_names(folded: str, mentions: Iterable[Mention]) -> str:
    """The text, as long as before, with a break in place of every name."""
    pieces, reached = [], 0
    for mention in mentions:
        if mention.slot in _NAMES and mention.start >= reached:
            pieces += [folded[reached : mention.start], _BREAK * (mention.end - mention.start)]
            reached = mention.end
    return "".join(pieces) + folded[reached:]
