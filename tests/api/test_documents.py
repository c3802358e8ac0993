"""发文登记 over the interface: what the register shows, by kind, year, case and state, in pages; the office only."""

from pathlib import Path
from typing import Any

import pytest

from app.access.principal import Principal
from app.api.door import make_desk
from app.clock import FixedClock
from app.flow import documents
from app.models import Role
from tests.city import CityUnderTest, open_city
from tests.journeys.test_documents import issue_at, kept, orders


async def listed(city: CityUnderTest, role: Role = Role.AUDITOR, **query: Any) -> dict[str, Any]:
    answer = await (await city.client(role)).get("/v1/documents", params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def void_first(city: CityUnderTest) -> None:
    first = (await kept(city))[0].id
    async with city.runtime.database.write() as session:
        await documents.void(make_desk(city.runtime, session, Principal(Role.CLERK, "user:x")), first, "主送有误")


async def test_the_register_is_read_in_pages_and_by_what_is_asked(
    city_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_city(city_url, tmp_path, clock, join_from_likeness=2.0) as city:
        wanted = await orders(city, 3)
        for case, key in wanted:
            await issue_at(city, case, key)
        await void_first(city)
        whole = (await listed(city))["documents"]
        assert sorted(one["serial"] for one in whole) == [1, 2, 3]
        void = next(one for one in whole if one["voided_at"])
        assert (void["serial"], void["void_reason"], void["number"]) == (1, "主送有误", "长减负交〔2026〕1号")
        assert all(one["cases"] == [one["about"]] and len(one["digest"]) == 64 for one in whole)
        # Page by page the same, in the same order.
        client = await city.client(Role.AUDITOR)
        found, path = [], "/v1/documents?limit=1"
        while path:
            answer = await client.get(path)
            found += answer.json()["documents"]
            path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
        assert found == whole
        number = wanted[1][0]
        assert [one["about"] for one in (await listed(city, case=number))["documents"]] == [number]
        for query, count in (
            ({"kind": "assignment"}, 3), ({"kind": "minutes"}, 0), ({"year": 2026}, 3), ({"year": 2025}, 0),
            ({"voided": "true"}, 1), ({"voided": "false"}, 2), ({"case": "YL-2026-999999"}, 0),
            ({"case": number, "voided": "false", "kind": "assignment", "year": 2026}, 1),
        ):  # fmt: skip
            page = await listed(city, **query)
            assert (len(page["documents"]), page["next_cursor"]) == (count, None), query


@pytest.mark.parametrize("role", [Role.REPORTER, Role.DEPARTMENT])
async def test_the_register_is_the_offices(city: CityUnderTest, role: Role) -> None:
    client = await city.client(role, {Role.REPORTER: "FR-01", Role.DEPARTMENT: "FR-MZ"}[role])
    assert (await client.get("/v1/documents")).status_code == 403
    assert (await city.anonymous().get("/v1/documents")).status_code == 401


async def test_a_wrong_cursor_kind_or_year_is_refused(city: CityUnderTest) -> None:
    office = await city.office()
    for query in ("cursor=x", "cursor=%C3%A9", "kind=letter", "year=1", "year=99999", "limit=0", "voided=perhaps"):
        assert (await office.get(f"/v1/documents?{query}")).status_code == 422, query
