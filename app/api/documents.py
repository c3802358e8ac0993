"""发文登记: the official documents that were issued, for the office; what stands on them is for its pages."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import Field

from app.access.principal import Permission
from app.api.door import Door, Out, door, make_router
from app.ledger.documents import DocumentFilter, find_documents
from app.ledger.search import LARGEST_PAGE
from app.models import Document, DocumentKind

router = make_router("documents 公文")
Year = Annotated[int | None, Query(ge=2000, le=9999, description="of the number, by the city's calendar")]


class DocumentOut(Out):
    """One line of the register. A voided document keeps its number."""

    id: str
    kind: DocumentKind
    number: str = Field(description="发文字号")
    year: int
    serial: int = Field(description="gapless within kind and year")
    about: str = Field(description="the number of the case, or of the session, that it was issued on")
    cases: list[str] = Field(description="the numbers of all cases that it concerns")
    addressee: str
    issued_at: datetime
    issued_by: str
    digest: str = Field(description="SHA-256 of the sheet as it was issued; the chain of each case keeps it too")
    voided_at: datetime | None
    voided_by: str | None
    void_reason: str | None


class DocumentPage(Out):
    documents: list[DocumentOut]
    next_cursor: str | None


def to_document_out(document: Document, cases: list[str]) -> DocumentOut:
    own = {name: getattr(document, name) for name in DocumentOut.model_fields if name != "cases"}
    return DocumentOut(**own, cases=cases)


@router.get("/documents")
async def list_documents(
    request: Request,
    response: Response,
    at: Annotated[Door, door(Permission.READ_DOCUMENTS)],
    kind: DocumentKind | None = None,
    year: Year = None,
    case: Annotated[str | None, Query(max_length=24, description="a case's number")] = None,
    voided: bool | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
) -> DocumentPage:
    """What was issued, the newest first."""
    wanted = DocumentFilter(kind=kind, year=year, case=case, voided=voided)
    async with at.read() as session:
        found, following = await find_documents(session, wanted, cursor=cursor, limit=limit)
    if following:
        url = request.url.include_query_params(cursor=following)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return DocumentPage(documents=[to_document_out(*one) for one in found], next_cursor=following)
