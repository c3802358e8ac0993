"""先例: a session's conclusion is kept as one; the office withdraws it, makes it a standing ruling, ends that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from app.casefile import CaseFile
from app.classify import Decision
from app.consult import precedent as keeping
from app.consult.conclude import CaseConclusion
from app.directory.serials import PRECEDENT
from app.flow.desk import Desk
from app.flow.joining import read_traces
from app.models import Consultation, Precedent, Report, StandingRuling
from app.problems import NotFound
from app.route.precedent import kept_likeness

LONGEST_SUMMARY = 120


async def keep_precedent(
    desk: Desk, file: CaseFile, conclusion: CaseConclusion, reports: Sequence[Report], consultation: Consultation
) -> None:
    """What was just concluded on a case becomes a precedent; one that the same case had made before is replaced.

    Its number must have been reserved.
    """
    number = await desk.numbers.take(PRECEDENT, desk.now)
    earlier = await desk.session.scalars(
        select(Precedent).where(Precedent.case_id == file.case.id, Precedent.withdrawn_at.is_(None))
    )
    for precedent in earlier.all():
        standing = await _standing_of(desk, precedent)
        reason = f"同一事项重新会商，由 {number} 取代。"
        keeping.withdraw(file, precedent, standing, by=desk.principal.holder, reason=reason)
    first = reports[0]
    machine = Decision.from_dict(first.decision)
    traces = read_traces(desk, first.text, machine, first.observation_point_code)
    keeping.keep(
        file,
        conclusion,
        consultation,
        number=number,
        summary=_summarise(desk, first),
        document_numbers=[found.text for found in machine.document_numbers],
        likeness=kept_likeness(traces.features),
    )


def _summarise(desk: Desk, report: Report) -> str:
    """One line, masked as for a department: it is shown to departments that never saw the report."""
    (shown,) = desk.masked([report])
    words = " ".join((shown["title"] or shown["text"] or "").split())
    return words if len(words) <= LONGEST_SUMMARY else words[: LONGEST_SUMMARY - 1] + "…"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A locked precedent with its case's file and its standing ruling, if one is in force."""

    file: CaseFile
    precedent: Precedent
    standing: StandingRuling | None


async def withdraw(desk: Desk, number: str, reason: str) -> None:
    """It is no longer cited, and dispatches nothing. Raises NotFound or PrecedentWithdrawn."""
    opened = await _open(desk, number)
    keeping.withdraw(opened.file, opened.precedent, opened.standing, by=desk.principal.holder, reason=reason)
    await desk.finish(opened.file)


async def make_standing(desk: Desk, number: str, reason: str, until: date | None) -> None:
    """常规裁定: dispatch from now on what matches.

    Raises NotFound, PrecedentWithdrawn, StandingAlready or UntilPassed.
    """
    opened = await _open(desk, number)
    keeping.make_standing(
        opened.file, opened.precedent, opened.standing, by=desk.principal.holder, reason=reason, until=until
    )
    await desk.finish(opened.file)


async def end_standing(desk: Desk, number: str, reason: str) -> None:
    """End it; cases that it dispatched stay as they are. Raises NotFound or NotStanding."""
    opened = await _open(desk, number)
    keeping.end_standing(opened.file, opened.precedent, opened.standing, by=desk.principal.holder, reason=reason)
    await desk.finish(opened.file)


async def _open(desk: Desk, number: str) -> _Opened:
    """Lock case and precedent, in this order as everywhere."""
    case_id = await desk.session.scalar(select(Precedent.case_id).where(Precedent.number == number))
    if case_id is None:
        raise NotFound
    file = await desk.open_file(case_id)
    rows = await desk.session.scalars(select(Precedent).where(Precedent.number == number).with_for_update())
    precedent = rows.one()
    return _Opened(file, precedent, await _standing_of(desk, precedent))


async def _standing_of(desk: Desk, precedent: Precedent) -> StandingRuling | None:
    ruling: StandingRuling | None = await desk.session.scalar(
        select(StandingRuling).where(StandingRuling.precedent_id == precedent.id, StandingRuling.ended_at.is_(None))
    )
    return ruling
