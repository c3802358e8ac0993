"""The directory: departments and observation points."""

from typing import Annotated, Any

from fastapi import Query

from app.access.principal import Permission
from app.api.door import Door, Out, door, make_router
from app.directory.pack import Tier

router = make_router("directory 目录")


class DepartmentOut(Out):
    code: str
    name: str
    tier: Tier
    district: str | None
    line: str
    vertical: bool


class ObservationPointOut(Out):
    code: str
    name: str
    district: str
    township: str


@router.get("/departments")
async def list_departments(
    at: Annotated[Door, door(Permission.READ_DIRECTORY)],
    tier: Annotated[Tier | None, Query()] = None,
    district: Annotated[str | None, Query(max_length=40)] = None,
) -> list[DepartmentOut]:
    """All departments in code order."""
    found: list[Any] = [
        d
        for d in at.runtime.cities.current.departments.values()
        if (tier is None or d.tier is tier) and (district is None or d.district == district)
    ]
    return [DepartmentOut.model_validate(d) for d in sorted(found, key=lambda d: d.code)]


@router.get("/observation-points")
async def list_observation_points(
    at: Annotated[Door, door(Permission.RULE)],
) -> list[ObservationPointOut]:
    """All observation points in code order; for the office."""
    points = at.runtime.cities.current.points.values()
    return [ObservationPointOut.model_validate(p) for p in sorted(points, key=lambda p: p.code)]
