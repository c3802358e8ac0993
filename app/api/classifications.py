"""A dry run of the classifier: nothing is stored."""

from typing import Annotated

from fastapi.responses import Response
from pydantic import Field

from app.access.principal import Permission
from app.api.door import JSON_TYPE, Door, In, door, make_router, thresholds_of
from app.api.reports import ClassificationOut
from app.audit import to_canonical_json
from app.classify import ReportText
from app.flow.citing import classify_with_precedents
from app.intake.accept import LONGEST_TEXT

router = make_router("classifications 研判")


class ClassificationIn(In):
    """What to decide on; `district` and `unit` as the reporter's, where known."""

    id: str | None = Field(None, max_length=80)
    text: str = Field(min_length=1, max_length=LONGEST_TEXT)
    title: str | None = Field(None, max_length=200)
    district: str | None = Field(None, max_length=40)
    unit: str | None = Field(None, max_length=80)
    declared_departments: list[Annotated[str, Field(max_length=20)]] = Field(default_factory=list, max_length=20)


@router.post("/classifications", response_model=ClassificationOut)
async def post_classification(body: ClassificationIn, at: Annotated[Door, door(Permission.CLASSIFY)]) -> Response:
    """Decide without storing: category, route, receivers, and the evidence for each."""
    district, unit = body.district, body.unit
    city = at.runtime.cities.current
    point = city.points.get(at.principal.observation_point or "")
    if district is None and point is not None:
        district, unit = point.district, unit or point.name
    decision = classify_with_precedents(
        city,
        ReportText(
            id=body.id,
            text=body.text,
            title=body.title,
            district=district,
            unit=unit,
            declared_departments=tuple(body.declared_departments),
        ),
        thresholds_of(at.runtime),
    )
    return Response(to_canonical_json(decision.to_dict()), media_type=JSON_TYPE)
