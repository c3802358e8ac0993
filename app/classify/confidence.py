"""How sure a decision about departments is: what the names are worth, less what accompanies mistakes.

Each sign of doubt has a factor in the pack's `doubts.csv`, fitted on what decisions were worth at first contact.
"""

from collections.abc import Iterator

from app.classify.findings import Findings
from app.classify.roles import SOURCE_ROLES
from app.classify.sources import Suspect
from app.directory.knowledge import Knowledge

# Votes below which a source is hardly more than named; how far apart the best and the weakest source are uneven.
_WEAK, _APART = 1.2, 1.5
_CLOSE = -0.8
_CLAUSE = 14


def sure(folded: str, suspects: list[Suspect], findings: Findings, knowledge: Knowledge) -> float:
    """Confidence (0 to 1) that exactly these departments are the sources."""
    value = min(suspect.certainty for suspect in suspects)
    for sign in _signs(folded, suspects, findings):
        value *= knowledge.pack.doubts.get(sign, 1.0)
    return value


def _signs(folded: str, suspects: list[Suspect], findings: Findings) -> Iterator[str]:
    if len(suspects) > 1:
        yield "several"
        best = max(suspects, key=lambda suspect: suspect.support)
        weak = [s for s in suspects if s.support < _WEAK and best.support - s.support >= _APART]
        if any(not _told_alike(folded, best, suspect) for suspect in weak):
            yield "uneven"
    for mention in findings.mentions:
        if mention.code and mention.slot == "D" and mention.role not in SOURCE_ROLES and mention.margin > _CLOSE:
            yield "close"


def _told_alike(folded: str, one: Suspect, other: Suspect) -> bool:
    """True where what follows both names has two characters in common: 一张工单, 一张交办单."""
    first, second = _pairs_after(folded, one), _pairs_after(folded, other)
    return not first.isdisjoint(second)


def _pairs_after(folded: str, suspect: Suspect) -> set[str]:
    pairs = set()
    for mention in suspect.mentions[:4]:
        stop = next((at for at in range(mention.end, len(folded)) if folded[at] in ",;:。!?\n"), len(folded))
        stop = min(stop, mention.end + _CLAUSE)
        pairs |= {folded[at : at + 2] for at in range(mention.end, stop - 1)}
    return pairs
