"""Evidence files: a department uploads, the office and that department download. Parses, calls one verb, answers."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from app.access.principal import Permission
from app.api.door import PROBLEM_RESPONSES, Door, Out, door
from app.feedback.evidence import get_evidence
from app.feedback.kinds import ENDINGS
from app.feedback.vault import Vault, make_vault
from app.flow import evidence as verb
from app.flow.desk import Desk

# Not strict: its body is a file of any bytes, counted while it streams.
router = APIRouter(prefix="/v1", tags=["evidence 佐证材料"], responses=PROBLEM_RESPONSES)
Id = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{1,40}$")]
FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class EvidenceOut(Out):
    """A file as it was taken in; feedback refers to it by `id`."""

    id: str
    assignment: str
    name: str = Field(description="made harmless; its ending is that of what the file is")
    media_type: str = Field(description="by content, whatever was declared")
    size: int = Field(description="bytes")
    sha256: str = Field(description="of what is kept: the file without what it says of its author, place and device")
    uploaded_at: datetime


def vault_of(request: Request) -> Vault:
    return make_vault(request.app.state.runtime.settings)


@router.post("/assignments/{id}/evidence", status_code=201, response_model=EvidenceOut, openapi_extra=FILE_BODY)
async def post_evidence(
    id: Id,  # noqa: A002
    at: Annotated[Door, door(Permission.ACT_ON_ASSIGNMENTS)],
    name: Annotated[str, Query(max_length=400, description="the file's name")] = "",
) -> Response:
    """佐证材料: the file itself is the body. Name the answered `id` in the feedback; unused files go after a week."""
    vault = vault_of(at.request)
    received = await vault.receive(at.request.stream())

    async def act(desk: Desk) -> BaseModel:
        kept = await verb.add(desk, id, received, name)
        return EvidenceOut(
            id=kept.id,
            assignment=kept.assignment_id,
            name=kept.name,
            media_type=kept.media_type,
            size=kept.size,
            sha256=kept.sha256,
            uploaded_at=kept.uploaded_at,
        )

    try:
        return await at.write(act, status=201, body=f"{name}\n{received.sha256}".encode())
    finally:
        await vault.discard(received)


@router.get(
    "/evidence/{id}",
    response_class=Response,
    responses={200: {"description": "the file", "content": {kind: {} for kind in ENDINGS}}},
)
async def get_file(id: Id, at: Annotated[Door, door(Permission.READ_CASES)]) -> StreamingResponse:  # noqa: A002
    """The file, always as a download. The office reads every one, a department those of its own assignments."""
    async with at.read() as session:
        found = await get_evidence(session, at.principal, id)
    opened = await vault_of(at.request).open(found)
    headers = {
        "Content-Length": str(opened.size),
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(found.name, safe='')}",
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(opened.chunks, media_type=found.media_type, headers=headers)
