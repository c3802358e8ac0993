"""会商: the small forms beside a session: invitations, date and place, more time, batches, its end."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Response

from app.access.principal import Permission
from app.consult.schedule import Meeting
from app.dashboard.answering import attempt, go, make_pages, words_for
from app.dashboard.consultations import PATH, Id, show_session
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.meetings import read_meeting
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import read_departments, read_text
from app.dashboard.session import Convener, Office
from app.flow import agenda, consultation
from app.flow.desk import Desk
from app.models import Consultation

router = make_pages()
REASON: Final = N_("请写明理由（2 至 2000 字）。")
LONGEST_EXTENSION: Final = 60


async def _act(
    at: Office,
    id: str,  # noqa: A002
    form: str,
    act: Callable[[Desk], Awaitable[Consultation]],
    done: str,
    named: list[str] | None = None,
) -> Response:
    """Do one verb and show the session with what was done, or what is wrong; `named` are departments it is about."""

    async def attempted() -> Response:
        async with at.desk(Permission.CONVENE) as desk:
            number = (await act(desk)).number
        words = words_for(at)
        message = Flash(words.say(done, number=number), "success", words.departments(named or []))
        return go(at.request, f"{PATH}/{number}", message)

    async def show_again(message: Flash, status: int) -> Response:
        return await show_session(at, id, typed={form: at.form}, messages=(message,), status=status)

    return await attempt(at, attempted, show_again)


@router.post("/consultations/{id}/schedule")
async def schedule(id: Id, at: Convener) -> Response:  # noqa: A002 - the address says id
    """Fix date and place, or move them."""

    async def act(desk: Desk) -> Consultation:
        return await consultation.schedule(desk, id, _meeting(at))

    return await _act(at, id, "schedule", act, N_("会商 %(number)s 的时间和地点已确定，并已通知各部门。"))


def _meeting(at: Office) -> Meeting:
    faults: list[str] = []
    meeting = read_meeting(at.form, at.city.calendar.zone, faults)
    if not at.form.get("place"):
        faults.append(N_("请填写会议地点。"))
    if faults or meeting is None:
        raise BadFields(faults)
    return meeting


@router.post("/consultations/{id}/invitations")
async def invite(id: Id, at: Convener) -> Response:  # noqa: A002 - the address says id
    """Invite further departments."""
    faults: list[str] = []
    codes = [code for code in read_departments(at.form.all("receiver"), at.city, faults) if code]
    if not codes and not faults:
        faults.append(N_("请填写要邀请的部门。"))

    async def act(desk: Desk) -> Consultation:
        if faults:
            raise BadFields(faults)
        despite_clash = at.form.get("despite_clash") == "yes"
        return await agenda.change_invitations(desk, id, departments=codes, despite_clash=despite_clash)

    return await _act(at, id, "inviting", act, N_("会商 %(number)s 已增加邀请："), codes)


@router.post("/consultations/{id}/invitations/withdrawal")
async def let_go(id: Id, at: Convener) -> Response:  # noqa: A002 - the address says id
    """Withdraw invitations before the meeting; who is let go is told why."""
    codes = [code for code in at.form.all("seat") if code in at.city.departments]

    async def act(desk: Desk) -> Consultation:
        faults = [] if codes else [N_("请选择不再邀请的部门。")]
        reason = read_text(at.form, "reason", REASON, faults)
        if faults:
            raise BadFields(faults)
        return await agenda.change_invitations(desk, id, withdraw=codes, reason=reason)

    return await _act(at, id, "uninviting", act, N_("会商 %(number)s 不再邀请以下部门，并已告知："), codes)


@router.post("/consultations/{id}/extension")
async def extend(id: Id, at: Convener) -> Response:  # noqa: A002 - the address says id
    """Give the office more time, once."""

    async def act(desk: Desk) -> Consultation:
        days, reason = _extension(at)
        return await consultation.extend(desk, id, days, reason)

    return await _act(at, id, "extension", act, N_("会商 %(number)s 的时限已延长，原时限保留在案。"))


def _extension(at: Office) -> tuple[int, str]:
    faults: list[str] = []
    try:
        days = at.form.number("days", 1, LONGEST_EXTENSION)
    except ValueError:
        days = None
    if days is None:
        faults.append(N_("延长的工作日须为 1 至 60 之间的整数。"))
    reason = read_text(at.form, "reason", REASON, faults)
    if faults or days is None:
        raise BadFields(faults)
    return days, reason


@router.post("/consultations/{id}/batch")
async def batch(id: Id, at: Convener) -> Response:  # noqa: A002 - the address says id
    """Hold other sessions together with this one."""

    async def act(desk: Desk) -> Consultation:
        return await agenda.batch(desk, id, [number for number in at.form.all("sessions") if len(number) <= 40])

    return await _act(at, id, "batch", act, N_("已合并召开会商 %(number)s。"))


@router.post("/consultations/{id}/withdrawal")
async def withdraw(id: Id, at: Convener) -> Response:  # noqa: A002 - the address says id
    """Take one case off the agenda."""

    async def act(desk: Desk) -> Consultation:
        return await agenda.withdraw_case(desk, id, at.form.get("case"), _reason(at))

    return await _act(at, id, "withdrawal", act, N_("事项已撤出会商 %(number)s，退回分办。"))


@router.post("/consultations/{id}/cancellation")
async def cancel(id: Id, at: Convener) -> Response:  # noqa: A002 - the address says id
    """Call the session off."""

    async def act(desk: Desk) -> Consultation:
        return await agenda.cancel(desk, id, _reason(at))

    return await _act(at, id, "cancellation", act, N_("会商 %(number)s 已取消，事项退回分办。"))


def _reason(at: Office) -> str:
    faults: list[str] = []
    reason = read_text(at.form, "reason", REASON, faults)
    if faults:
        raise BadFields(faults)
    return reason
