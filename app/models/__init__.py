"""The tables, nothing else. Import the modules' names from here."""

from app.models.access import ApiKey, IdempotentAnswer, User, UserSession
from app.models.cases import Act, Assignment, Case, Deadline, Pause, Ruling
from app.models.clusters import ReportKey, SimilarPair
from app.models.columns import Base, columns_of, new_id
from app.models.consultations import AgendaItem, Consultation, Invitation, StatedPosition
from app.models.delivery import Attempt, Callback, Delivery, Endpoint
from app.models.directory import CalendarDay, CalendarImport, Department, ObservationPoint, PackVersion, Serial
from app.models.events import Event
from app.models.evidence import Evidence
from app.models.learned import LearnedModel
from app.models.look_backs import LookBack
from app.models.opinions import SecondOpinion
from app.models.precedents import CitedPrecedent, Precedent, StandingRuling
from app.models.reports import Reply, Report, ReportContact
from app.models.supervision import Digest, Instruction
from app.models.sweeps import Sweep
from app.models.terms import TermChange
from app.vocabulary import (
    ActKind,
    AgendaOutcome,
    AssignmentKind,
    AssignmentRole,
    AssignmentStatus,
    Attendance,
    Blocker,
    CaseOutcome,
    CaseStatus,
    Channel,
    ConsultationStatus,
    DeadlineKind,
    Decided,
    DeliveryStatus,
    ExtensionState,
    InvitationAnswer,
    LookBackAnswer,
    Manner,
    OpinionFault,
    OpinionState,
    Party,
    Position,
    PrecedentState,
    RelapseRule,
    ReplyKind,
    Role,
    Urgency,
    VerificationStatus,
)

__all__ = [
    "Act",
    "ActKind",
    "AgendaItem",
    "AgendaOutcome",
    "ApiKey",
    "Assignment",
    "AssignmentKind",
    "AssignmentRole",
    "AssignmentStatus",
    "Attempt",
    "Attendance",
    "Base",
    "Blocker",
    "CalendarDay",
    "CalendarImport",
    "Callback",
    "Case",
    "CaseOutcome",
    "CaseStatus",
    "Channel",
    "CitedPrecedent",
    "Consultation",
    "ConsultationStatus",
    "Deadline",
    "DeadlineKind",
    "Decided",
    "Delivery",
    "DeliveryStatus",
    "Department",
    "Digest",
    "Endpoint",
    "Event",
    "Evidence",
    "ExtensionState",
    "IdempotentAnswer",
    "Instruction",
    "Invitation",
    "InvitationAnswer",
    "LearnedModel",
    "LookBack",
    "LookBackAnswer",
    "Manner",
    "ObservationPoint",
    "OpinionFault",
    "OpinionState",
    "PackVersion",
    "Party",
    "Pause",
    "Position",
    "Precedent",
    "PrecedentState",
    "RelapseRule",
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
    "StandingRuling",
    "StatedPosition",
    "Sweep",
    "TermChange",
    "Urgency",
    "User",
    "UserSession",
    "VerificationStatus",
    "columns_of",
    "new_id",
]
