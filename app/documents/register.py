"""发文登记: gives a document its number, keeps it, and voids it; what the chains of its cases say of that.

A number is taken in the transaction that issues, after the cases are locked: it is gone only if the document is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.directory.pack import Issuer
from app.directory.serials import take_gapless
from app.documents.sheet import Sheet, digest_of
from app.documents.wording import number_of
from app.models import Document, DocumentCase, DocumentKind, new_id
from app.problems import Conflict

ISSUED, VOIDED = "document.issued", "document.voided"
# What happens to nobody's work: who has a form open on the case may send it all the same.
ON_PAPER = frozenset({ISSUED, VOIDED})


class AlreadyVoided(Conflict):
    code = "document_voided"
    title_zh, title_en = "该公文已作废", "The document is void already"

    def __init__(self) -> None:
        super().__init__(
            "该公文已经作废，文号保留，不能再次作废。",
            "It was voided before; its number is kept. Nothing is left to do.",
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """What the register says of a document besides its content."""

    kind: DocumentKind
    occasion: str
    about: str
    issued_by: str
    consultation_id: str | None = None


async def find_valid(session: AsyncSession, occasion: str) -> Document | None:
    """The document that was issued for an occasion and is not void."""
    valid = Document.occasion == occasion, Document.voided_at.is_(None)
    found: Document | None = await session.scalar(select(Document).where(*valid))
    return found


async def issue(files: Sequence[CaseFile], entry: Entry, issuer: Issuer, sheet: Sheet) -> Document:
    """Give a sheet the next number of its kind in the city's year and keep it; each case's chain notes number and
    digest. `files` are the locked cases that it concerns."""
    first = files[0]
    session, now = first.session, first.now
    year = now.astimezone(first.calendar.zone).year
    serial = await take_gapless(session, f"document-{entry.kind}-{year}")
    number = number_of(issuer, entry.kind, year, serial)
    content = replace(sheet, number=number).to_json()
    document = Document(
        id=new_id(),
        kind=entry.kind,
        year=year,
        serial=serial,
        number=number,
        occasion=entry.occasion,
        about=entry.about,
        addressee=sheet.addressee or sheet.copies,
        consultation_id=entry.consultation_id,
        content=content,
        digest=digest_of(content),
        issued_by=entry.issued_by,
        issued_at=now,
    )
    first.batch.add(document)
    for file in files:
        first.batch.add(DocumentCase(document_id=document.id, case_id=file.case.id))
        file.record(ISSUED, _facts(document) | {"digest": document.digest})
    return document


def void(files: Sequence[CaseFile], document: Document, by: str, reason: str) -> None:
    """作废: the number stays taken; for the same occasion another may be issued. Raises AlreadyVoided."""
    if document.voided_at is not None:
        raise AlreadyVoided
    document.voided_by, document.voided_at, document.void_reason = by, files[0].now, reason
    for file in files:
        file.record(VOIDED, _facts(document) | {"why": reason})


def _facts(document: Document) -> dict[str, str]:
    return {"document": document.id, "document_number": document.number, "document_kind": document.kind}
