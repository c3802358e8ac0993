"""Takes a case that is merged away off the agenda: the session called for it alone is cancelled. It calls none."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.consult.convene import agenda_of, disclose_consultation, invitations_of
from app.lifecycle import advance
from app.models import AgendaItem, Consultation, ConsultationStatus
from app.problems import Conflict


class OnSharedAgenda(Conflict):
    code = "on_shared_agenda"
    title_zh, title_en = "该事项正与其他事项一并会商", "The case is on an agenda with others"

    def __init__(self, case_number: str, session_number: str) -> None:
        super().__init__(
            f"{case_number} 正在会商 {session_number} 中与其他事项一并研究,请先形成会商结论再并案。",
            f"{case_number} is on the agenda of {session_number} together with others. Conclude that session first.",
            consultation=session_number,
        )


async def lock_open_sessions(session: AsyncSession, case_ids: Sequence[str]) -> Mapping[str, Consultation]:
    """Open sessions by the case on their agenda, locked. Sessions are locked before cases, as a conclusion does."""
    rows = await session.execute(
        select(AgendaItem.case_id, Consultation)
        .join(Consultation, Consultation.id == AgendaItem.consultation_id)
        .where(AgendaItem.case_id.in_(case_ids), Consultation.status == ConsultationStatus.CONVENED)
        .order_by(Consultation.id)
        .with_for_update(of=Consultation)
        .execution_options(populate_existing=True)
    )
    return {row[0]: row[1] for row in rows}


async def withdraw(file: CaseFile, consultation: Consultation) -> None:
    """Cancel the session and tell who was invited. Raises OnSharedAgenda where it deals with other cases too."""
    if len(await agenda_of(file.session, consultation)) > 1:
        raise OnSharedAgenda(file.case.number, consultation.number)
    advance(consultation, ConsultationStatus.CANCELLED)
    for invitation in await invitations_of(file.session, consultation):
        file.record(
            "consultation.cancelled",
            {"consultation": consultation.number, "department": invitation.department_code},
            department_code=invitation.department_code,
            message={**file.describe(), "consultation": disclose_consultation(consultation, file.calendar.zone)},
        )


async def find_last_invited(session: AsyncSession, case_id: str) -> list[str]:
    """Whom the last session on the case had invited."""
    last = await session.scalar(
        select(Consultation)
        .join(AgendaItem, AgendaItem.consultation_id == Consultation.id)
        .where(AgendaItem.case_id == case_id)
        .order_by(Consultation.convened_at.desc(), Consultation.id.desc())
        .limit(1)
    )
    return [] if last is None else [i.department_code for i in await invitations_of(session, last)]
