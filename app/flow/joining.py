"""Which open case a report belongs to: one with the same words and sources, else one alike above the threshold.

Reads only; `receive` acts on it. The second look-up is one query, made where the first finds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.casefile import CaseFile
from app.classify import Decision
from app.directory.city import City
from app.disclosure import identifying_terms
from app.flow.desk import Desk
from app.intake import accept
from app.models import CaseStatus
from app.route import cluster
from app.route.cluster import Alike, Traces
from app.route.likeness import Reason, read_features

SAME_WORDS = Reason("same_words", "")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a report belongs: an open case, locked, and why; or nowhere yet, and what a new case would be like.

    Attributes:
        score: how alike it is to what it joins; None where the words are the same.
    """

    file: CaseFile | None = None
    reasons: tuple[Reason, ...] = ()
    score: float | None = None
    suggested: Sequence[Alike] = field(default=())


def read_traces(desk: Desk, text: str, decision: Decision, point_code: str) -> Traces:
    """What counts of a report, its own place taken out of the words."""
    return traces_of(desk.city, text, decision, point_code)


def traces_of(city: City, text: str, decision: Decision, point_code: str) -> Traces:
    """The same, where no desk is at hand."""
    point = city.points.get(point_code)
    return cluster.trace(
        read_features(
            text,
            places=identifying_terms([point.name, point.township]) if point else (),
            sources=[s.code for s in decision.sources],
            burdens=[b.code for b in decision.burden_types],
            documents=[n.text for n in decision.document_numbers],
            systems=[e.text for e in decision.evidence if e.rule == "system" and e.field == "text"],
        )
    )


async def find_place(desk: Desk, fingerprint: str, traces: Traces) -> Place:
    """The open case a report joins, or what is suggested beside a new one."""
    same = await accept.find_open_case(desk.session, fingerprint)
    if same is not None and (file := await _open_if_open(desk, same)) is not None:
        return Place(file, (SAME_WORDS,))
    found = await cluster.find_alike(desk.session, traces, at_least=desk.likeness.suggest)
    certain = [alike for alike in found if desk.likeness.joins and alike.score >= desk.likeness.join]
    # Like two cases that the office has told apart: only a person can say to which it belongs.
    if certain and not (len(certain) > 1 and await cluster.are_parted(desk.session, [a.case_id for a in certain])):
        best = certain[0]
        if (file := await _open_if_open(desk, best.case_id)) is not None:
            return Place(file, best.reasons, best.score)
    return Place(suggested=found)


async def _open_if_open(desk: Desk, case_id: str) -> CaseFile | None:
    """Lock the case; it may have been closed since it was found."""
    file = await desk.open_file(case_id)
    return None if file.case.status is CaseStatus.CLOSED else file
