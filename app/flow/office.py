"""What the coordinating office decides on a case: rule, close, reopen."""

from collections.abc import Sequence

from app.casefile import CaseFile
from app.classify import Category, Decision, Route
from app.close import reopen as reopening
from app.directory.serials import CONSULTATION
from app.flow.desk import Desk
from app.flow.receive import dispatch, summon
from app.flow.strike_off import strike_off
from app.flow.unresolved import check_ending, keep_reason
from app.lifecycle import IllegalMove
from app.models import AssignmentRole, CaseOutcome, CaseStatus, Urgency
from app.problems import InvalidInput
from app.route import assign
from app.route.policy import Duty
from app.route.triage import record_ruling
from app.supervise import look_back

Receivers = Sequence[tuple[str, AssignmentRole]]


class ReceiversMissing(InvalidInput):
    code = "receivers_missing"
    title_zh, title_en = "缺少承办部门", "No receiving department"

    def __init__(self) -> None:
        super().__init__(
            "请至少指定一个承办部门；不属于受理范围的，请用“办结”并写明给反映人的答复。",
            "Name at least one department; what is out of scope is closed with a reply to the reporter.",
            errors=[{"field": "receivers", "zh": "至少一个部门", "en": "at least one department"}],
        )


class NoProvincialCounterpart(InvalidInput):
    code = "no_provincial_counterpart"
    title_zh, title_en = "该部门没有省级对口部门", "No provincial counterpart"

    def __init__(self) -> None:
        super().__init__(
            "省级事项须交给与省级部门对口的市直部门上报。请改选市直部门，或改为直接交办。",
            "A provincial matter goes to the municipal counterpart. Choose one, or assign directly.",
            errors=[{"field": "receivers", "zh": "没有省级对口部门", "en": "has no provincial counterpart"}],
        )


async def rule(
    desk: Desk,
    case_number: str,
    *,
    category: Category,
    receivers: Receivers,
    reason: str,
    term: int | None = None,
    urgency: Urgency | None = None,
    expected_version: int | None = None,
) -> CaseFile:
    """裁定: decide or overrule category, receivers, lead, term, urgency; the machine's decision stays beside it.

    Raises ReceiversMissing, UnknownDepartment, NoProvincialCounterpart, NotFound, CaseChanged, or IllegalMove for a
    case that is struck off.
    """
    if not receivers:
        raise ReceiversMissing
    for code, _ in receivers:
        desk.city.get_department(code, "receivers")
    if category is Category.MULTI_DEPARTMENT:
        await desk.numbers.reserve(CONSULTATION, desk.now)
    file = await desk.open_numbered(case_number, expected_version)
    if file.case.status is CaseStatus.CLOSED:
        # What was struck off comes back by being reopened, which takes back its outcome and tells its departments.
        raise IllegalMove(file.case.status, "ruled")
    reports = await desk.reports_on(file)
    machine = Decision.from_dict(reports[0].decision)
    duties = _duties_under(desk, category, receivers, machine, term)
    file.case.urgency = urgency or file.case.urgency
    keep_ruling(desk, file, category, duties, reason, machine, urgency)
    assign.supersede(file)
    file.case.category = category
    if category is Category.MULTI_DEPARTMENT:
        file.case.route = Route.CONSULTATION
        await summon(desk, [(file, reports)], [code for code, _ in receivers])
    else:
        file.case.route = Route.ESCALATION if category is Category.PROVINCIAL else Route.ASSIGNMENT
        dispatch(desk, file, duties, reports)
    await desk.finish(file)
    return file


def _duties_under(
    desk: Desk, category: Category, receivers: Receivers, machine: Decision, term: int | None
) -> list[Duty]:
    """Under a provincial ruling each receiver stands for a provincial department; under a municipal one for none."""
    if category is not Category.PROVINCIAL:
        sources = [s.code for s in machine.sources] if category is Category.MULTI_DEPARTMENT else []
        return desk.duties(receivers, sources, term)
    duties = []
    for code, role in receivers:
        named = desk.city.represented_by(code, [s.code for s in machine.sources])
        above = named or desk.city.provincial_counterparts(code)
        if not above:
            raise NoProvincialCounterpart
        duties.append(Duty(code, role, on_behalf_of=tuple(above), term=term))
    return duties


def keep_ruling(
    desk: Desk,
    file: CaseFile,
    category: Category,
    duties: Sequence[Duty],
    reason: str,
    machine: Decision,
    urgency: Urgency | None = None,
) -> None:
    """Keep the office's decision beside the machine's, noting whether it overrules that."""
    decided = machine.category is not Category.UNCLEAR
    same = machine.category is category and {r.code for r in machine.receivers} == {d.department for d in duties}
    record_ruling(
        file,
        ruled_by=desk.principal.holder,
        category=category,
        duties=duties,
        reason=reason,
        overrules=decided and not same,
        urgency=urgency,
    )


async def close(
    desk: Desk,
    case_number: str,
    *,
    outcome: CaseOutcome,
    statement: str,
    reason: str | None = None,
    expected_version: int | None = None,
) -> CaseFile:
    """办结: end a case with the office's own statement to every reporter; a `reason` is kept as a ruling.

    One that stands unresolved is a leader's to end, with a reason. Raises NotAllowed or ReasonMissing.
    """
    file = await desk.open_numbered(case_number, expected_version)
    check_ending(file, desk.principal, reason)
    if reason:
        keep_reason(file, desk.principal, reason)
    await strike_off(file, await desk.reports_on(file), outcome=outcome, statement=statement)
    await desk.finish(file)
    return file


async def reopen(desk: Desk, case_number: str, *, reason: str, expected_version: int | None = None) -> CaseFile:
    """重新挂账: put a closed case back on the ledger, under its old number; the reason is kept as a ruling."""
    file = await desk.open_numbered(case_number, expected_version)
    reopening.reopen(file)
    await look_back.withdraw(file)
    record_ruling(
        file, ruled_by=desk.principal.holder, category=file.case.category, duties=[], reason=reason, overrules=False
    )
    await desk.finish(file)
    return file
