"""The tables, nothing else. Import the modules' names from here."""

from app.models.access import ApiKey, IdempotentAnswer, Role, User, UserSession
from app.models.cases import (
    Act,
    ActKind,
    Assignment,
    AssignmentKind,
    AssignmentRole,
    AssignmentStatus,
    Case,
    CaseOutcome,
    CaseStatus,
    Deadline,
    DeadlineKind,
    Party,
    Ruling,
)
from app.models.columns import Base, columns_of, new_id
from app.models.consultations import AgendaItem, Consultation, ConsultationStatus, Invitation, Position
from app.models.delivery import Attempt, Callback, Delivery, DeliveryStatus, Endpoint
from app.models.directory import CalendarDay, Department, ObservationPoint, PackVersion, Serial
from app.models.events import Event
from app.models.reports import Reply, ReplyKind, Report, ReportContact, VerificationStatus

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
    "IdempotentAnswer",
    "Invitation",
    "ObservationPoint",
    "PackVersion",
    "Party",
    "Position",
    "Reply",
    "ReplyKind",
    "Report",
    "ReportContact",
    "Role",
    "Ruling",
    "Serial",
    "User",
    "UserSession",
    "VerificationStatus",
    "columns_of",
    "new_id",
]
