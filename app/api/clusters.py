"""One burden, many points: what may be the same as a case, merging cases, splitting reports off. For the office."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import BaseModel, Field, model_validator

from app.access.principal import Permission
from app.api.case_line import CaseOut, Version, to_case_out
from app.api.door import Door, In, Out, door, make_router
from app.casefile import CaseFile
from app.flow import clustering
from app.flow.desk import Desk
from app.ledger import search
from app.ledger.reach import find_similar
from app.models import CaseStatus

router = make_router("cases 台账")
Number = Annotated[str, Path(max_length=24)]
Numbers = Annotated[list[Annotated[str, Field(max_length=24)]], Field(min_length=1, max_length=50)]
MEANS = {
    "same_words": "文字相同",
    "document": "同一文件“{}”",
    "system": "同一系统“{}”",
    "source": "同一来源：{}",
    "burden_type": "同一负担类型：{}",
    "words": "文字相似度 {}",
}


class ReasonOut(Out):
    """One thing that speaks for the same burden; `start`/`end` index the report's text where the thing stands in it."""

    kind: str = Field(description="`same_words`, `document`, `system`, `source`, `burden_type` or `words`")
    value: str
    start: int
    end: int
    says: str = Field(description="the same in Chinese")


class SimilarOut(Out):
    """An open case that may be the same burden."""

    case: str
    summary: str
    status: CaseStatus
    score: float = Field(description="0 to 1")
    report: str = Field(description="the report whose text the spans of `because` index")
    because: list[ReasonOut]


class SimilarListOut(Out):
    similar: list[SimilarOut]


class MergeIn(In):
    """Either `cases`: these are merged into this one; or `into`: this one is merged into that one."""

    cases: Numbers | None = None
    into: str | None = Field(None, max_length=24)
    reason: str = Field(min_length=2, max_length=2000)
    version: Version = None

    @model_validator(mode="after")
    def name_one_way(self) -> "MergeIn":
        if (self.cases is None) == (self.into is None):
            raise ValueError("give either cases or into")
        return self


class MergedOut(Out):
    """The case that goes on, and those that were merged into it now."""

    case: CaseOut
    merged: list[str]


class SplitIn(In):
    reports: Numbers
    reason: str = Field(min_length=2, max_length=2000)
    version: Version = None


class PlacedOut(Out):
    """A case that reports went to: restored under its old number, or new."""

    case: str
    status: CaseStatus
    reports: list[str]


class SplitOut(Out):
    case: CaseOut
    split: list[PlacedOut]


def to_reasons(reasons: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[ReasonOut]:
    return [
        ReasonOut(**reason, says=MEANS[reason["kind"]].format(names.get(reason["value"], reason["value"])))
        for reason in reasons
    ]


@router.get("/cases/{number}/similar", response_model=SimilarListOut)
async def get_similar(number: Number, at: Annotated[Door, door(Permission.COMPARE_CASES)]) -> SimilarListOut:
    """Open cases that may be the same burden, the most alike first, with the evidence."""
    names = at.runtime.cities.current.names
    async with at.read() as session:
        case = await search.get_case(session, at.principal, number)
        found = await find_similar(session, case)
    return SimilarListOut(
        similar=[
            SimilarOut(
                case=other.number,
                summary=other.summary,
                status=other.status,
                score=pair.score,
                report=pair.evidence["report"],
                because=to_reasons(pair.evidence["because"], names),
            )
            for pair, other in found
        ]
    )


def _is_provisional(file: CaseFile) -> bool:
    return any(clock.provisional for clock in file.running())


@router.post("/cases/{number}/merge", response_model=MergedOut)
async def post_merge(number: Number, body: MergeIn, at: Annotated[Door, door(Permission.RULE)]) -> Response:
    """Merge cases: reports keep their numbers and get a reply that names the case that goes on; splitting undoes it."""
    survivor, others = (body.into, [number]) if body.into else (number, list(dict.fromkeys(body.cases or ())))

    async def act(desk: Desk) -> BaseModel:
        seen = {} if body.version is None else {number: body.version}
        file = await clustering.merge(desk, survivor, others, reason=body.reason, seen=seen)
        return MergedOut(case=to_case_out(file.case, provisional=_is_provisional(file)), merged=others)

    return await at.write(act)


@router.post("/cases/{number}/split", response_model=SplitOut)
async def post_split(number: Number, body: SplitIn, at: Annotated[Door, door(Permission.RULE)]) -> Response:
    """Take reports off a case: back to the case they came from, which reopens, or to a case of their own."""

    async def act(desk: Desk) -> BaseModel:
        result = await clustering.split(desk, number, body.reports, reason=body.reason, expected_version=body.version)
        return SplitOut(
            case=to_case_out(result.file.case, provisional=_is_provisional(result.file)),
            split=[PlacedOut(case=f.case.number, status=f.case.status, reports=rs) for f, rs in result.made],
        )

    return await at.write(act)
