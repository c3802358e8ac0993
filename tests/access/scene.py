"""Two points and two departments with everything that may belong to one of them, and what each must never see."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal, TypeVar

import httpx
from sqlalchemy import select

from app.deliver.daily_queue import LETTER
from app.models import CalendarImport, Deadline, Digest, LookBack, Report, Role, new_id
from tests.access.callers import Caller, by_key, by_session
from tests.city import CityUnderTest
from tests.feedback.files import PDF

Half = Literal["a", "b"]
Key = TypeVar("Key")
BOTH: frozenset[Half] = frozenset({"a", "b"})
POINTS: dict[Half, str] = {"a": "FR-01", "b": "FR-02"}
DEPARTMENTS: dict[Half, str] = {"a": "FR-MZ", "b": "FR-WJ"}
THIRD = "CS-JY"
NOTICE_YEAR = 2028
DAY = date(2026, 2, 27)
LEVELS: dict[Half, int] = {"a": 1, "b": 2}
# Words that stand for one party alone wherever they are kept.
WROTE: dict[Half, str] = {"a": "甲村独有之语", "b": "乙村独有之语"}
SAID: dict[Half, str] = {"a": "甲局独有之语", "b": "乙局独有之语"}
TEXT = "工作群里一天到晚要截图接龙,也不知道是哪个单位要的。这里是{},第{}件。"


@dataclass(frozen=True, slots=True)
class Thing:
    """One object: its names in addresses, and whose it is; to the office all are open."""

    kind: str
    names: tuple[str, ...]
    owners: frozenset[Half]


@dataclass
class Scene:
    """What there is, who calls, and what is known of it."""

    city: CityUnderTest
    office: httpx.AsyncClient
    points: dict[Half, Caller]
    departments: dict[Half, Caller]
    # The same parties at browsers of their own.
    people: dict[tuple[Role, Half], Caller]
    things: list[Thing] = field(default_factory=list)
    secrets: dict[Half, str] = field(default_factory=dict)
    # What must not be told to the other half, by whether it is told to points or to departments.
    closed: dict[tuple[Role, Half], set[str]] = field(default_factory=lambda: defaultdict(set))

    def of(self, kind: str, half: Half | None = None) -> list[Thing]:
        return [t for t in self.things if t.kind == kind and (half is None or half in t.owners)]

    def only(self, kind: str, half: Half) -> Thing:
        """The first that belongs to that half alone."""
        return next(t for t in self.of(kind) if t.owners == {half})

    def shared(self, kind: str) -> Thing:
        return next(t for t in self.of(kind) if t.owners == BOTH)

    def put(self, kind: str, *names: object, owners: Iterable[Half], told: bool = False) -> Thing:
        """Note an object; the names of what only one half may see are closed to the other, unless it was told them."""
        thing = Thing(kind, tuple(str(n) for n in names), frozenset(owners))
        self.things.append(thing)
        role = Role.REPORTER if kind == "reports" else Role.DEPARTMENT
        for half in thing.owners if len(thing.owners) == 1 and not told and kind != "deliveries" else ():
            self.closed[role, half] |= set(thing.names)
        return thing


def moved(scene: Scene, city: CityUnderTest) -> Scene:
    """The same scene with the same keys, in a copy of its city."""

    def again(client: httpx.AsyncClient) -> httpx.AsyncClient:
        return city.anonymous(headers=client.headers, cookies=client.cookies)

    def callers(before: dict[Key, Caller]) -> dict[Key, Caller]:
        return {key: replace(caller, client=again(caller.client)) for key, caller in before.items()}

    points, departments, people = callers(scene.points), callers(scene.departments), callers(scene.people)
    return replace(scene, city=city, office=again(scene.office), points=points, departments=departments, people=people)


def other(half: Half) -> Half:
    return "b" if half == "a" else "a"


async def did(client: httpx.AsyncClient, path: str, body: dict[str, Any] | None = None, **options: Any) -> Any:
    answer = await client.post(path, json=body, **options)
    assert answer.status_code in {200, 201}, (path, answer.text)
    return answer.json()


async def build(city: CityUnderTest) -> Scene:
    """Set the scene through the interface, as its users would."""
    points = {half: await by_key(city, Role.REPORTER, code) for half, code in POINTS.items()}
    departments = {half: await by_key(city, Role.DEPARTMENT, code) for half, code in DEPARTMENTS.items()}
    holders = {Role.REPORTER: POINTS, Role.DEPARTMENT: DEPARTMENTS}
    people = {
        (role, half): await by_session(city, role, code)
        for role, codes in holders.items()
        for half, code in codes.items()
    }
    scene = Scene(city, await city.office(), points, departments, people)
    for half in sorted(BOTH):
        scene.closed[Role.REPORTER, half].add(WROTE[half])
        scene.closed[Role.DEPARTMENT, half].add(SAID[half])
        await _connect(scene, half)
    await _set_clocks(scene)
    for half in sorted(BOTH):
        await assign_to(scene, {half})
        await convene_for(scene, {half})
        await _let_go(scene, half)
    await assign_to(scene, BOTH)
    await convene_for(scene, BOTH)
    await _settle(scene)
    await _supervise(scene)
    await _digest(scene)
    await _deliveries(scene)
    made = await did(scene.office, "/v1/keys", {"role": "department", "department": THIRD})
    scene.put("keys", made["id"], owners=())
    return scene


async def _connect(scene: Scene, half: Half) -> None:
    """A system of the department, which answers for itself by and by."""
    url = f"http://127.0.0.1:9/{half}"
    made = await did(scene.office, "/v1/endpoints", {"department": DEPARTMENTS[half], "url": url})
    await did(scene.office, f"/v1/endpoints/{made['id']}/signing-key", {})
    scene.put("endpoints", made["id"], owners={half})
    scene.closed[Role.DEPARTMENT, half].add(url)
    scene.secrets[half] = made["secret"]


async def _set_clocks(scene: Scene) -> None:
    """A term and a notice: everybody may read what is in force, the office alone who set it and why."""
    term = {"kind": "consultation", "working_days": 9, "reason": "统筹内部理由", "burden_type": "FORMS"}
    await did(scene.office, "/v1/terms", term)
    notice = {"year": NOTICE_YEAR, "source": "days", "imported_by": "user:-", "changed": []}
    async with scene.city.runtime.database.write() as session:
        session.add(CalendarImport(id=new_id(), imported_at=scene.city.clock.now(), **notice))


async def _report(scene: Scene, half: Half) -> tuple[str, str]:
    """A report that the office must rule on; its number and its case's."""
    text = TEXT.format(WROTE[half], len(scene.things))
    told = await did(scene.points[half].client, "/v1/reports", {"text": text})
    assert not told["joined"], told
    scene.put("reports", told["report"], owners={half})
    return told["report"], told["case"]


async def _case(scene: Scene, halves: Iterable[Half]) -> str:
    """A case with a report of each half's point."""
    cases = [(await _report(scene, half))[1] for half in sorted(halves)]
    if len(cases) > 1:
        body = {"cases": cases[1:], "reason": "同一负担"}
        await did(scene.office, f"/v1/cases/{cases[0]}/merge", body)
    return cases[0]


async def assign_to(scene: Scene, halves: Iterable[Half]) -> None:
    """A case with a duty of each half's department, each with a file and with words of its own."""
    case = await _case(scene, halves)
    scene.put("cases", case, owners=halves)
    receivers = [
        {"code": DEPARTMENTS[half], "role": "lead" if n == 0 else "supporting"} for n, half in enumerate(sorted(halves))
    ]
    body = {"category": "municipal_district", "receivers": receivers, "reason": "按职责分办"}
    await did(scene.office, f"/v1/cases/{case}/ruling", body)
    shown = (await scene.office.get(f"/v1/cases/{case}")).json()
    for half in sorted(halves):
        duty = next(d["id"] for d in shown["assignments"] if d["department"] == DEPARTMENTS[half])
        client = scene.departments[half].client
        scene.put("assignments", duty, owners={half})
        path = f"/v1/assignments/{duty}"
        await did(client, f"{path}/progress", {"note": SAID[half]})
        kept = await client.post(f"{path}/evidence", params={"name": f"{half}.pdf"}, content=PDF)
        assert kept.status_code == 201, kept.text
        scene.put("evidence", kept.json()["id"], owners={half})


async def convene_for(scene: Scene, halves: Iterable[Half], *, also: Iterable[Half] = ()) -> Thing:
    """A session with each half's department at the table, each with a position of its own."""
    case = await _case(scene, halves)
    invited = [DEPARTMENTS[half] for half in sorted({*halves, *also})]
    made = await did(scene.office, "/v1/consultations", {"cases": [case], "departments": [*invited, THIRD]})
    told = bool(set(also))
    scene.put("cases", case, owners=halves, told=told)
    for half in sorted(halves):
        body = {"position": "supporting", "basis": SAID[half]}
        await did(scene.departments[half].client, f"/v1/consultations/{made['id']}/opinions", body)
    return scene.put("consultations", made["id"], made["number"], owners=halves, told=told)


async def _let_go(scene: Scene, half: Half) -> None:
    """A session from which the other half's department was let go: it is that one's no more."""
    thing = await convene_for(scene, {half}, also={other(half)})
    body = {"withdraw": [DEPARTMENTS[other(half)]], "reason": "与其无关"}
    await did(scene.office, f"/v1/consultations/{thing.names[0]}/invitations", body)


async def _settle(scene: Scene) -> None:
    """A session of both that was concluded, so that there is a precedent; and looks back at its case of each point."""
    thing = await convene_for(scene, BOTH)
    case = scene.of("cases")[-1].names[0]
    parts = [{"department": DEPARTMENTS["a"], "lead": True}, {"department": DEPARTMENTS["b"]}]
    body = {"conclusions": [{"case": case, "parts": parts}], "minutes": "议定。"}
    await did(scene.office, f"/v1/consultations/{thing.names[0]}/conclusion", body)
    shown = (await scene.office.get(f"/v1/cases/{case}")).json()
    for half, code in DEPARTMENTS.items():
        duty = next(d["id"] for d in shown["assignments"] if d["department"] == code)
        scene.put("assignments", duty, owners={half})
    scene.put("precedents", shown["precedents"]["made"][0]["number"], owners=())
    now = scene.city.clock.now()
    async with scene.city.runtime.database.write() as session:
        for number in (r["number"] for r in shown["reports"]):
            report = (await session.scalars(select(Report).where(Report.number == number))).one()
            is_a = report.observation_point_code == POINTS["a"]
            session.add(
                LookBack(
                    id=new_id(), case_id=report.case_id, report_id=report.id, days=30 if is_a else 90, due_at=now,
                    look_at=now, asked_at=None if is_a else now, comment=WROTE["a" if is_a else "b"],
                )
            )  # fmt: skip


async def _supervise(scene: Scene) -> None:
    """On the case that both have duties on, each duty stands at a level of supervision of its own."""
    async with scene.city.runtime.database.write() as session:
        for half in BOTH:
            duties = [t.names[0] for t in scene.of("assignments", half)]
            rows = await session.scalars(select(Deadline).where(Deadline.assignment_id == duties[1]))
            for deadline in rows:
                deadline.level = LEVELS[half]


async def _digest(scene: Scene) -> None:
    """One day's digest of each department and of the office."""
    recipients = {DEPARTMENTS["a"]: SAID["a"], DEPARTMENTS["b"]: SAID["b"], "office": "统筹"}
    async with scene.city.runtime.database.write() as session:
        for recipient, words in recipients.items():
            letter = {"lines": [[words, "", "", ""]], "count": 1, "said": 0}
            content = {"text": words, LETTER: letter}
            session.add(Digest(recipient=recipient, day=DAY, content=content, made_at=scene.city.clock.now()))


async def _deliveries(scene: Scene) -> None:
    for half, code in DEPARTMENTS.items():
        rows = (await scene.office.get(f"/v1/deliveries?department={code}&limit=200")).json()
        assert rows, code
        scene.put("deliveries", rows[0]["id"], owners={half})
