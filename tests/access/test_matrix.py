"""Separation, generated: every route with an object, every role, one's own object, another's, and none."""

from app.models import Role
from tests.access.callers import by_key, by_session
from tests.access.matrix import Matrix
from tests.access.references import check_references
from tests.access.scene import build
from tests.city import CityUnderTest
from tests.conftest import Say

OFFICE = (Role.AUDITOR, Role.CLERK, Role.LEADER, Role.ADMINISTRATOR)


async def test_each_sees_its_own_and_nothing_of_anothers(city: CityUnderTest, say: Say) -> None:
    scene = await build(city)
    matrix = Matrix(scene)
    await matrix.lists()
    await matrix.page_lists()
    await check_references(matrix)
    await matrix.reach()
    whole = city.runtime.database.is_sqlite
    if whole:
        # What the office reaches is restricted by no query: one database will do.
        await matrix.office([await by_key(city, role) for role in OFFICE])
        await matrix.office([await by_session(city, Role.ADMINISTRATOR)])
    told = f"{len(matrix.routes)} routes, {len(matrix.callers)} callers, {len(scene.things)} objects"
    say(f"separation: {told}, {matrix.calls} calls")
    assert matrix.faults == []
    assert {str(route) for route in matrix.table() if whole or not route.is_page} <= matrix.routes
