"""Protection of reporters: what departments will read of a report, and break-glass for how to reach who sent it."""

from typing import Annotated

from fastapi import Path, Response
from pydantic import BaseModel, Field

from app.access.principal import Permission
from app.api.door import Door, In, Kept, Out, door, make_router
from app.disclosure import LONGEST_TEXT
from app.flow import protection
from app.flow.desk import Desk

router = make_router("reports 线索")
Number = Annotated[str, Path(max_length=24)]


class DisclosureIn(In):
    """The reporter's own words with 〔隐去〕 for each piece that departments shall not read."""

    text: str = Field(min_length=1, max_length=LONGEST_TEXT)
    title: str | None = Field(None, max_length=400, description="as departments read it now where it is left out")
    reason: str | None = Field(
        None, max_length=2000, description="required where the text shows what was masked by rule; kept in the chain"
    )
    version: int | None = Field(None, ge=0, description="the case's, as you read it; another one answers 409")


class DisclosureOut(Out):
    """What departments are sent from now on; what was sent already stays as it was."""

    report: str
    title: str | None
    text: str


class ReasonIn(In):
    reason: str = Field(min_length=2, max_length=2000, description="kept in the case's chain, with who and when")


class ContactOut(Out):
    report: str
    contact: str = Field(description="as the reporter wrote it; in no log, no event and no stored answer")


class ErasedOut(Out):
    report: str
    erased: bool = True


@router.post("/reports/{number}/disclosure", response_model=DisclosureOut)
async def post_disclosure(number: Number, body: DisclosureIn, at: Annotated[Door, door(Permission.RULE)]) -> Response:
    """部门将看到的文字: mask more of a report, or show again what was masked, with a reason."""

    async def act(desk: Desk) -> BaseModel:
        report = await protection.change_disclosure(
            desk, number, text=body.text, title=body.title, reason=body.reason, expected_version=body.version
        )
        return DisclosureOut(report=number, title=report.disclosed_title, text=report.disclosed_text or "")

    return await at.write(act)


@router.post("/reports/{number}/contact-view", response_model=ContactOut)
async def post_contact_view(
    number: Number, body: ReasonIn, at: Annotated[Door, door(Permission.VIEW_CONTACTS)]
) -> Response:
    """See how to reach the reporter. Each call is an event with who, when and why; no answer is kept for a retry."""

    async def act(desk: Desk) -> BaseModel:
        return ContactOut(report=number, contact=await protection.view_contact(desk, number, body.reason))

    return await at.write(act, kept=Kept.NOT)


@router.post("/reports/{number}/contact-erasure", response_model=ErasedOut)
async def post_contact_erasure(
    number: Number, body: ReasonIn, at: Annotated[Door, door(Permission.ERASE_CONTACTS)]
) -> Response:
    """Erase how to reach the reporter, for good. The event says who did it and why."""

    async def act(desk: Desk) -> BaseModel:
        await protection.erase_contact(desk, number, body.reason)
        return ErasedOut(report=number)

    return await at.write(act)
