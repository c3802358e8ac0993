"""Where one verb is done: its transaction, its moment, who acts, the city as known now; and how it finds its files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.advise.book import OBTAINED
from app.casefile import CaseFile, open_case_file
from app.classify import Thresholds
from app.close.interim import DELAY_TOLD
from app.consult.agenda import leave_agenda
from app.consult.precedent import ON_PRECEDENTS
from app.deliver.fan_out import enqueue
from app.directory.city import City
from app.directory.serials import Numbers
from app.disclosure import disclose_report
from app.documents.register import ON_PAPER
from app.intake.contact import ERASED, VIEWED
from app.models import AssignmentRole, Case, CaseStatus, Event, RelapseRule, Report, Role
from app.problems import Conflict, NotFound
from app.route import cluster
from app.route.likeness import Thresholds as LikenessThresholds
from app.route.policy import Duty
from app.sealing import Sealer
from app.settings import Settings
from app.supervise import look_back
from app.supervise.notice import TELLING
from app.supervise.recount import RECOUNTING
from app.supervise.relapse import ENDED_ON_THE_MATTER, RelapsePolicy

BACK_ON_THE_LEDGER = {"case.put_back", "case.reopened", "case.relapsed"}
# What follows without anybody's hand is the service's own act, not that of who set it off.
SYSTEM_ACTOR = "system"
HAPPENS_TO_NOBODY = (
    TELLING | RECOUNTING | ON_PRECEDENTS | ON_PAPER | look_back.QUIET | {OBTAINED, DELAY_TOLD, VIEWED, ERASED}
)


class CaseChanged(Conflict):
    code = "stale_version"
    title_zh, title_en = "版本已变化", "The version has changed"

    def __init__(self, current: int) -> None:
        super().__init__(
            "这一事项刚被他人办理过。请重新读取后再提交。",
            "Someone else has just acted on this case. Read it again, then retry.",
            version=current,
        )


class MergedAway(Conflict):
    code = "merged_away"
    title_zh, title_en = "该事项已并入其他事项", "The case has been merged into another"

    def __init__(self, survivor: str | None) -> None:
        super().__init__(
            f"该事项已并入 {survivor}，请在那里办理；要恢复单独办理，请在 {survivor} 上拆分。",
            f"This case was merged into {survivor}: act there, or split it off there to restore it.",
            merged_into=survivor,
        )


@dataclass(slots=True)
class Desk:
    """One verb's place of work. A number must be taken (`numbers`) before the session has touched the database."""

    session: AsyncSession
    city: City
    principal: Principal
    now: datetime
    numbers: Numbers
    sealer: Sealer
    thresholds: Thresholds
    relapse: RelapsePolicy = field(default_factory=RelapsePolicy)
    likeness: LikenessThresholds = field(default_factory=LikenessThresholds)

    def new_file(self, case: Case) -> CaseFile:
        """The file of a case that this transaction opens."""
        file = CaseFile(
            session=self.session,
            case=case,
            calendar=self.city.calendar,
            names=self.city.names,
            terms=self.city.terms,
            now=self.now,
            actor=self.principal.actor,
            by_a_point=self.principal.role is Role.REPORTER,
        )
        file.batch.add(case)
        return file

    async def open_file(self, case_id: str) -> CaseFile:
        """Lock a case and read what belongs to it; raises NotFound."""
        file = await open_case_file(
            self.session,
            case_id,
            calendar=self.city.calendar,
            names=self.city.names,
            terms=self.city.terms,
            now=self.now,
            actor=self.principal.actor,
        )
        file.by_a_point = self.principal.role is Role.REPORTER
        return file

    async def open_numbered(self, case_number: str, expected_version: int | None = None) -> CaseFile:
        """The same by number; raises NotFound, MergedAway, or CaseChanged where somebody acted since it was read."""
        case_id = await self.session.scalar(select(Case.id).where(Case.number == case_number))
        if case_id is None:
            raise NotFound
        file = await self.open_file(case_id)
        if file.case.merged_into is not None:
            raise MergedAway(await self.session.scalar(select(Case.number).where(Case.id == file.case.merged_into)))
        if expected_version is not None and await self.acted_since(file.case, expected_version):
            raise CaseChanged(file.case.last_seq)
        return file

    async def acted_since(self, case: Case, version: int) -> bool:
        """Whether anybody acted since that version; a second opinion and a reminder happen to nobody's work."""
        if case.last_seq <= version:
            return case.last_seq < version
        types = await self.session.scalars(select(Event.type).where(Event.case_id == case.id, Event.seq > version))
        return any(event_type not in HAPPENS_TO_NOBODY for event_type in types)

    async def reports_on(self, file: CaseFile) -> list[Report]:
        """The reports on a case, oldest first."""
        rows = await self.session.scalars(
            select(Report).where(Report.case_id == file.case.id).order_by(Report.received_at, Report.id)
        )
        return list(rows)

    def masked(self, reports: Sequence[Report]) -> list[dict[str, str | None]]:
        """What departments may read of the reports; the first three, for a webhook has its limit."""
        terms = self.city.terms_of_points(report.observation_point_code for report in reports)
        return [disclose_report(report, terms) for report in reports[:3]]

    def duties(
        self, receivers: Sequence[tuple[str, AssignmentRole]], sources: Sequence[str], term: int | None = None
    ) -> list[Duty]:
        """Receivers as duties; who stands for a provincial source has to carry the matter upward."""
        return [
            Duty(code, role, on_behalf_of=tuple(self.city.represented_by(code, sources)), term=term)
            for code, role in receivers
        ]

    async def finish(self, file: CaseFile) -> None:
        """送: queue what this verb has to tell departments, and write all that it adds."""
        await leave_agenda(file)
        await self._keep_findable(file)
        enqueue(file.batch, file.events, self.now)
        await file.batch.write(self.session)

    async def _keep_findable(self, file: CaseFile) -> None:
        """Later reports are compared with those on open cases, and with those whose burden may come back."""
        happened = {event.type for event in file.events}
        if file.case.status is CaseStatus.CLOSED and "case.struck_off" in happened:
            put_away = cluster.shelve if file.case.outcome in ENDED_ON_THE_MATTER else cluster.forget
            put_away(file.batch, await self.reports_on(file))
        elif happened & BACK_ON_THE_LEDGER:
            await cluster.remember_again(self.session, file.batch, await self.reports_on(file))


def set_up(
    session: AsyncSession,
    principal: Principal,
    settings: Settings,
    *,
    city: City,
    now: datetime,
    numbers: Numbers,
    sealer: Sealer,
) -> Desk:
    """A desk by the office's settings, in the session's transaction."""
    return Desk(
        session=session,
        city=city,
        principal=principal,
        now=now,
        numbers=numbers,
        sealer=sealer,
        thresholds=thresholds_of(settings),
        relapse=RelapsePolicy(RelapseRule(settings.relapse_rule), timedelta(days=settings.relapse_window_days)),
        likeness=LikenessThresholds(suggest=settings.suggest_from_likeness, join=settings.join_from_likeness),
    )


def thresholds_of(settings: Settings) -> Thresholds:
    """How sure the machine must be, by the office's setting."""
    return Thresholds(decide=settings.decide_from_confidence)
