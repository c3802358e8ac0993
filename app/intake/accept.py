"""Turns a submission into a report and finds the open case it may belong to. Decides nothing about responsibility."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.batch import Batch, Look
from app.bigrams import to_words
from app.database import Database, insert_if_absent
from app.models import Case, CaseStatus, Report, ReportContact, ReportWords, VerificationStatus, columns_of, new_id
from app.problems import InvalidInput
from app.sealing import Sealer

LONGEST_TEXT = 20_000
SUMMARY_LENGTH = 60
_NO_WORD = re.compile(r"[\W_]+")


class EmptyText(InvalidInput):
    code = "empty_text"
    title_zh, title_en = "反映内容为空", "The text is empty"

    def __init__(self) -> None:
        super().__init__(
            "请写明反映的情况，一两句话即可。",
            "Say what the burden is; a sentence or two will do.",
            errors=[{"field": "text", "zh": "不能为空", "en": "must not be empty"}],
        )


@dataclass(frozen=True, slots=True)
class Submission:
    """What a point sent. `text` is the one thing that is needed."""

    text: str
    title: str | None = None
    occurred_on: date | None = None
    hours_per_month: float | None = None
    declared_departments: tuple[str, ...] = ()
    contact: str | None = None


def fold(text: str) -> str:
    """The text with width, case, punctuation and spaces taken away: what makes two reports word-for-word the same."""
    return _NO_WORD.sub("", unicodedata.normalize("NFKC", text).casefold())


def fingerprint(text: str, sources: Iterable[str]) -> str:
    """What makes two reports the same burden: the same words and the same sources. SHA-256, 64 hex digits."""
    return hashlib.sha256("\n".join([fold(text), *sorted(sources)]).encode("utf-8", "replace")).hexdigest()


def summarize(submission: Submission) -> str:
    """The line that stands for a case in the ledger: its title, or how its text begins."""
    words = " ".join((submission.title or submission.text).split())
    return words if len(words) <= SUMMARY_LENGTH else words[: SUMMARY_LENGTH - 1] + "…"


def refuse_empty(submission: Submission) -> None:
    """Raise EmptyText where nothing was said."""
    if not fold(submission.text):
        raise EmptyText


_OPEN_CASE = (
    select(func.coalesce(Case.merged_into, Case.id))
    .where(
        Case.fingerprint == bindparam("fingerprint"),
        or_(Case.status != CaseStatus.CLOSED, Case.merged_into.is_not(None)),
    )
    .order_by(Case.merged_into.is_not(None), Case.opened_at)
    .limit(1)
)


def open_case_with(fingerprint: str) -> Look:
    """Asks for the id of the oldest open case with that fingerprint, or of the case that one was merged into, which may
    be closed by now."""
    return Look(_OPEN_CASE, {"fingerprint": fingerprint})


def contact_place(report_id: str) -> str:
    """Where the contact of a report belongs, for the sealer."""
    return f"report:{report_id}"


def to_be_found(report: Report) -> ReportWords:
    """What a search in the ledger looks through: the report's number, whole and from its serial on, and its words."""
    serial = report.number.rpartition("-")[2]
    words = to_words([report.number, serial, *([report.title] if report.title else ()), report.text])
    return ReportWords(report_id=report.id, case_id=report.case_id, came_from=report.came_from, words=words)


async def make_found(database: Database, session: AsyncSession, *, most: int) -> int:
    """Index reports that the version before full-text search took in while this one took its place; how many it did."""
    missing = select(Report).where(~exists().where(ReportWords.report_id == Report.id)).order_by(Report.id).limit(most)
    reports = list(await session.scalars(missing.with_for_update(skip_locked=True)))
    if reports:
        rows = [{k: v for k, v in columns_of(to_be_found(report)).items() if k != "id"} for report in reports]
        await session.execute(insert_if_absent(database, ReportWords), rows)
    return len(reports)


def accept_report(
    batch: Batch,
    submission: Submission,
    *,
    number: str,
    case_id: str,
    point: str,
    decision: dict[str, Any],
    sealer: Sealer,
    now: datetime,
) -> Report:
    """Store a report word for word, its contact apart and encrypted."""
    report = Report(
        id=new_id(),
        number=number,
        case_id=case_id,
        observation_point_code=point,
        title=submission.title,
        text=submission.text,
        occurred_on=submission.occurred_on,
        hours_per_month=submission.hours_per_month,
        declared_departments=list(submission.declared_departments),
        decision=decision,
        verification=VerificationStatus.NOT_ASKED,
        received_at=now,
    )
    batch.add(report, to_be_found(report))
    if submission.contact:
        sealed = sealer.seal(submission.contact.encode(), contact_place(report.id))
        batch.add(ReportContact(report_id=report.id, ciphertext=sealed))
    return report
