"""The words of the domain that code compares: roles, states, kinds. Pure, so that pure rules may use them.

The Chinese term of each concept stands in its model's docstring.
"""

from enum import StrEnum


class Role(StrEnum):
    REPORTER = "reporter"
    DEPARTMENT = "department"
    CLERK = "clerk"
    LEADER = "leader"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class AdminActKind(StrEnum):
    """What was done to accounts and keys."""

    USER_CREATED = "user_created"
    ROLE_SET = "role_set"
    USER_DEACTIVATED = "user_deactivated"
    USER_ACTIVATED = "user_activated"
    SESSIONS_ENDED = "sessions_ended"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a word, no password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    KEY_CREATED = "key_created"
    KEY_ROTATED = "key_rotated"
    KEY_REVOKED = "key_revoked"


class CaseStatus(StrEnum):
    TRIAGE = "triage"
    DISPATCHED = "dispatched"
    IN_PROGRESS = "in_progress"
    AWAITING_PROVINCE = "awaiting_province"
    CONSULTING = "consulting"
    IN_REVIEW = "in_review"
    VERIFYING = "verifying"
    UNRESOLVED = "unresolved"
    CLOSED = "closed"


class CaseOutcome(StrEnum):
    """How a case ended; apart from its status, for closed is not the same as fixed."""

    RELIEVED = "relieved"
    UNRESOLVED = "unresolved"
    NOT_A_BURDEN = "not_a_burden"
    ANSWERED = "answered"
    MERGED = "merged"


class Party(StrEnum):
    """Who owns a case or a clock."""

    OFFICE = "office"
    DEPARTMENT = "department"
    POINT = "observation_point"


class AssignmentKind(StrEnum):
    ASSIGNMENT = "assignment"
    ESCALATION = "escalation"


class AssignmentRole(StrEnum):
    LEAD = "lead"
    SUPPORTING = "supporting"


class AssignmentStatus(StrEnum):
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    FORWARDED = "forwarded"
    RESPONDED = "responded"
    REWORKING = "reworking"
    APPROVED = "approved"
    UNRESOLVED = "unresolved"
    RETURNED = "returned"
    SUPERSEDED = "superseded"
    CLOSED = "closed"


class ActKind(StrEnum):
    ACCEPTANCE = "acceptance"
    RETURN = "return"
    PROGRESS = "progress"
    FEEDBACK = "feedback"
    EXTENSION = "extension"
    FORWARDING = "forwarding"
    UPSTREAM_REPLY = "upstream_reply"
    SUPERVISION_REPLY = "supervision_reply"


class ExtensionState(StrEnum):
    """Where an assignment's one request for more time stands; it lapses when the clock it asks about stops first."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    LAPSED = "lapsed"


class Decided(StrEnum):
    """What a leader decided on a case at the highest level of supervision; it is carried out by the usual acts."""

    MEETING = "meeting"
    EXTENSION = "extension"
    RULING = "ruling"
    CLOSING = "closing"
    OTHER = "other"


class DocumentKind(StrEnum):
    """公文: what the office issues on paper: 交办单, 转办单, 督办单, 会商通知, 会商纪要."""

    ASSIGNMENT = "assignment"
    ESCALATION = "escalation"
    SUPERVISION = "supervision"
    INVITATION = "invitation"
    MINUTES = "minutes"


class DeadlineKind(StrEnum):
    TRIAGE = "triage"
    ACCEPTANCE = "acceptance"
    FEEDBACK = "feedback"
    FORWARDING = "forwarding"
    CHASE = "chase"
    REVIEW = "review"
    VERIFICATION = "verification"
    CONSULTATION = "consultation"
    REVISIT = "revisit"
    # The office's own, while a department's clock is paused.
    PAUSE = "pause"


class Urgency(StrEnum):
    """How pressing the office says a case is; it decides which terms apply."""

    NORMAL = "normal"
    URGENT = "urgent"


class Blocker(StrEnum):
    """What a paused clock waits for."""

    INFORMATION = "awaiting_information"
    PROVINCE = "awaiting_province"
    OTHER = "awaiting_other"


class VerificationStatus(StrEnum):
    """Where the question 负担是否真的减下来 stands for one report."""

    NOT_ASKED = "not_asked"
    ASKED = "asked"
    RELIEVED = "relieved"
    NOT_RELIEVED = "not_relieved"
    LAPSED = "lapsed"


class RelapseRule(StrEnum):
    """What a report does that brings up again what was struck off: reopen that line, open one linked to it, neither."""

    REOPEN = "reopen"
    LINK = "link"
    OFF = "off"


class LookBackAnswer(StrEnum):
    """How a look back ended: by the point's answer, in silence, or withdrawn because the case came back first."""

    HOLDS = "holds"
    RELAPSED = "relapsed"
    NO_ANSWER = "no_answer"
    WITHDRAWN = "withdrawn"


class ReplyKind(StrEnum):
    """`unresolved` says why a burden cannot be lifted for now and that the case stays on the ledger."""

    INTERIM = "interim"
    UNRESOLVED = "unresolved"
    FINAL = "final"


class ConsultationStatus(StrEnum):
    """`scheduled`: date and place are fixed; what concerns little may be concluded without a meeting."""

    CONVENED = "convened"
    SCHEDULED = "scheduled"
    CONCLUDED = "concluded"
    CANCELLED = "cancelled"


class AgendaOutcome(StrEnum):
    """How a case left a session's agenda; `settled` where the office ruled on it or closed it meanwhile."""

    CONCLUDED = "concluded"
    MOVED = "moved"
    WITHDRAWN = "withdrawn"
    SETTLED = "settled"


class InvitationAnswer(StrEnum):
    """Whether a department comes to a session, itself or by a deputy."""

    ACCEPTED = "accepted"
    DEPUTY = "deputy"
    DECLINED = "declined"


class Attendance(StrEnum):
    """Who sat in a department's seat when a session was concluded."""

    PRESENT = "present"
    DEPUTY = "deputy"
    ABSENT = "absent"


class Manner(StrEnum):
    """How a session ended on a case: all agreed, or the office ruled because they did not."""

    AGREED = "agreed"
    RULED = "ruled"


class PrecedentState(StrEnum):
    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"


class Position(StrEnum):
    """What a department says its part is."""

    LEAD = "lead"
    SUPPORTING = "supporting"
    NOT_CONCERNED = "not_concerned"


class DeliveryStatus(StrEnum):
    """Outdated is a daily digest whose day went by before it got there: nothing is left to be sent."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    QUARANTINED = "quarantined"
    OUTDATED = "outdated"


class Channel(StrEnum):
    """How an address is reached: a system by webhook, people by e-mail, a group robot, or a text message gateway."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"
    SMS = "sms"


class CheckKind(StrEnum):
    """What an address is asked besides events: to answer for itself, or just to show that it hears."""

    CHALLENGE = "challenge"
    TEST = "test"


class CheckStatus(StrEnum):
    PENDING = "pending"
    ANSWERED = "answered"
    FAILED = "failed"


class OpinionState(StrEnum):
    """Where the question for a second opinion stands."""

    ASKED = "asked"
    ANSWERED = "answered"
    DROPPED = "dropped"
    FAILED = "failed"


class OpinionFault(StrEnum):
    """Why there is no second opinion: the endpoint gave none (tried again a few times), or what it said was dropped."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    ADDRESS_REFUSED = "address_refused"
    ERROR_STATUS = "error_status"
    WORKER_LOST = "worker_lost"
    DEFECT = "defect"
    NOT_JSON = "not_json"
    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    UNKNOWN_DEPARTMENT = "unknown_department"
    NOT_IN_TEXT = "not_in_text"
    NAMES_NOBODY = "names_nobody"
    LEFT_TRIAGE = "left_triage"


class RowState(StrEnum):
    """What became of a row of a spreadsheet: it waits, has faults, says what is in already, or is a report."""

    WAITING = "waiting"
    FAULTY = "faulty"
    KNOWN = "known"
    DONE = "done"
