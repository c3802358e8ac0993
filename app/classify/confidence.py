"""How sure a decision about departments is: what the names are worth, less what accompanies mistakes.

Each sign of doubt has a factor in the pack's `doubts.csv`, fitted on what decisions were worth at first contact.
"""

from collections.abc import Iterator

from app.classify.findings import Findings
from app.classify.roles import SOURCE_ROLES
from app.classify.sources import Suspect
from app.directory.knowledge import Knowledge

# Votes below which a source is merely named; votes of a weak second one; how far apart two sources are uneven.
_NAMED, _WEAK, _APART = 0.9, 1.3, 1.5


def sure(suspects: list[Suspect], findings: Findings, knowledge: Knowledge) -> float:
    """Confidence (0 to 1) that exactly these departments are the sources."""
    value = min(suspect.certainty for suspect in suspects)
    for sign in _signs(suspects, findings):
        value *= knowledge.pack.doubts.get(sign, 1.0)
    return value


def _signs(suspects: list[Suspect], findings: Findings) -> Iterator[str]:
    support = [suspect.support for suspect in suspects]
    weakest, strongest = min(support), max(support)
    if len(suspects) > 1:
        yield "several"
        if strongest - weakest >= _APART and weakest < _WEAK:
            yield "uneven"
        elif weakest < _NAMED <= strongest:
            yield "half"
    elif weakest < _NAMED:
        yield "silent" if _others_named(suspects[0], findings) else "named"
    for mention in findings.mentions:
        if mention.code and mention.slot == "D" and mention.role not in SOURCE_ROLES and mention.margin > -0.8:
            yield "close"


def _others_named(suspect: Suspect, findings: Findings) -> bool:
    return any(mention.code not in ("", suspect.code) and mention.slot in "DN" for mention in findings.mentions)
