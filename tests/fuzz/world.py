"""The city under fire: the scene of the separation tests, and beside it what its acts would otherwise never meet."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from app.access.keys import TooManyKeys, create_key
from app.clock import FixedClock
from app.models import Role
from tests.access.bodies import ASSIGNMENT, WHY
from tests.access.scene import BOTH, DEPARTMENTS, POINTS, THIRD, Half, Scene, assign_to, build, convene_for, did
from tests.city import new_city, open_city
from tests.fuzz.known import Holder, Known
from tests.lives.checks import holds

# Monday 2026-03-02, 09:30 in Changsha, when the scene is set.
BEGIN = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
MORE_DUTIES = 3


@asynccontextmanager
async def world(kind: str) -> AsyncIterator[Scene]:
    """A city of its own with objects of every kind, some of them in the middle of their way."""
    with tempfile.TemporaryDirectory(prefix="yilong-fuzz-") as folder, new_city(kind, Path(folder)) as url:
        async with open_city(url, Path(folder), FixedClock(BEGIN)) as city:
            scene = await build(city)
            for half in sorted(DEPARTMENTS):
                for _ in range(MORE_DUTIES):
                    await assign_to(scene, {half})
                await _answer(scene, half)
                await convene_for(scene, {half})
            yield scene


async def _answer(scene: Scene, half: Half) -> None:
    """The last duty is answered and the answer accepted: its point is asked whether the burden is gone."""
    path = f"/v1/assignments/{scene.of('assignments', half)[-1].names[0]}"
    for word in ("acceptance", "feedback"):
        await did(scene.departments[half].client, f"{path}/{word}", dict(ASSIGNMENT[word]))
    await did(scene.office, f"{path}/review", {"accepted": True})


async def _escalate(scene: Scene) -> str:
    """A matter that the third department carries to the province; its duty there."""
    case = scene.only("cases", "a").names[0]
    body = {"category": "provincial", "receivers": [{"code": THIRD}], **WHY}
    await did(scene.office, f"/v1/cases/{case}/ruling", body)
    duties = (await scene.office.get(f"/v1/cases/{case}")).json()["assignments"]
    return next(str(duty["id"]) for duty in duties if duty["department"] == THIRD)


async def callers_of(scene: Scene) -> tuple[list[Holder], Known]:
    """Two points, three departments, each role of the office, and nobody; with what each is known to have."""
    codes = {f"reporter {half}": (Role.REPORTER, code) for half, code in POINTS.items()}
    codes |= {f"department {half}": (Role.DEPARTMENT, code) for half, code in DEPARTMENTS.items()}
    codes["department c"] = (Role.DEPARTMENT, THIRD)
    holders = [Holder(name, role, code=code) for name, (role, code) in codes.items()]
    holders += [Holder(role.value, role) for role in Role if role not in {Role.REPORTER, Role.DEPARTMENT}]
    for holder in holders:
        await give_key(scene, holder)
    known = Known.of(scene)
    known.note("department c", "assignments", await _escalate(scene))
    return [*holders, Holder("nobody", None)], known


async def give_key(scene: Scene, holder: Holder) -> None:
    """A key of its own, at first and again where another caller has revoked it."""
    role = holder.role
    assert role is not None
    point, department = (holder.code if role is owner else None for owner in (Role.REPORTER, Role.DEPARTMENT))
    now = scene.city.clock.now()
    with suppress(TooManyKeys):
        async with scene.city.runtime.database.write() as session:
            holder.key = await create_key(session, role, now=now, observation_point=point, department=department)


async def faults_in(scene: Scene) -> list[str]:
    """What the ledger's own proof and the published shapes of webhooks say after everything."""
    # On this one the scene put questions by hand while it was open, which no act does.
    by_hand = [case for case in scene.of("cases") if case.owners == BOTH][-1].names[0]
    faults = [fault for fault in await holds(scene.city) if by_hand not in fault]
    return [f"  {fault}" for fault in (*faults, *await scene.city.misfits())]
