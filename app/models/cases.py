"""The ledger: cases, the duties on them, their clocks, and what the office ruled."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Index, Integer, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime, directory_code, enum_column, id_column, new_id, reference
from app.vocabulary import (
    ActKind,
    AssignmentKind,
    AssignmentRole,
    AssignmentStatus,
    Blocker,
    CaseOutcome,
    CaseStatus,
    DeadlineKind,
    ExtensionState,
    Party,
    Urgency,
)


class Case(Base):
    """台账事项: one line of the ledger: one burden, one owner, one clock, fed by one or more reports.

    `last_seq` and `last_hash` are the head of the case's event chain; the row is locked while an event is appended.
    `last_seq` is also the row's version: a writer that read an older one gets a conflict. `due_at` is the next step's;
    `answer_due_at` is by when the reporter was promised an answer: only the office moves it, a return never does.
    `relapses` counts how often the burden came back (回潮); `relapse_of` is the struck-off case that this one follows.
    `denials` counts how often a point has said that its burden is not gone.
    """

    __tablename__ = "cases"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    summary: Mapped[str] = mapped_column(String(200))
    status: Mapped[CaseStatus] = mapped_column(enum_column(CaseStatus))
    outcome: Mapped[CaseOutcome | None] = mapped_column(enum_column(CaseOutcome))
    owner: Mapped[Party | None] = mapped_column(enum_column(Party))
    owner_department: Mapped[str | None] = mapped_column(directory_code())
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    category: Mapped[str] = mapped_column(String(24))
    route: Mapped[str] = mapped_column(String(24))
    sources: Mapped[list[str]] = mapped_column(Json)
    burden_types: Mapped[list[str]] = mapped_column(Json)
    districts: Mapped[list[str]] = mapped_column(Json)
    fingerprint: Mapped[str] = mapped_column(String(64))
    # Searched by versions before full text (0080); new cases leave it empty, and the column goes with the next version.
    search_text: Mapped[str] = mapped_column(Text, default="")
    urgency: Mapped[Urgency] = mapped_column(
        enum_column(Urgency), default=Urgency.NORMAL, server_default=Urgency.NORMAL.value
    )
    returns: Mapped[int] = mapped_column(Integer, default=0)
    denials: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    merged_into: Mapped[str | None] = mapped_column(reference("cases.id"))
    relapses: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    relapse_of: Mapped[str | None] = mapped_column(id_column())
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_seq: Mapped[int] = mapped_column(Integer)
    last_hash: Mapped[str] = mapped_column(String(64))

    __mapper_args__ = {"version_id_col": last_seq, "version_id_generator": False}  # noqa: RUF012
    __table_args__ = (
        Index("ix_cases_status_due_at", "status", "due_at"),
        Index("ix_cases_fingerprint", "fingerprint"),
        Index("ix_cases_opened_at", "opened_at", "id"),
        # The ledger's lists, each in its order and with its counts, however long it is.
        Index("ix_cases_due_at", "due_at", "number"),
        Index("ix_cases_status_opened_at", "status", "opened_at", "id"),
        Index("ix_cases_category_opened_at", "category", "opened_at", "id", "status"),
        Index(
            "ix_cases_relapsed",
            "opened_at",
            "id",
            sqlite_where=text("relapses > 0 OR relapse_of IS NOT NULL"),
            postgresql_where=text("relapses > 0 OR relapse_of IS NOT NULL"),
        ),
        Index(
            "ix_cases_relieved",
            "closed_at",
            "opened_at",
            "id",
            sqlite_where=text("outcome = 'relieved'"),
            postgresql_where=text("outcome = 'relieved'"),
        ),
        # The city's trend counts each list of burden types by itself.
        Index(
            "ix_cases_burden_types",
            "burden_types",
            "opened_at",
            sqlite_where=text("merged_into IS NULL"),
            postgresql_where=text("merged_into IS NULL"),
        ),
        Index(
            "ix_cases_relapse_of",
            "relapse_of",
            sqlite_where=text("relapse_of IS NOT NULL"),
            postgresql_where=text("relapse_of IS NOT NULL"),
        ),
        Index(
            "ix_cases_merged_into",
            "merged_into",
            sqlite_where=text("merged_into IS NOT NULL"),
            postgresql_where=text("merged_into IS NOT NULL"),
        ),
    )


class Assignment(Base):
    """交办: one department's duty on a case. An escalation (上报) is the counterpart's duty to carry it upward.

    `extension` is where its one request for more time (延期) stands, `extension_until` the date it wished.
    `resolved` is what its newest answer says: False where the burden cannot be lifted; None before any answer.
    `due_at` and `due_provisional` are its answer clock's; `paused_until` is set while that clock is paused (暂停计时).
    """

    __tablename__ = "assignments"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(reference("cases.id"))
    department_code: Mapped[str] = mapped_column(directory_code())
    kind: Mapped[AssignmentKind] = mapped_column(enum_column(AssignmentKind))
    role: Mapped[AssignmentRole] = mapped_column(enum_column(AssignmentRole))
    status: Mapped[AssignmentStatus] = mapped_column(enum_column(AssignmentStatus))
    consultation_id: Mapped[str | None] = mapped_column(reference("consultations.id"))
    on_behalf_of: Mapped[list[str]] = mapped_column(Json, default=list)
    obligation: Mapped[str] = mapped_column(Text)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_provisional: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dispatched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer)
    extension: Mapped[ExtensionState | None] = mapped_column(enum_column(ExtensionState))
    extension_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved: Mapped[bool | None] = mapped_column(Boolean)

    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012
    __table_args__ = (
        Index("ix_assignments_case_id", "case_id"),
        Index("ix_assignments_department", "department_code", "status"),
        Index(
            "ix_assignments_extension_requested",
            "case_id",
            sqlite_where=text("extension = 'requested'"),
            postgresql_where=text("extension = 'requested'"),
        ),
    )


class Act(Base):
    """What a department did on its assignment: signed for it, returned it, reported, forwarded, brought an answer."""

    __tablename__ = "acts"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    assignment_id: Mapped[str] = mapped_column(reference("assignments.id"))
    kind: Mapped[ActKind] = mapped_column(enum_column(ActKind))
    content: Mapped[dict[str, Any]] = mapped_column(Json)
    applied: Mapped[bool] = mapped_column(Boolean, default=True)
    done_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_acts_assignment_id", "assignment_id"),)


class Deadline(Base):
    """时限: one clock of one party, frozen when set; `ended_at` says when it stopped, `met` how.

    A granted extension ends the row with neither met nor missed, and `extended_by` names the row that took its place;
    a pause does the same, and `paused_by` names the office's clock that runs meanwhile. `working_days` are counted from
    `started_at`; None where the end is a date that was set. They are what a provisional clock is worked out anew from.
    `look_at` is when the worker looks at it next, None where nothing more is to be said; `level` is that of 督办.
    `promised_until` is the end of the day for which the department has promised its answer at this level, `rests_until`
    when a leader looks again at the highest one. `failures` counts looks that failed; at five the clock is quarantined.
    """

    __tablename__ = "deadlines"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(reference("cases.id"))
    assignment_id: Mapped[str | None] = mapped_column(reference("assignments.id"))
    kind: Mapped[DeadlineKind] = mapped_column(enum_column(DeadlineKind))
    party: Mapped[Party] = mapped_column(enum_column(Party))
    department_code: Mapped[str | None] = mapped_column(directory_code())
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    working_days: Mapped[int | None] = mapped_column(Integer)
    basis: Mapped[str] = mapped_column(String(120))
    calendar_version: Mapped[str] = mapped_column(String(40))
    provisional: Mapped[bool] = mapped_column(Boolean, default=False)
    look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    overdue_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    level: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    promised_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rests_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    met: Mapped[bool | None] = mapped_column(Boolean)
    extended_by: Mapped[str | None] = mapped_column(id_column())
    paused_by: Mapped[str | None] = mapped_column(id_column())

    __table_args__ = (
        Index("ix_deadlines_case_id", "case_id"),
        Index(
            "ix_deadlines_provisional",
            "calendar_version",
            sqlite_where=text("provisional"),
            postgresql_where=text("provisional"),
        ),
        Index(
            "ix_deadlines_look_at",
            "look_at",
            sqlite_where=text("look_at IS NOT NULL"),
            postgresql_where=text("look_at IS NOT NULL"),
        ),
        Index(
            "ix_deadlines_highest_level",
            "case_id",
            sqlite_where=text("level = 3 AND ended_at IS NULL"),
            postgresql_where=text("level = 3 AND ended_at IS NULL"),
        ),
        Index(
            "ix_deadlines_supervised",
            "department_code",
            sqlite_where=text("level > 0 AND ended_at IS NULL"),
            postgresql_where=text("level > 0 AND ended_at IS NULL"),
        ),
        Index(
            "ix_deadlines_level",
            "level",
            "case_id",
            "department_code",
            sqlite_where=text("level > 0 AND ended_at IS NULL"),
            postgresql_where=text("level > 0 AND ended_at IS NULL"),
        ),
        Index(
            "ix_deadlines_quarantined",
            "case_id",
            sqlite_where=text("failures >= 5 AND ended_at IS NULL"),
            postgresql_where=text("failures >= 5 AND ended_at IS NULL"),
        ),
    )


class Pause(Base):
    """暂停计时: why a department's clock stands still, and who is waited for. Its id is that of the office's clock.

    The row never changes: that clock says until when at the latest, and when it really ended.
    """

    __tablename__ = "pauses"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True)
    assignment_id: Mapped[str] = mapped_column(reference("assignments.id"))
    blocker: Mapped[Blocker] = mapped_column(enum_column(Blocker))
    who: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
    remaining_days: Mapped[int] = mapped_column(Integer)
    paused_by: Mapped[str] = mapped_column(String(80))

    __table_args__ = (Index("ix_pauses_assignment_id", "assignment_id"),)


class Ruling(Base):
    """裁定: what the office decided on a case, with its reason, beside the machine's decision, never over it."""

    __tablename__ = "rulings"

    id: Mapped[str] = mapped_column(id_column(), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(reference("cases.id"))
    ruled_by: Mapped[str] = mapped_column(String(80))
    category: Mapped[str] = mapped_column(String(24))
    receivers: Mapped[list[dict[str, str]]] = mapped_column(Json)
    reason: Mapped[str] = mapped_column(Text)
    overrules: Mapped[bool] = mapped_column(Boolean)
    ruled_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_rulings_case_id", "case_id"), Index("ix_rulings_ruled_by", "ruled_by"))
