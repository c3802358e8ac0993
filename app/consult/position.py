"""A department's position at a session: lead, supporting or not concerned, with the basis it cites."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.consult.convene import invitations_of
from app.lifecycle import IllegalMove
from app.models import Consultation, ConsultationStatus, Invitation, Position
from app.problems import NotFound


async def state_position(
    session: AsyncSession,
    consultation: Consultation,
    department: str,
    position: Position,
    basis: str,
    now: datetime,
) -> Invitation:
    """Record what a department says its part is; it may restate until the session is concluded.

    Raises NotFound for a department that was not invited, IllegalMove once the session is over.
    """
    invitations = await invitations_of(session, consultation)
    invitation = next((i for i in invitations if i.department_code == department), None)
    if invitation is None:
        raise NotFound
    if consultation.status is not ConsultationStatus.CONVENED:
        raise IllegalMove(consultation.status, "opinion")
    invitation.position, invitation.basis, invitation.stated_at = position, basis, now
    return invitation
