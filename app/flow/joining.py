"""Where a report belongs: on the open case with the same words and sources, else on one alike above the threshold, else
on the struck-off case whose burden it brings up again. Reads only; `receive` acts on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.batch import Look, fetch_all
from app.casefile import CaseFile
from app.classify import Decision
from app.directory.city import City
from app.flow.desk import Desk
from app.flow.relapse import open_relapsed
from app.intake import accept
from app.masking import identifying_terms
from app.models import CaseStatus, RelapseRule
from app.route import cluster
from app.route.cluster import Alike, Traces
from app.route.likeness import Reason, read_features
from app.supervise import relapse
from app.supervise.relapse import RelapsePolicy

SAME_WORDS = Reason("same_words", "")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a report belongs: a case, locked, and why; or nowhere yet, and what a new case would be like.

    Attributes:
        score: how alike it is to what it joins or follows; None where the words are the same.
        reopens: the case was struck off, and the report brings it back.
        follows: the struck-off case, locked, that a new one is to be linked to.
    """

    file: CaseFile | None = None
    reasons: tuple[Reason, ...] = ()
    score: float | None = None
    suggested: Sequence[Alike] = ()
    reopens: bool = False
    follows: CaseFile | None = None

    @property
    def relapse_of(self) -> str | None:
        """The number of the struck-off case that a new one follows."""
        return self.follows.case.number if self.follows else None


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


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look at the ledger found: a case with the same words, open or struck off, and reports like it."""

    open: str | None
    struck_off: str | None
    alike: list[tuple[Any, ...]]
    on_the_shelf: list[tuple[Any, ...]]


async def find_place(desk: Desk, fingerprint: str, decision: Decision, traces: Traces) -> Place:
    """The case a report joins or brings back, or what is suggested beside a new one and what that one follows."""
    seen = await _look(desk, fingerprint, traces)
    place, closed_since = await _among_open(desk, seen, traces)
    if place.file:
        return place
    if closed_since:
        seen = await _look(desk, fingerprint, traces)
    found = await open_relapsed(desk, decision, traces, seen.struck_off, seen.on_the_shelf)
    if found is None:
        return place
    earlier, alike = found
    reasons, score = (alike.likeness.reasons, alike.score) if alike else ((SAME_WORDS,), None)
    if earlier.case.status is not CaseStatus.CLOSED:
        return Place(earlier, reasons, score)
    if desk.relapse.rule is RelapseRule.REOPEN:
        return Place(earlier, reasons, score, reopens=True)
    return replace(place, follows=earlier, score=score)


def looks_for(fingerprint: str, traces: Traces, policy: RelapsePolicy, now: datetime) -> list[Look]:
    """Asks for cases with these words, open and struck off, and for reports like this on the ones and the others."""
    return [
        accept.open_case_with(fingerprint),
        relapse.struck_off_with(fingerprint, policy, now),
        cluster.reports_like(traces),
        cluster.struck_off_like(traces),
    ]


async def _look(desk: Desk, fingerprint: str, traces: Traces) -> _Seen:
    """All of it in one trip: most reports are new and need each answer."""
    looks = looks_for(fingerprint, traces, desk.relapse, desk.now)
    same, struck_off, alike, on_the_shelf = await fetch_all(desk.session, looks)
    return _Seen(same[0][0] if same else None, struck_off[0][0] if struck_off else None, alike, on_the_shelf)


async def _among_open(desk: Desk, seen: _Seen, traces: Traces) -> tuple[Place, bool]:
    """By the words, and where these find nothing by likeness; and whether what was found was closed since."""
    closed_since = False
    if seen.open is not None:
        if (file := await _open_if_open(desk, seen.open)) is not None:
            return Place(file, (SAME_WORDS,)), False
        closed_since = True
    found = cluster.rank(seen.alike, traces, at_least=desk.likeness.suggest)
    certain = [alike for alike in found if desk.likeness.joins and alike.score >= desk.likeness.join]
    # Like two cases that the office has told apart: only a person can say to which it belongs.
    if certain and not (len(certain) > 1 and await cluster.are_parted(desk.session, [a.case_id for a in certain])):
        best = certain[0]
        if (file := await _open_if_open(desk, best.case_id)) is not None:
            return Place(file, best.likeness.reasons, best.score), False
        closed_since = True
    return Place(suggested=found), closed_since


async def _open_if_open(desk: Desk, case_id: str) -> CaseFile | None:
    """Lock the case; it may have been closed since it was found."""
    file = await desk.open_file(case_id)
    return None if file.case.status is CaseStatus.CLOSED else file
