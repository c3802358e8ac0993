"""会商: the small forms beside a session: date and place, batches, taking a case off, calling it off."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Response

from app.access.principal import Permission
from app.consult.schedule import Meeting
from app.dashboard.answering import attempt, go, make_pages, words_for
from app.dashboard.cases import read_moment
from app.dashboard.consultations import PATH, Id, show_session
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import read_text
from app.dashboard.session import At, Office
from app.flow import agenda, consultation
from app.flow.desk import Desk
from app.models import Consultation

router = make_pages()
LENGTHS: Final = (15, 540)
REASON: Final = N_("请写明理由（2 至 2000 字）。")


async def _act(at: Office, id: str, act: Callable[[Desk], Awaitable[Consultation]], done: str) -> Response:  # noqa: A002
    """Do one verb and show the session with what was done, or what is wrong."""

    async def attempted() -> Response:
        async with at.desk(Permission.CONVENE) as desk:
            changed = await act(desk)
        said = words_for(at).say(done, number=changed.number)
        return go(at.request, f"{PATH}/{changed.number}", Flash(said, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await show_session(at, id, typed=at.form, messages=(message,), status=status)

    at.principal.require(Permission.CONVENE)
    return await attempt(at, attempted, show_again)


@router.post("/consultations/{id}/schedule")
async def schedule(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """Fix date and place, or move them."""

    async def act(desk: Desk) -> Consultation:
        return await consultation.schedule(desk, id, _meeting(at))

    return await _act(at, id, act, N_("会商 %(number)s 的时间和地点已确定，并已通知各部门。"))


def _meeting(at: Office) -> Meeting:
    form, faults = at.form, list[str]()
    moment = read_moment(form.get("meeting_at"), at, faults)
    if moment is None and not faults:
        faults.append(N_("请填写会议时间。"))
    try:
        minutes = form.number("minutes_long", *LENGTHS)
    except ValueError:
        minutes = None
        faults.append(N_("会议时长须为 15 至 540 分钟。"))
    place = form.get("place")[:200]
    if not place:
        faults.append(N_("请填写会议地点。"))
    if faults or moment is None:
        raise BadFields(faults)
    return Meeting(moment, place, minutes, form.get("despite_clash") == "yes", form.get("late_reason")[:2000] or None)


@router.post("/consultations/{id}/batch")
async def batch(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """Hold other sessions together with this one."""

    async def act(desk: Desk) -> Consultation:
        return await agenda.batch(desk, id, [number for number in at.form.all("sessions") if len(number) <= 40])

    return await _act(at, id, act, N_("已合并召开会商 %(number)s。"))


@router.post("/consultations/{id}/withdrawal")
async def withdraw(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """Take one case off the agenda."""

    async def act(desk: Desk) -> Consultation:
        return await agenda.withdraw_case(desk, id, at.form.get("case"), _reason(at))

    return await _act(at, id, act, N_("事项已撤出会商 %(number)s，退回分办。"))


@router.post("/consultations/{id}/cancellation")
async def cancel(id: Id, at: At) -> Response:  # noqa: A002 - the address says id
    """Call the session off."""

    async def act(desk: Desk) -> Consultation:
        return await agenda.cancel(desk, id, _reason(at))

    return await _act(at, id, act, N_("会商 %(number)s 已取消，事项退回分办。"))


def _reason(at: Office) -> str:
    faults: list[str] = []
    reason = read_text(at.form, "end_reason", REASON, faults)
    if faults:
        raise BadFields(faults)
    return reason
