"""The tables, nothing else. Import the modules' names from here."""

from app.models.access import ApiKey, IdempotentAnswer, User, UserSession
from app.models.cases import Act, Assignment, Case, Deadline, Ruling
from app.models.clusters import ReportKey, SimilarPair
from app.models.columns import Base, columns_of, new_id
from app.models.consultations import AgendaItem, Consultation, Invitation
from app.models.delivery import Attempt, Callback, Delivery, Endpoint
from app.models.directory import CalendarDay, Department, ObservationPoint, PackVersion, Serial
from app.models.events import Event
from app.models.learned import LearnedModel
from app.models.opinions import SecondOpinion
from app.models.reports import Reply, Report, ReportContact
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
    OpinionFault,
    OpinionState,
    Party,
    Position,
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
    "ObservationPoint",
    "OpinionFault",
    "OpinionState",
    "PackVersion",
    "Party",
    "Position",
    "Reply",
    "ReplyKind",
    "Report",
    "ReportContact",
    "ReportKey",
    "Role",
    "Ruling",
    "SecondOpinion",
    "Serial",
    "SimilarPair",
    "User",
    "UserSession",
    "VerificationStatus",
    "columns_of",
    "new_id",
]
