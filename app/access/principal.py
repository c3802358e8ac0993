"""Who acts, and what each role may do. The table of permissions is data; doors ask it, nobody else decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.models import Role
from app.problems import NotAllowed


class Permission(StrEnum):
    """One kind of act. Reading is scoped further by what a principal owns."""

    SEND_REPORTS = "send_reports"
    IMPORT_REPORTS = "import_reports"
    READ_REPORTS = "read_reports"
    ANSWER_VERIFICATION = "answer_verification"
    CLASSIFY = "classify"
    READ_CASES = "read_cases"
    COMPARE_CASES = "compare_cases"
    READ_TRENDS = "read_trends"
    RULE = "rule"
    ACT_ON_ASSIGNMENTS = "act_on_assignments"
    REVIEW = "review"
    INSTRUCT = "instruct"
    CONVENE = "convene"
    END_UNRESOLVED = "end_unresolved"
    SET_CLOCKS = "set_clocks"
    READ_PRECEDENTS = "read_precedents"
    READ_DOCUMENTS = "read_documents"
    MAKE_STANDING = "make_standing"
    VIEW_CONTACTS = "view_contacts"
    ERASE_CONTACTS = "erase_contacts"
    STATE_OPINION = "state_opinion"
    PULL_EVENTS = "pull_events"
    READ_DIRECTORY = "read_directory"
    MANAGE_ENDPOINTS = "manage_endpoints"
    READ_DELIVERIES = "read_deliveries"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_KEYS = "manage_keys"
    READ_ADMIN_LOG = "read_admin_log"
    USE_DASHBOARD = "use_dashboard"
    USE_DEPARTMENT_PAGES = "use_department_pages"
    USE_REPORTER_PAGES = "use_reporter_pages"
    USE_OWN_ACCOUNT = "use_own_account"


P = Permission
_EVERYBODY = frozenset({P.CLASSIFY, P.READ_DIRECTORY, P.USE_OWN_ACCOUNT})
_REPORTING = frozenset({P.SEND_REPORTS, P.READ_REPORTS, P.ANSWER_VERIFICATION, P.USE_REPORTER_PAGES})
_HANDLING = frozenset({P.READ_CASES, P.ACT_ON_ASSIGNMENTS, P.STATE_OPINION, P.PULL_EVENTS, P.USE_DEPARTMENT_PAGES})
_WATCHING = frozenset(
    {
        P.READ_REPORTS,
        P.READ_CASES,
        P.COMPARE_CASES,
        P.READ_TRENDS,
        P.READ_PRECEDENTS,
        P.READ_DOCUMENTS,
        P.READ_DELIVERIES,
        P.USE_DASHBOARD,
    }
)
_OFFICE = _EVERYBODY | _WATCHING | {P.IMPORT_REPORTS, P.RULE, P.REVIEW, P.CONVENE}
_GUARDING = frozenset({P.VIEW_CONTACTS, P.ERASE_CONTACTS})
_LEADING = _GUARDING | {P.INSTRUCT, P.END_UNRESOLVED, P.SET_CLOCKS, P.MAKE_STANDING}
_ADMINISTERING = frozenset({P.MANAGE_ENDPOINTS, P.MANAGE_PEOPLE, P.MANAGE_KEYS, P.READ_ADMIN_LOG})

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.REPORTER: _EVERYBODY | _REPORTING,
    Role.DEPARTMENT: _EVERYBODY | _HANDLING,
    Role.CLERK: _OFFICE,
    Role.LEADER: _OFFICE | _LEADING,
    Role.AUDITOR: _EVERYBODY | _WATCHING | {P.READ_ADMIN_LOG},
    Role.ADMINISTRATOR: _OFFICE | _LEADING | _ADMINISTERING,
}

OFFICE_ROLES = frozenset({Role.CLERK, Role.LEADER, Role.AUDITOR, Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who has shown who they are.

    Attributes:
        holder: opaque and stable, such as `key:018f…` or `user:018f…`; what events name as the actor.
        observation_point: the reporter's own point; department: the department's own code; None for the office.
    """

    role: Role
    holder: str
    name: str = ""
    observation_point: str | None = None
    department: str | None = None

    @property
    def is_office(self) -> bool:
        return self.role in OFFICE_ROLES

    @property
    def actor(self) -> str:
        """How the audit trail names this principal: a department by its code, a reporter only by its role."""
        if self.role is Role.DEPARTMENT:
            return f"department:{self.department}"
        if self.role is Role.REPORTER:
            return "observation_point"
        return f"office:{self.holder.removeprefix('user:')}"

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role]

    def require(self, permission: Permission) -> None:
        """Raise NotAllowed unless the role has the permission."""
        if not self.may(permission):
            raise NotAllowed(
                "您的角色没有这项权限。如确需办理，请联系统筹部门管理员。",
                "Your role does not have this permission. Ask the coordinating office's administrator if you need it.",
            )


SYSTEM = Principal(role=Role.ADMINISTRATOR, holder="user:system", name="系统")
