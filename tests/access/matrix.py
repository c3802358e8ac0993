"""Route × role × object: what is one's own is answered, what is another's is as if it were not there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from app.main import PUBLIC
from app.models import Role
from tests.access.bodies import absent, body_for, kind_of
from tests.access.callers import Caller
from tests.access.routes import Route, routes_of
from tests.access.scene import DEPARTMENTS, NOTICE_YEAR, Half, Scene, Thing, other
from tests.feedback.files import PDF

# Of an answer, what may differ between two requests for nothing.
VARYING: Final = {"x-request-id", "date", "content-length"}
SCOPED: Final = (Role.REPORTER, Role.DEPARTMENT)


class Noticed(AssertionError):
    """The first fault, where one is enough."""


@dataclass
class Matrix:
    """The calls over one scene; `faults` says what was wrong."""

    scene: Scene
    stop_at_first: bool = False
    faults: list[str] = field(default_factory=list)
    calls: int = 0
    routes: set[str] = field(default_factory=set)
    callers: set[str] = field(default_factory=set)

    def expect(self, holds: bool, *said: object) -> None:
        if not holds:
            self.faults.append(" ".join(str(part) for part in said))
            if self.stop_at_first:
                raise Noticed(self.faults[-1])

    def table(self) -> list[Route]:
        """The routes with an object in their path."""
        routes = routes_of(self.scene.city.application)
        return [r for r in routes if r.names and r.path not in PUBLIC and r.names != ["rest"]]

    def scoped(self) -> list[tuple[Caller, Half]]:
        scene = self.scene
        return [(scene.points[h], h) for h in scene.points] + [(scene.departments[h], h) for h in scene.departments]

    async def call(self, caller: Caller, half: Half | None, method: str, url: str, **sent: Any) -> httpx.Response:
        """Call; whatever it answers, it must tell nothing that is closed to the caller, and never fail."""
        self.calls += 1
        self.callers.add(f"{caller.name} {half or ''}")
        answer = await caller.client.request(method, url, **sent)
        self.expect(answer.status_code < 500, caller.name, half, method, url, answer.status_code)
        if half is not None and caller.role in SCOPED:
            said = answer.text.replace(url, "")
            closed = self.scene.closed[caller.role, other(half)]
            told = sorted(name for name in closed if name in said)
            self.expect(not told, caller.name, half, method, url, "tells", told)
        return answer

    async def ask(self, caller: Caller, half: Half | None, route: Route, name: str) -> httpx.Response:
        """Call a route for one object, with a body that it takes."""
        self.routes.add(str(route))
        url = route.at(*(name for _ in route.names))
        if route.is_page:
            return await self.call(caller, half, route.method, url, data={} if route.method == "POST" else None)
        if route.path.endswith("/evidence"):
            return await self.call(caller, half, route.method, url, content=PDF)
        return await self.call(caller, half, route.method, url, json=body_for(route, self.scene))

    # ── objects in the path ──

    def callers_of(self, route: Route) -> list[tuple[Caller, Half]]:
        """Who calls a route: systems the interface; at pages those whose pages they are."""
        if not route.is_page:
            return self.scoped()
        people = self.scene.people.items()
        return [(caller, half) for (_, half), caller in people if route.allows(caller.role)]

    async def reach(self) -> None:
        """Every route for every object, first what leaves all as it is."""
        chosen = self.table()
        for reading in (True, False):
            for route in (r for r in chosen if (r.method == "GET") is reading):
                for caller, half in self.callers_of(route):
                    await self.hide(caller, half, route)
                    if reading and route.allows(caller.role):
                        await self.open(caller, half, route)
        for route in (r for r in chosen if r.method != "GET"):
            for caller, half in self.callers_of(route):
                if route.allows(caller.role):
                    await self.open(caller, half, route)

    async def hide(self, caller: Caller, half: Half, route: Route) -> None:
        """Another's object and none at all are answered alike: not found, or not allowed whatever it is."""
        nothing = await self.ask(caller, half, route, absent(kind_of(route)))
        allowed = route.allows(caller.role)
        self.expect(nothing.status_code == (404 if allowed else 403), caller.name, route, nothing.status_code)
        foreign = [t for t in self.scene.of(kind_of(route)) if half not in t.owners]
        for thing in foreign if allowed else samples(self.scene.of(kind_of(route))):
            for name in thing.names:
                answer = await self.ask(caller, half, route, name)
                alike = shape_of(answer, name) == shape_of(nothing, absent(kind_of(route)))
                self.expect(alike, caller.name, half, route, name, answer.status_code, answer.text[:200])

    async def open(self, caller: Caller, half: Half | None, route: Route, most: int = 3) -> None:
        """One's own is there: done, or refused for what it is; the office's is everything."""
        for thing in samples(self.scene.of(kind_of(route), half))[:most]:
            for name in thing.names:
                answer = await self.ask(caller, half, route, name)
                empty = answer.status_code == 422 and (half is None or route.is_page)
                told = answer.status_code in {200, 201, 303, 409} or empty
                self.expect(told, caller.name, half, route, name, answer.status_code, answer.text[:200])

    async def office(self, callers: Iterable[Caller]) -> None:
        """Roles of the office: what exists is there for each, and what does not for none."""
        for route in self.table():
            for caller in callers:
                if route.is_page is caller.by_session and route.allows(caller.role):
                    nothing = await self.ask(caller, None, route, absent(kind_of(route)))
                    self.expect(nothing.status_code == 404, caller.name, route, nothing.status_code)
                    everything = caller.role is Role.ADMINISTRATOR and not caller.by_session
                    await self.open(caller, None, route, most=3 if everything else 1)

    # ── lists ──

    async def lists(self) -> None:
        """Lists hold what is one's own, whatever is asked for."""
        for half, caller in self.scene.departments.items():
            mine = {kind: self.names(kind, half) for kind in ("cases", "consultations", "endpoints")}
            foreign = DEPARTMENTS[other(half)]
            for query in ("", f"department={foreign}", "q=no-text-has-this", "relapsed=true", "limit=1"):
                found = await self.pages(caller, half, f"/v1/cases?{query}", "cases")
                self.expect(found == mine["cases"], half, "cases", query, found, mine["cases"])
            found = await self.pages(caller, half, "/v1/consultations?limit=2", "consultations")
            self.expect(found == mine["consultations"], half, "consultations", found)
            await self.level(caller, half)
            keys = await self.call(caller, half, "GET", "/v1/signing-keys")
            self.expect({k["endpoint"] for k in keys.json()} == mine["endpoints"], half, keys.text)
            events = (await self.call(caller, half, "GET", "/v1/events?limit=200")).json()["events"]
            self.expect(bool(events), half, "has no events")
            await self.clocks(caller, half)
            digests = (await self.call(caller, half, "GET", "/v1/digests")).json()["digests"]
            self.expect([d["recipient"] for d in digests] == [DEPARTMENTS[half]], half, digests)
            for path in ("/v1/digests", "/v1/signing-keys"):
                answers = [await self.call(caller, half, "GET", f"{path}?department={c}") for c in (foreign, "NO")]
                self.expect({a.status_code for a in answers} == {404}, half, path)
                self.expect(answers[0].content == answers[1].content, half, path, "differs")

    async def page_lists(self) -> None:
        """Lists on pages hold what is one's own, and all of it where they show all."""
        for (role, half), caller in self.scene.people.items():
            if role is Role.REPORTER:
                shown = (await self.call(caller, half, "GET", "/dashboard/reporting/sent?size=100")).text
                found = set(re.findall(r"/dashboard/reporting/(BG-[0-9-]+)", shown))
                self.expect(found == self.names("reports", half), half, "sent", found)
                await self.call(caller, half, "GET", "/dashboard/reporting")
                continue
            shown = (await self.call(caller, half, "GET", "/dashboard/invitations?size=100")).text
            found = set(re.findall(r"/dashboard/invitations/(HS-[0-9-]+)", shown))
            self.expect(found == self.names("consultations", half), half, "invitations", found)
            for path in ("/dashboard/duties", "/dashboard/duties/all?size=100", "/dashboard/duties/all?text=事项"):
                shown = (await self.call(caller, half, "GET", path)).text
                self.expect("YL-2026-" in shown or "text=" in path, half, path, "shows nothing")

    def names(self, kind: str, half: Half) -> set[str]:
        """How a list names what is one's own: by number where it has one."""
        return {thing.names[-1] for thing in self.scene.of(kind, half)}

    async def pages(self, caller: Caller, half: Half, url: str, kind: str) -> set[str]:
        """All of a list, page by page."""
        found: set[str] = set()
        cursor: str | None = ""
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = (await self.call(caller, half, "GET", url + more)).json()
            found |= {item["number"] for item in page[kind]}
            cursor = page["next_cursor"]
        return found

    async def clocks(self, caller: Caller, half: Half) -> None:
        """What is in force is everybody's to read, its history the office's; so are the words of a case."""
        terms = (await self.call(caller, half, "GET", "/v1/terms")).json()
        self.expect(terms["in_force"] and terms["history"] == [], half, "terms", terms["history"])
        notices = (await self.call(caller, half, "GET", f"/v1/calendar?year={NOTICE_YEAR}")).json()["imports"]
        self.expect(notices == [], half, "calendar", notices)
        for case in (await self.call(caller, half, "GET", "/v1/cases")).json()["cases"]:
            self.expect(not {"summary", "districts", "owner"} & set(case), half, "case", case)

    async def level(self, caller: Caller, half: Half) -> None:
        """What stands at a level of supervision is told of one's own duties only."""
        both = self.scene.shared("cases").names[0]
        for level, whose in ((1, "a"), (2, "b")):
            found = await self.pages(caller, half, f"/v1/cases?supervision_level={level}", "cases")
            self.expect(found == ({both} if whose == half else set()), half, "level", level, found)


def samples(things: Iterable[Thing]) -> list[Thing]:
    """One of each ownership, the last: what only the first has, only the second, and both."""
    return list({thing.owners: thing for thing in things}.values())


def shape_of(answer: httpx.Response, name: str) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Status, body and headers without the object's own name."""
    headers = sorted((k, v) for k, v in answer.headers.items() if k not in VARYING)
    return answer.status_code, answer.content.replace(name.encode(), b"{name}"), headers
