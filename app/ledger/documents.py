"""发文登记, as the office reads it: what was issued on a case, on a session, and in all. Reads only."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.ledger.search import find_last, make_cursor
from app.models import Case, Document, DocumentCase, DocumentKind, Event
from app.problems import NotFound


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """What to look for; None asks nothing. `text` is part of a number or of what it is about."""

    kind: DocumentKind | None = None
    year: int | None = None
    text: str | None = None
    voided: bool | None = None
    case: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.kind is not None:
            found.append(Document.kind == self.kind)
        if self.year is not None:
            found.append(Document.year == self.year)
        if self.text:
            asked = Document.number.contains(self.text, autoescape=True)
            found.append(asked | Document.about.contains(self.text, autoescape=True))
        if self.voided is not None:
            found.append(Document.voided_at.is_not(None) if self.voided else Document.voided_at.is_(None))
        if self.case is not None:
            on_case = select(DocumentCase.document_id).join(Case, Case.id == DocumentCase.case_id)
            found.append(Document.id.in_(on_case.where(Case.number == self.case)))
        return found


async def get_document(session: AsyncSession, document_id: str) -> Document:
    """Raises NotFound."""
    found: Document | None = await session.get(Document, document_id)
    if found is None:
        raise NotFound
    return found


async def list_on_case(session: AsyncSession, case_id: str) -> list[Document]:
    """What was issued on a case, the newest first; what concerns a session of it among them."""
    statement = select(Document).join(DocumentCase, DocumentCase.document_id == Document.id)
    return await _newest(session, statement.where(DocumentCase.case_id == case_id))


async def list_on_session(session: AsyncSession, consultation_id: str) -> list[Document]:
    return await _newest(session, select(Document).where(Document.consultation_id == consultation_id))


async def _newest(session: AsyncSession, statement: Select[Any]) -> list[Document]:
    return list(await session.scalars(statement.order_by(Document.issued_at.desc(), Document.id.desc())))


async def page_documents(
    session: AsyncSession, wanted: DocumentFilter, *, offset: int, limit: int
) -> tuple[list[Document], int]:
    """The register, newest first, and how many there are."""
    conditions = wanted.conditions()
    total = await session.scalar(select(func.count()).select_from(Document).where(*conditions)) or 0
    rows = select(Document).where(*conditions).order_by(Document.issued_at.desc(), Document.id.desc())
    return list(await session.scalars(rows.offset(offset).limit(limit))), total


async def find_documents(
    session: AsyncSession, wanted: DocumentFilter, *, cursor: str | None = None, limit: int
) -> tuple[list[tuple[Document, list[str]]], str | None]:
    """The register, newest first, each with the numbers of its cases, and the next page's cursor. Raises BadCursor."""
    statement = select(Document).where(*wanted.conditions())
    if cursor:
        known: Any = select(Document.issued_at, Document.id)
        moment, last_id = await find_last(session, known, Document.id, cursor)
        same = and_(Document.issued_at == moment, Document.id < last_id)
        statement = statement.where(or_(Document.issued_at < moment, same))
    rows = await _newest(session, statement.limit(limit + 1))
    more, rows = len(rows) > limit, rows[:limit]
    numbers: defaultdict[str, list[str]] = defaultdict(list)
    concerned = select(DocumentCase.document_id, Case.number).join(Case, Case.id == DocumentCase.case_id)
    for document_id, number in await session.execute(
        concerned.where(DocumentCase.document_id.in_([row.id for row in rows])).order_by(Case.number)
    ):
        numbers[document_id].append(number)
    return [(row, numbers[row.id]) for row in rows], make_cursor(rows[-1].id) if more else None


async def years_of(session: AsyncSession) -> Sequence[int]:
    """The years in which anything was issued, newest first."""
    return list(await session.scalars(select(Document.year).distinct().order_by(Document.year.desc())))


async def cases_of(session: AsyncSession, document_id: str) -> dict[str, str]:
    """Numbers by id of the cases that a document concerns, sorted by number: the order to lock them in."""
    rows = await session.execute(
        select(Case.id, Case.number)
        .join(DocumentCase, DocumentCase.case_id == Case.id)
        .where(DocumentCase.document_id == document_id)
        .order_by(Case.number)
    )
    return {row.id: row.number for row in rows}


async def order_number(session: AsyncSession, occasions: Sequence[str]) -> str:
    """The number of the newest valid document for one of these occasions; empty where there is none."""
    valid = Document.occasion.in_(occasions), Document.voided_at.is_(None)
    newest = select(Document.number).where(*valid).order_by(Document.issued_at.desc()).limit(1)
    return await session.scalar(newest) or ""


async def supervision_of(session: AsyncSession, case_ids: Sequence[str]) -> dict[str, list[Document]]:
    """The valid 督办单 on these cases, the oldest first, by the id of the clock that each was issued for."""
    statement = select(Document).join(DocumentCase, DocumentCase.document_id == Document.id)
    valid = Document.kind == DocumentKind.SUPERVISION, Document.voided_at.is_(None)
    rows = statement.where(DocumentCase.case_id.in_(case_ids), *valid).order_by(Document.year, Document.serial)
    found: dict[str, list[Document]] = {}
    for document in await session.scalars(rows):
        found.setdefault(document.occasion.split(":")[1], []).append(document)
    return found


async def is_in_chain(session: AsyncSession, document: Document) -> bool:
    """Whether the chain of every case that it concerns noted it with this digest."""
    cases = await cases_of(session, document.id)
    noted = select(Event.facts).where(Event.case_id.in_(cases), Event.type == "document.issued")
    facts = [fact for fact in await session.scalars(noted) if f'"document":"{document.id}"' in fact]
    return len(facts) == len(cases) and all(f'"digest":"{document.digest}"' in fact for fact in facts)
