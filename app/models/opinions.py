"""Second opinions: what a model inside the deployment supposes about a case in triage. It decides nothing."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.columns import Base, Json, UtcDateTime, enum_column, reference
from app.vocabulary import OpinionFault, OpinionState


class SecondOpinion(Base):
    """第二意见: one question about one case, and what came of it. `due_at`: the next moment to look, or a lease's end.

    `payload` is there where the state is `answered`: `departments`, `category`, `receivers` and `quotes`, a list of
    `{"text", "start", "end", "field"}` that index the text of the report that was asked about.
    """

    __tablename__ = "second_opinions"

    case_id: Mapped[str] = mapped_column(reference("cases.id"), primary_key=True)
    report_id: Mapped[str] = mapped_column(reference("reports.id"))
    state: Mapped[OpinionState] = mapped_column(enum_column(OpinionState))
    attempts: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    model: Mapped[str] = mapped_column(String(120))
    payload: Mapped[dict[str, Any] | None] = mapped_column(Json)
    fault: Mapped[OpinionFault | None] = mapped_column(enum_column(OpinionFault))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index(
            "ix_second_opinions_due_at",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
