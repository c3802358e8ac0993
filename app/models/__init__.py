"""The tables, nothing else. Import the modules' names from here."""

from app.models.access import ApiKey, IdempotentAnswer, User, UserSession
from app.models.cases import Act, Assignment, Case, Deadline, Pause, Ruling
from app.models.columns import Base, columns_of, new_id
from app.models.consultations import AgendaItem, Consultation, Invitation
from app.models.delivery import Attempt, Callback, Delivery, Endpoint
from app.models.directory import CalendarDay, CalendarImport, Department, ObservationPoint, PackVersion, Serial
from app.models.events import Event
from app.models.learned import LearnedModel
from app.models.opinions import SecondOpinion
from app.models.reports import Reply, Report, ReportContact
from app.models.terms import TermChange
from app.vocabulary import (
    ActKind,
    AssignmentKind,
    AssignmentRole,
    AssignmentStatus,
    Blocker,
    CaseOutcome,
    CaseStatus,
    ConsultationStatus,
    DeadlineKind,
    DeliveryStatus,
    ExtensionState,
    OpinionFault,
    OpinionState,
    Party,
    Position,
    ReplyKind,
    Role,
    Urgency,
    VerificationStatus,
)

__all__ = [
    "Act",
    "ActKind",
    "AgendaItem",
    "ApiKey",
    "Assignment",
    "AssignmentKind",
    "AssignmentRole",
    "AssignmentStatus",
    "Attempt",
    "Base",
    "Blocker",
    "CalendarDay",
    "CalendarImport",
    "Callback",
    "Case",
    "CaseOutcome",
    "CaseStatus",
    "Consultation",
    "ConsultationStatus",
    "Deadline",
    "DeadlineKind",
    "Delivery",
    "DeliveryStatus",
    "Department",
    "Endpoint",
    "Event",
    "ExtensionState",
    "IdempotentAnswer",
    "Invitation",
    "LearnedModel",
    "ObservationPoint",
    "OpinionFault",
    "OpinionState",
    "PackVersion",
    "Party",
    "Pause",
    "Position",
    "Reply",
    "ReplyKind",
    "Report",
    "ReportContact",
    "Role",
    "Ruling",
    "SecondOpinion",
    "Serial",
    "TermChange",
    "Urgency",
    "User",
    "UserSession",
    "VerificationStatus",
    "columns_of",
    "new_id",
]
