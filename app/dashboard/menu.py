"""The pages there are, in the order of the work. Only what exists is listed: an unfinished page has no entry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.access.principal import Permission
from app.dashboard.language import N_
from app.models import Role


@dataclass(frozen=True)
class Page:
    """One place in the menu; `label` is a message of the catalogue, `needs` what its reader must be allowed."""

    key: str
    label: str
    path: str
    needs: Permission = Permission.USE_DASHBOARD


@dataclass(frozen=True)
class MenuEntry:
    """A place in the menu as one reader sees it: `badge` counts what waits there, None or 0 shows nothing."""

    key: str
    label: str
    path: str
    badge: int | None
    current: bool


PAGES: Final = (
    Page("home", N_("待办"), "/dashboard/"),
    Page("triage", N_("待分办"), "/dashboard/triage"),
    Page("acceptance", N_("待签收"), "/dashboard/ledger?status=dispatched&sort=due"),
    Page("handling", N_("办理中"), "/dashboard/ledger?status=in_progress&sort=due"),
    Page("verification", N_("待核实"), "/dashboard/ledger?status=verifying&sort=due"),
    Page("consultations", N_("会商"), "/dashboard/consultations"),
    Page("supervision", N_("督办"), "/dashboard/supervision"),
    Page("ledger", N_("台账"), "/dashboard/ledger"),
    Page("closed", N_("已销号"), "/dashboard/ledger?tab=closed"),
    Page("precedents", N_("先例库"), "/dashboard/precedents"),
    Page("documents", N_("发文登记"), "/dashboard/documents"),
    Page("trends", N_("趋势"), "/dashboard/trends", Permission.READ_TRENDS),
    Page("deliveries", N_("投递"), "/dashboard/deliveries"),
    Page("reference", N_("基础资料"), "/dashboard/departments", Permission.READ_TRENDS),
    Page("administration", N_("系统管理"), "/dashboard/people", Permission.MANAGE_PEOPLE),
    Page("admin-log", N_("操作日志"), "/dashboard/admin-log", Permission.READ_ADMIN_LOG),
    Page("duties", N_("待办"), "/dashboard/duties", Permission.USE_DEPARTMENT_PAGES),
    Page("all-duties", N_("交办件"), "/dashboard/duties/all", Permission.USE_DEPARTMENT_PAGES),
    Page("invitations", N_("会商"), "/dashboard/invitations", Permission.USE_DEPARTMENT_PAGES),
    Page("reporting", N_("反映负担"), "/dashboard/reporting", Permission.USE_REPORTER_PAGES),
    Page("sent", N_("我的反映"), "/dashboard/reporting/sent", Permission.USE_REPORTER_PAGES),
)


ROLE_LABELS: Final[Mapping[str, str]] = {
    Role.CLERK: N_("统筹部门经办人"),
    Role.LEADER: N_("统筹部门负责人"),
    Role.AUDITOR: N_("审计员"),
    Role.ADMINISTRATOR: N_("系统管理员"),
    Role.DEPARTMENT: N_("责任单位"),
    Role.REPORTER: N_("观测点"),
}


def menu(
    current: str, badges: Mapping[str, int] | None = None, may: Callable[[Permission], bool] = lambda _: True
) -> tuple[MenuEntry, ...]:
    """The menu with the current page marked and the counts of what waits, by page key; without what one may not see."""
    counts = badges or {}
    shown = [p for p in PAGES if may(p.needs)]
    return tuple(MenuEntry(p.key, p.label, p.path, counts.get(p.key), p.key == current) for p in shown)
