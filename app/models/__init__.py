"""The tables, nothing else. Import the modules' names from here."""

from app.models.access import ApiKey, IdempotentAnswer, User, UserSession
from app.models.cases import Act, Assignment, Case, Deadline, Ruling
from app.models.columns import Base, columns_of, new_id
from app.models.consultations import AgendaItem, Consultation, Invitation
from app.models.delivery import Attempt, Callback, Delivery, Endpoint
from app.models.directory import CalendarDay, Department, ObservationPoint, PackVersion, Serial
from app.models.events import Event
from app.models.learned import LearnedModel
from app.models.look_backs import LookBack
from app.models.opinions import SecondOpinion
from app.models.reports import Reply, Report, ReportContact
from app.models.sweeps import Sweep
from app.vocabulary import (
    ActKind,
    AssignmentKind,
    AssignmentRole,
    AssignmentStatus,
    CaseOutcome,
    CaseStatus,
    ConsultationStatus,
    DeadlineKind,
    DeliveryStatus,
    ExtensionState,
    LookBackAnswer,
    OpinionFault,
    OpinionState,
    Party,
    Position,
    RelapseRule,
    ReplyKind,
    Role,
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
    "CalendarDay",
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
    "LookBack",
    "LookBackAnswer",
    "ObservationPoint",
    "OpinionFault",
    "OpinionState",
    "PackVersion",
    "Party",
    "Position",
    "RelapseRule",
    "Reply",
    "ReplyKind",
    "Report",
    "ReportContact",
    "Role",
    "Ruling",
    "SecondOpinion",
    "Serial",
    "Sweep",
    "User",
    "UserSession",
    "VerificationStatus",
    "columns_of",
    "new_id",
]
