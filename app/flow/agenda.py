"""会商: what the office puts on a session's agenda and takes off it, whom it invites; and what departments answer."""

from collections.abc import Sequence

from app.consult import agenda
from app.consult.answer import Response, respond
from app.consult.convene import Texts, invite, let_go, withdrawn_seats
from app.consult.schedule import booking_of, read_bookings, refuse_clash
from app.consult.session_file import (
    SessionFile,
    get_consultation,
    lock_sessions,
    open_cases_of,
    read_session_file,
)
from app.flow.desk import Desk
from app.flow.receive import guests_for
from app.models import CaseStatus, Consultation
from app.problems import Conflict, InvalidInput


class NothingToBatch(InvalidInput):
    code = "nothing_to_batch"
    title_zh, title_en = "没有可以合并的会商", "No sessions to hold as one"

    def __init__(self) -> None:
        super().__init__(
            "请至少写明一场其他会商(sessions)，且不能包括本场。",
            "Name at least one other session in `sessions`, and not this one itself.",
            errors=[{"field": "sessions", "zh": "至少一场其他会商", "en": "at least one other session"}],
        )


class InvitationsUnclear(InvalidInput):
    code = "invitations_unclear"
    title_zh, title_en = "邀请内容不完整", "The invitations are not clear"

    def __init__(self) -> None:
        super().__init__(
            "请写明要增加邀请的部门(departments)或要取消邀请的部门(withdraw)；取消的须写明理由(reason)。",
            "Name `departments` to invite, or whom to `withdraw` with a `reason`.",
            errors=[{"field": "departments", "zh": "须写明部门", "en": "name at least one department"}],
        )


class AlreadyInvited(Conflict):
    code = "already_invited"
    title_zh, title_en = "该部门已在邀请之列", "Already invited"

    def __init__(self) -> None:
        super().__init__(
            "所列部门都已受邀，无需再次邀请。",
            "All of these departments have been invited; there is nothing to change.",
        )


async def open_sessions(desk: Desk, ids: Sequence[str], *, to_book: bool = False) -> list[SessionFile]:
    """Lock the cases open on these agendas, then the sessions; in the order of `ids`. `to_book` also keeps anybody else
    from fixing a meeting until this one is. Raises NotFound or AgendaChanged."""
    found = [await get_consultation(desk.session, one) for one in ids]
    cases = await open_cases_of(desk.session, [c.id for c in found])
    files = {case_id: await desk.open_file(case_id) for case_id in cases}
    await lock_sessions(desk.session, [c.id for c in found], with_all_open=to_book)
    return [await read_session_file(desk.session, c, files) for c in found]


async def open_session(desk: Desk, id_or_number: str, *, to_book: bool = False) -> SessionFile:
    return (await open_sessions(desk, [id_or_number], to_book=to_book))[0]


async def finish(desk: Desk, sitting: SessionFile) -> Consultation:
    """Write what was done on each case of a session."""
    for file in list(sitting.files.values()):
        await desk.finish(file)
    return sitting.consultation


async def texts_of(desk: Desk, sitting: SessionFile) -> Texts:
    """The masked reports of each case, by case id."""
    return {case_id: desk.masked(await desk.reports_on(file)) for case_id, file in sitting.files.items()}


async def batch(desk: Desk, session_id: str, others: Sequence[str], *, despite_clash: bool = False) -> Consultation:
    """Hold several sessions as one: the others' cases come onto this agenda, their departments to this table."""
    ids = [(await get_consultation(desk.session, one)).id for one in dict.fromkeys(others)]
    target_id = (await get_consultation(desk.session, session_id)).id
    ids = list(dict.fromkeys(ids))
    if not ids or target_id in ids:
        raise NothingToBatch
    target, *sources = await open_sessions(desk, [target_id, *ids], to_book=True)
    for sitting in (target, *sources):
        sitting.require_open("batch")
    for source in sources:
        files = [*target.files.values(), *source.files.values()]
        guests = guests_for(desk, [*target.departments, *source.departments], files)
        texts = {**await texts_of(desk, target), **await texts_of(desk, source)}
        await agenda.take_over(target, source, guests, texts)
    await _refuse_clash(desk, target, despite_clash=despite_clash)
    return await finish(desk, target)


async def _refuse_clash(desk: Desk, sitting: SessionFile, *, despite_clash: bool) -> None:
    """Who comes as well must be free at the time that stands, or the office accept on the record that it is not."""
    session = sitting.consultation
    if session.meeting_at is not None:
        file = next(iter(sitting.files.values()))
        others = await read_bookings(desk.session, leaving_out=session.id)
        wanted = booking_of(session, sitting.departments)
        accepted = refuse_clash(wanted, others, file, despite_clash=despite_clash)
        for each in sitting.files.values() if accepted else ():
            each.record("consultation.scheduled", {"consultation": session.number, "despite_clash": accepted})


async def change_invitations(
    desk: Desk,
    session_id: str,
    *,
    departments: Sequence[str] = (),
    withdraw: Sequence[str] = (),
    reason: str | None = None,
    despite_clash: bool = False,
) -> Consultation:
    """Invite further departments, let others go before the meeting."""
    if (not departments and not withdraw) or (withdraw and not reason):
        raise InvitationsUnclear
    for code in departments:
        desk.city.get_department(code, "departments")
    sitting = await open_session(desk, session_id, to_book=True)
    sitting.require_open("invitations")
    if departments and not withdraw and set(departments) <= set(sitting.departments):
        raise AlreadyInvited
    if departments:
        guests = guests_for(desk, departments, list(sitting.files.values()))
        again = await withdrawn_seats(desk.session, sitting.consultation)
        invite(sitting, guests, await texts_of(desk, sitting), again)
        await _refuse_clash(desk, sitting, despite_clash=despite_clash)
    for code in dict.fromkeys(withdraw):
        let_go(sitting, code, reason or "")
    return await finish(desk, sitting)


async def answer_invitation(desk: Desk, session_id: str, said: Response) -> Consultation:
    """A department says whether it comes, or who comes in its stead."""
    sitting = await open_session(desk, session_id)
    respond(sitting, desk.principal.department or "", said, desk.now)
    return await finish(desk, sitting)


async def withdraw_case(desk: Desk, session_id: str, case_number: str, reason: str) -> Consultation:
    """One case comes off the agenda and goes back to the office's desk."""
    sitting = await open_session(desk, session_id)
    sitting.require_open("withdrawal")
    agenda.withdraw(sitting, sitting.get_item(case_number), reason)
    return await _back_to_triage(desk, sitting)


async def cancel(desk: Desk, session_id: str, reason: str) -> Consultation:
    """The session is off; its cases go back to the office's desk."""
    sitting = await open_session(desk, session_id)
    agenda.cancel(sitting, reason)
    return await _back_to_triage(desk, sitting)


async def _back_to_triage(desk: Desk, sitting: SessionFile) -> Consultation:
    waiting = {item.case_id for item in sitting.agenda}
    for case_id, file in sitting.files.items():
        if case_id not in waiting:
            file.advance_case(CaseStatus.TRIAGE)
    sitting.settle_due()
    return await finish(desk, sitting)
