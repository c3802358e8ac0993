"""卷宗: one case with its duties and its clocks, loaded under the case's row lock: what every verb works on.

It keeps three things in step: the status (through `lifecycle`), the clocks that the status calls for, and the event
that says so. It decides nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit
from app.batch import Batch
from app.deadlines import Calendar, Due, due_after_return, due_by, kept_working_days, office_moment, remind_at
from app.disclosure import day_of, disclose_assignment, disclose_case
from app.lifecycle import ASSIGNMENT, CASE, DEPARTMENT_CLOCKS, DEPARTMENT_STATES, LIVE, advance
from app.models import (
    Assignment,
    AssignmentRole,
    AssignmentStatus,
    Case,
    CaseStatus,
    Deadline,
    DeadlineKind,
    Event,
    ExtensionState,
    Party,
    Reply,
    ReplyKind,
    Report,
    new_id,
)
from app.problems import NotFound
from app.terms import Term, Terms

# The clocks by whose end a reporter may expect to hear something.
ANSWER_CLOCKS = frozenset({DeadlineKind.FEEDBACK, DeadlineKind.FORWARDING})


@dataclass(slots=True)
class CaseFile:
    """A locked case with what belongs to it, and what this transaction adds to it.

    Attributes:
        actor: who acts, as an opaque name such as `office:7f3…` or `department:CS-MZ`; never a reporter's name.
        now: the moment of the whole transaction, aware UTC.
        names: official names of departments by code.
        terms: the office's rules on how long each clock is.
        events: what this transaction adds to the case's chain.
        batch: every row that it adds; written in one go when the verb is done.
        by_a_point: a point acts; what departments are told of it names the day only.
    """

    session: AsyncSession
    case: Case
    calendar: Calendar
    now: datetime
    actor: str
    names: Mapping[str, str]
    terms: Terms = field(default_factory=Terms)
    assignments: list[Assignment] = field(default_factory=list)
    deadlines: list[Deadline] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    batch: Batch = field(default_factory=Batch)
    by_a_point: bool = False

    # ── the record ──

    def record(
        self,
        event_type: str,
        facts: dict[str, Any],
        *,
        department_code: str | None = None,
        message: dict[str, Any] | None = None,
    ) -> Event:
        """Append one event to the case's chain; with `message`, it is also what the department is sent."""
        event = audit.append(
            self.case,
            event_type,
            actor=self.actor,
            now=self.now,
            facts=facts,
            department_code=department_code,
            message=message,
            told_at=day_of(self.now, self.calendar.zone) if self.by_a_point else self.now,
        )
        self.batch.add(event)
        self.events.append(event)
        return event

    def reply(self, report: Report, kind: ReplyKind, text: str) -> None:
        """回应: answer one report."""
        self.batch.add(
            Reply(id=new_id(), report_id=report.id, case_id=self.case.id, kind=kind, text=text, sent_at=self.now)
        )

    def describe(self, assignment: Assignment | None = None) -> dict[str, Any]:
        """The part of a message's `data` that every department may read: the case, and its own duty."""
        data: dict[str, Any] = {"case": disclose_case(self.case, self.calendar.zone)}
        if assignment is not None:
            data["assignment"] = disclose_assignment(assignment, self.names, self.calendar.zone)
        return data

    # ── the case ──

    def advance_case(self, target: CaseStatus, *, term: int | None = None) -> None:
        """Move the case; clocks that its new state does not call for stop, the office's or point's own one starts."""
        advance(self.case, target)
        state = CASE.states[target]
        for deadline in self.running():
            if deadline.assignment_id is None and deadline.kind not in state.clocks:
                self.stop(deadline)
        if target not in DEPARTMENT_STATES:
            running = {d.kind for d in self.running() if d.assignment_id is None}
            for kind in sorted(state.clocks - running):
                self.start(kind, state.owner or Party.OFFICE, term=term)
        self.case.owner = state.owner
        self.case.closed_at = self.now if not state.is_open else None
        self.settle_owner()

    def settle_owner(self) -> None:
        """Bring the case's owning department and next due time in line with its duties and clocks."""
        lead = self.lead()
        with_department = self.case.owner is Party.DEPARTMENT
        self.case.owner_department = lead.department_code if with_department and lead else None
        relevant = [d.due_at for d in self.running() if d.kind is not DeadlineKind.ACCEPTANCE]
        self.case.due_at = min(relevant, default=None)

    # ── duties ──

    def add_assignment(self, assignment: Assignment, *, term: int | None = None) -> None:
        """Put a new duty on the file and start its clocks; the answer clock's end becomes the duty's `due_at`."""
        advance(assignment, AssignmentStatus.DISPATCHED)
        self.batch.add(assignment)
        self.assignments.append(assignment)
        self._start_assignment_clocks(assignment, term)

    def advance_assignment(self, assignment: Assignment, target: AssignmentStatus, *, term: int | None = None) -> None:
        """Move a duty; its clocks stop and start as its new state calls for."""
        advance(assignment, target)
        wanted = ASSIGNMENT[assignment.kind].states[target].clocks & DEPARTMENT_CLOCKS
        for deadline in self.running():
            if deadline.assignment_id == assignment.id and self._stands_for(deadline) not in wanted:
                self.stop(deadline)
                if deadline.kind is DeadlineKind.PAUSE:
                    assignment.paused_until = None
                if assignment.extension is ExtensionState.REQUESTED and deadline.kind is not DeadlineKind.ACCEPTANCE:
                    assignment.extension = ExtensionState.LAPSED
        self._start_assignment_clocks(assignment, term)

    def _stands_for(self, deadline: Deadline) -> DeadlineKind:
        """The kind of clock that a state calls for: while one is paused, the office's stands in its place."""
        return self.held_by(deadline).kind if deadline.kind is DeadlineKind.PAUSE else deadline.kind

    def _start_assignment_clocks(self, assignment: Assignment, term: int | None) -> None:
        wanted = ASSIGNMENT[assignment.kind].states[assignment.status].clocks & DEPARTMENT_CLOCKS
        running = {self._stands_for(d) for d in self.running() if d.assignment_id == assignment.id}
        for kind in sorted(wanted - running):
            own_term = None if kind is DeadlineKind.ACCEPTANCE else term
            due = self._due_after_return(assignment, kind) if own_term is None else None
            deadline = self.start(kind, Party.DEPARTMENT, assignment=assignment, term=own_term, due=due)
            if kind is not DeadlineKind.ACCEPTANCE:
                self.follow(assignment, deadline)

    def follow(self, assignment: Assignment, clock: Deadline) -> None:
        """The end of a duty's answer clock is by when the duty is due."""
        assignment.due_at, assignment.due_provisional = clock.due_at, clock.provisional

    def _due_after_return(self, assignment: Assignment, kind: DeadlineKind) -> Due | None:
        """A new duty goes on with the term that ran before the case was returned; None where there is none."""
        if assignment.status is not AssignmentStatus.DISPATCHED or not self.keeps_promise(kind):
            return None
        promised: datetime = self.case.answer_due_at  # type: ignore[assignment]
        return due_after_return(self.now, self.term_of(kind).working_days, promised, self.calendar)

    def keeps_promise(self, kind: DeadlineKind) -> bool:
        """Whether the case was returned and its promised answer comes from a clock of that kind."""
        promised = self.case.answer_due_at
        if not self.case.returns or kind not in ANSWER_CLOCKS:
            return False
        return any(d.kind is kind and d.due_at == promised for d in self.deadlines)

    def promise_answer(self, lead: Assignment) -> None:
        """Promise the reporters an answer by the lead's deadline, unless a return has to leave the promise alone."""
        kind = next(d.kind for d in self.running() if d.assignment_id == lead.id and d.kind in ANSWER_CLOCKS)
        if not self.keeps_promise(kind):
            self.case.answer_due_at = lead.due_at

    def answer_clock(self, assignment: Assignment) -> Deadline | None:
        """The running clock by which the department has to answer; None where it has nothing to do."""
        own = (d for d in self.running() if d.assignment_id == assignment.id and d.party is Party.DEPARTMENT)
        return next((d for d in own if d.kind is not DeadlineKind.ACCEPTANCE), None)

    def lead(self) -> Assignment | None:
        """The duty that leads among those still open, if any."""
        live = live_assignments(self.assignments)
        return next((a for a in live if a.role is AssignmentRole.LEAD), live[0] if live else None)

    def get_assignment(self, assignment_id: str) -> Assignment:
        """The duty with that id; raises NotFound."""
        for assignment in self.assignments:
            if assignment.id == assignment_id:
                return assignment
        raise NotFound

    # ── clocks ──

    def running(self) -> list[Deadline]:
        return [d for d in self.deadlines if d.ended_at is None]

    def term_of(self, kind: DeadlineKind) -> Term:
        """The office's usual term of that kind for this case."""
        return self.terms.of(kind, self.case.burden_types, self.case.urgency)

    def start(
        self,
        kind: DeadlineKind,
        party: Party,
        *,
        assignment: Assignment | None = None,
        term: int | None = None,
        due: Due | None = None,
        basis: str = "goes on with the term that ran before the return",
    ) -> Deadline:
        """Start a clock now; `term` in working days overrides the office's usual one, `due` with its `basis` both."""
        if due is None:
            usual = Term(term, f"{term} working days set by the office") if term else self.term_of(kind)
            due, basis = due_by(self.now, usual.working_days, self.calendar), usual.basis
        deadline = Deadline(
            id=new_id(),
            case_id=self.case.id,
            assignment_id=assignment.id if assignment else None,
            kind=kind,
            party=party,
            department_code=assignment.department_code if assignment else None,
            started_at=self.now,
            due_at=due.at,
            working_days=due.working_days,
            basis=basis,
            calendar_version=self.calendar.version,
            provisional=due.provisional,
            look_at=remind_at(self.now, due.at, self.calendar),
        )
        self.batch.add(deadline)
        self.deadlines.append(deadline)
        return deadline

    def extend(self, assignment: Assignment, clock: Deadline, due: Due) -> Deadline:
        """Put a later clock in a duty's answer clock's place; the old row stays and names the new one."""
        later = self.start(
            clock.kind,
            clock.party,
            assignment=assignment,
            due=due,
            basis="extended by the office on request",
        )
        clock.ended_at, clock.look_at, clock.extended_by = self.now, None, later.id
        self.case.answer_due_at = max(self.case.answer_due_at or due.at, due.at)
        self.follow(assignment, later)
        self.settle_owner()
        return later

    def pause(self, assignment: Assignment, clock: Deadline, until: Due) -> Deadline:
        """Put a clock of the office's own in the place of a duty's answer clock; the old row stays and names it."""
        basis = "a department's clock is paused"
        meanwhile = self.start(DeadlineKind.PAUSE, Party.OFFICE, assignment=assignment, due=until, basis=basis)
        meanwhile.look_at = office_moment(until.at, self.calendar)
        clock.ended_at, clock.look_at, clock.paused_by = self.now, None, meanwhile.id
        assignment.paused_until = until.at
        self.settle_owner()
        return meanwhile

    def resume(self, assignment: Assignment, meanwhile: Deadline) -> Deadline:
        """Let the paused clock go on: a new row with the working days that were left, starting today."""
        held = self.held_by(meanwhile)
        days = self.kept_days(held, held.ended_at or self.now)
        self.stop(meanwhile)
        due = due_by(self.now, days, self.calendar)
        basis = f"{days} working days, left when the clock was paused"
        clock = self.start(held.kind, held.party, assignment=assignment, due=due, basis=basis)
        self.case.answer_due_at = max(self.case.answer_due_at or due.at, due.at)
        assignment.paused_until = None
        self.follow(assignment, clock)
        self.settle_owner()
        return clock

    def kept_days(self, clock: Deadline, paused_at: datetime) -> int:
        """The working days that a pause leaves of a clock."""
        return kept_working_days(clock.started_at, clock.working_days, clock.due_at, paused_at, self.calendar)

    def held_by(self, meanwhile: Deadline) -> Deadline:
        """The clock in whose place the office's runs."""
        return next(d for d in self.deadlines if d.paused_by == meanwhile.id)

    def pause_of(self, assignment: Assignment) -> Deadline | None:
        """The office's clock while the duty's own is paused; None where it is not."""
        own = (d for d in self.running() if d.assignment_id == assignment.id)
        return next((d for d in own if d.kind is DeadlineKind.PAUSE), None)

    def stop(self, deadline: Deadline) -> None:
        """Stop a clock now; it was met if it had not run out. A pause is neither met nor missed."""
        deadline.ended_at = self.now
        deadline.met = None if deadline.kind is DeadlineKind.PAUSE else self.now <= deadline.due_at
        deadline.look_at = None


async def open_case_file(
    session: AsyncSession,
    case_id: str,
    *,
    calendar: Calendar,
    names: Mapping[str, str],
    terms: Terms,
    now: datetime,
    actor: str,
) -> CaseFile:
    """Lock a case and load what belongs to it; raises NotFound."""
    case = await session.scalar(
        select(Case).where(Case.id == case_id).with_for_update().execution_options(populate_existing=True)
    )
    if case is None:
        raise NotFound
    assignments = await session.scalars(
        select(Assignment).where(Assignment.case_id == case_id).order_by(Assignment.dispatched_at, Assignment.id)
    )
    deadlines = await session.scalars(
        select(Deadline).where(Deadline.case_id == case_id).order_by(Deadline.started_at, Deadline.id)
    )
    return CaseFile(
        session=session,
        case=case,
        calendar=calendar,
        names=names,
        terms=terms,
        now=now,
        actor=actor,
        assignments=list(assignments),
        deadlines=list(deadlines),
    )


def live_assignments(assignments: Sequence[Assignment]) -> list[Assignment]:
    """Duties that are neither replaced, returned nor finished."""
    return [a for a in assignments if a.status in LIVE]
