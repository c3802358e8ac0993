"""回潮: a case whose burden came back returns to the ledger, straight to those who had it last."""

from collections.abc import Iterable, Sequence

from app.casefile import CaseFile
from app.classify import Decision
from app.close import reopen as reopening
from app.flow.desk import SYSTEM_ACTOR, Desk
from app.models import Assignment, Case, CaseStatus, RelapseRule, Report
from app.route import assign, cluster
from app.route.cluster import Alike, Traces
from app.route.policy import Duty
from app.supervise import look_back, relapse


async def open_relapsed(
    desk: Desk, decision: Decision, traces: Traces, same_words: str | None, on_the_shelf: Iterable[tuple[str, str]]
) -> tuple[CaseFile, Alike | None] | None:
    """The struck-off case that such a report brings up again, locked; open again where another report came first.

    By the same words, else by likeness above the office's threshold for joining; then it comes with how alike it is.
    Only the most alike is tried, for each is locked.
    """
    if desk.relapse.rule is RelapseRule.OFF:
        return None
    alike = None
    if same_words is None and desk.likeness.joins:
        alike = next(iter(cluster.rank(on_the_shelf, traces, at_least=desk.likeness.join)), None)
    case_id = same_words or (alike.case_id if alike else None)
    if case_id is None:
        return None
    file = await desk.open_file(case_id)
    sources = [s.code for s in decision.sources]
    is_open = file.case.status is not CaseStatus.CLOSED
    if is_open or relapse.comes_back(file.case, sources, desk.relapse, desk.now):
        return file, alike
    return None


async def note_link(
    desk: Desk, earlier: CaseFile, report: Report, following: Case, *, score: float | None = None
) -> None:
    """A new case follows a struck-off one, whose record says so too and which is not looked back at any more."""
    earlier.actor = SYSTEM_ACTOR
    relapse.note_relapse(earlier, because="new_report", report=report.number, relapsed_as=following.number, score=score)
    await look_back.withdraw(earlier)
    await desk.finish(earlier)


async def put_back(desk: Desk, file: CaseFile, reports: Sequence[Report], *, because: str, report: str) -> None:
    """Reopen a relapsed case under its old number, with new duties and new clocks for those who had it last.

    Not by way of triage: who is responsible was settled, and done or answered once. Where no department had the case,
    or one of them has left the directory, the office rules.
    """
    last = await relapse.last_duties(file)
    if any(duty.department_code not in desk.city.departments for duty in last):
        last = []
    relapse.note_relapse(file, because=because, report=report)
    await look_back.withdraw(file)
    reopening.reopen_relapsed(file, last)
    if last:
        assign.dispatch(file, [_again(duty) for duty in last], texts=desk.masked(reports))


def _again(duty: Assignment) -> Duty:
    return Duty(duty.department_code, duty.role, tuple(duty.on_behalf_of), duty.obligation)
