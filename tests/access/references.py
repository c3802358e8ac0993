"""Objects that a body, a header or a signature names, and what two parties share: each is kept to its own there too."""

import json
from typing import Any

import httpx
from sqlalchemy import select

from app.deliver.channels import Described
from app.deliver.daily_queue import load_daily, queue_daily
from app.deliver.endpoints import register_channel
from app.deliver.signing import sign
from app.flow.channels import guard_of
from app.models import Channel, Delivery
from tests.access.bodies import MEETING, absent
from tests.access.matrix import Matrix, shape_of
from tests.access.scene import DAY, DEPARTMENTS, SAID, THIRD, Half, other

POSITION = {"position": "lead", "basis": "三定规定"}


async def check_references(matrix: Matrix) -> None:
    """All of them, for both halves."""
    for half in ("a", "b"):
        await read_shared(matrix, half)
        await look_back(matrix, half)
        await name_in_bodies(matrix, half)
        await retry_anothers(matrix, half)
        await call_back(matrix, half)
    await state_beside(matrix)
    await tell_those_who_stay(matrix)
    await queue_own(matrix)
    await queue_digests(matrix)


async def read_shared(matrix: Matrix, half: Half) -> None:
    """Of what both have a part in, each reads its own part."""
    scene, caller = matrix.scene, matrix.scene.departments[half]
    code, case = DEPARTMENTS[half], scene.shared("cases").names[0]
    shown = (await matrix.call(caller, half, "GET", f"/v1/cases/{case}")).json()
    duties = {thing.names[0] for thing in scene.of("assignments", half)}
    matrix.expect({d["department"] for d in shown["assignments"]} == {code}, half, "assignments")
    matrix.expect({d["assignment"] for d in shown["deadlines"]} <= duties, half, "deadlines", shown["deadlines"])
    events = (await matrix.call(caller, half, "GET", f"/v1/cases/{case}/events")).json()
    matrix.expect({e["department"] for e in events} == {code}, half, "events of the case")
    session = scene.shared("consultations").names[1]
    seen = (await matrix.call(caller, half, "GET", f"/v1/consultations/{session}")).json()
    matrix.expect({i["department"] for i in seen["invitations"]} == {code}, half, "seats", seen["invitations"])
    stated = {p["department"] for item in seen["agenda"] for p in item["positions"]}
    matrix.expect(stated == {code} and seen["convener"] is None, half, "positions", stated)


async def look_back(matrix: Matrix, half: Half) -> None:
    """A point reads its own questions, and answers none of another point on the same case."""
    scene, caller = matrix.scene, matrix.scene.points[half]
    path = f"/v1/reports/{scene.of('reports', half)[-1].names[0]}"
    days = [q["days"] for q in (await matrix.call(caller, half, "GET", path)).json()["look_backs"]]
    matrix.expect(days == ([30] if half == "a" else [90]), half, "look backs", days)
    if half == "a":
        answer = await matrix.call(caller, half, "POST", f"{path}/look-back", json={"holds": True})
        matrix.expect(answer.status_code == 409, half, "answers a question put to another", answer.text)


async def name_in_bodies(matrix: Matrix, half: Half) -> None:
    """What another has, named in a body, is answered as what does not exist."""
    scene, caller = matrix.scene, matrix.scene.departments[half]
    duty, session = scene.only("assignments", half).names[0], scene.shared("consultations").names[1]
    told = {"measures": "已取消。", "public_reply": "已取消。"}
    for url, kind, body in (
        (f"/v1/assignments/{duty}/feedback", "evidence", told),
        (f"/v1/consultations/{session}/opinions", "cases", POSITION),
    ):
        names = [scene.only(kind, other(half)).names[0], absent(kind)]
        answers = [await matrix.call(caller, half, "POST", url, json=body | {kind: [name]}) for name in names]
        shapes = [shape_of(answer, name) for answer, name in zip(answers, names, strict=True)]
        matrix.expect(shapes[0] == shapes[1], half, url, shapes)
        matrix.expect(answers[0].status_code in {404, 422}, half, url, answers[0].text)


async def retry_anothers(matrix: Matrix, half: Half) -> None:
    """Another's Idempotency-Key with another's request gets nothing of the answer that was kept."""
    scene, owner, thief = matrix.scene, matrix.scene.departments[half], matrix.scene.departments[other(half)]
    url = f"/v1/assignments/{scene.only('assignments', half).names[0]}/progress"
    sent: dict[str, Any] = {"json": {"note": "进展"}, "headers": {"Idempotency-Key": f"key-{half}"}}
    answers = [await matrix.call(owner, half, "POST", url, **sent) for _ in range(2)]
    matrix.expect(answers[0].content == answers[1].content, half, "a retry", [a.text for a in answers])
    stolen = await matrix.call(thief, other(half), "POST", url, **sent)
    matrix.expect(stolen.status_code == 404, half, "somebody else's retry", stolen.status_code, stolen.text)


# ── callbacks ──


async def call_back(matrix: Matrix, half: Half) -> None:
    """A system acts for its own department, at its own address, on its own duties; ids of messages are its own too."""
    scene, code = matrix.scene, DEPARTMENTS[half]
    own, foreign = (scene.only("assignments", h).names[0] for h in (half, other(half)))
    nothing, table = absent("assignments"), scene.only("consultations", other(half))
    done = await _send(matrix, half, code, f"of-{half}", _event("assignment.progress", "assignment", own, note="进展"))
    matrix.expect(done.status_code == 200, half, "callback", done.text)
    for kind, subject, names, said in (
        ("assignment.progress", "assignment", (foreign, nothing), {"note": "进展"}),
        ("consultation.opinion", "consultation", (table.names[0], nothing), POSITION),
        ("consultation.response", "consultation", (table.names[1], nothing), {"answer": "accepted"}),
    ):
        answers = [await _send(matrix, half, code, f"{kind}-{n}", _event(kind, subject, n, **said)) for n in names]
        shapes = [shape_of(answer, name) for answer, name in zip(answers, names, strict=True)]
        matrix.expect(shapes[0] == shapes[1] and answers[0].status_code == 404, half, kind, shapes)
    body = _event("assignment.progress", "assignment", own, note="进展")
    strange = [await _send(matrix, half, c, "two", body) for c in (DEPARTMENTS[other(half)], "NO")]
    shapes = [shape_of(a, c) for a, c in zip(strange, (DEPARTMENTS[other(half)], "NO"), strict=True)]
    matrix.expect(shapes[0] == shapes[1] and strange[0].status_code == 401, half, "signed by another", shapes)
    # The other department's system sends the very message that was taken from this one.
    again = await _send(matrix, other(half), DEPARTMENTS[other(half)], f"of-{half}", body)
    matrix.expect(again.status_code == 404, half, "another's message", again.status_code, again.text)


def _event(kind: str, subject: str, name: str, **said: Any) -> bytes:
    return json.dumps({"type": kind, "data": {subject: name, **said}}, ensure_ascii=False).encode()


async def _send(matrix: Matrix, half: Half, code: str, message: str, body: bytes) -> httpx.Response:
    """A message signed with the half's secret, sent to an address."""
    moment = int(matrix.scene.city.clock.now().timestamp())
    headers = {
        "webhook-id": message,
        "webhook-timestamp": str(moment),
        "webhook-signature": sign([matrix.scene.secrets[half]], message, moment, body),
    }
    nobody = matrix.scene.departments[half]
    return await matrix.call(nobody, half, "POST", f"/v1/callbacks/{code}", content=body, headers=headers)


# ── what acts leave to others ──


async def state_beside(matrix: Matrix) -> None:
    """What one department states leaves what another stated as it was."""
    scene = matrix.scene
    session = scene.shared("consultations").names[1]
    order: tuple[Half, ...] = ("a", "b", "a")
    for half in order:
        body = {"position": "supporting", "basis": SAID[half]}
        await matrix.call(scene.departments[half], half, "POST", f"/v1/consultations/{session}/opinions", json=body)
        shown = (await scene.office.get(f"/v1/consultations/{session}")).json()
        stated = {p["department"]: p["basis"] for item in shown["agenda"] for p in item["positions"]}
        matrix.expect(stated == {DEPARTMENTS[h]: SAID[h] for h in ("a", "b")}, "positions", stated)
    replies: dict[Half, dict[str, str]] = {"a": {"answer": "accepted"}, "b": {"answer": "deputy", "deputy": "副局长"}}
    for half, body in replies.items():
        await matrix.call(scene.departments[half], half, "POST", f"/v1/consultations/{session}/response", json=body)
    shown = (await scene.office.get(f"/v1/consultations/{session}")).json()
    answers = {seat["department"]: seat["answer"] for seat in shown["invitations"]}
    wanted = {DEPARTMENTS["a"]: "accepted", DEPARTMENTS["b"]: "deputy", THIRD: None}
    matrix.expect(answers == wanted, "answers to the invitation", answers)


async def tell_those_who_stay(matrix: Matrix) -> None:
    """Of a session from which it was let go a department is told nothing more."""
    scene = matrix.scene
    for half in ("a", "b"):
        session, gone = scene.of("consultations", half)[1].names[1], scene.departments[other(half)]
        before = await matrix.call(gone, other(half), "GET", "/v1/events?limit=200")
        body = MEETING | {"despite_clash": True}
        moved = await scene.office.post(f"/v1/consultations/{session}/schedule", json=body)
        matrix.expect(moved.status_code == 200, "schedule", moved.text)
        after = await matrix.call(gone, other(half), "GET", "/v1/events?limit=200")
        matrix.expect(before.content == after.content, other(half), "is told of what is its own no more")


async def queue_own(matrix: Matrix) -> None:
    """What is queued for an address, at once or by a replay, is what its department may read in its feed."""
    scene = matrix.scene
    for half in ("a", "b"):
        endpoint = scene.only("endpoints", half).names[0]
        body = {"what": "missing", "since": "2026-01-01T00:00:00+08:00"}
        await scene.office.post(f"/v1/endpoints/{endpoint}/replay", json=body)
        feed = await matrix.call(scene.departments[half], half, "GET", "/v1/events?limit=200")
        known = {event["id"] for event in feed.json()["events"]}
        rows = (await scene.office.get(f"/v1/deliveries?department={DEPARTMENTS[half]}&limit=200")).json()
        matrix.expect({row["event"] for row in rows} == known, half, "queued", len(rows), len(known))


async def queue_digests(matrix: Matrix) -> None:
    """A day's digest is queued for the channels of its own department, and tells there what is that one's."""
    runtime, now = matrix.scene.city.runtime, matrix.scene.city.clock.now()
    async with runtime.database.write() as session:
        undone = await session.begin_nested()
        channels = {}
        for half, code in DEPARTMENTS.items():
            robot = Described(channel=Channel.WECOM, url=f"http://127.0.0.1:9/{half}?key=1")
            guard = guard_of(runtime.settings)
            made = await register_channel(session, code, robot, runtime.sealer, guard, now, has_mail_server=False)
            channels[half] = made.id
        await session.flush()
        for half, code in DEPARTMENTS.items():
            await queue_daily(session, code, DAY, now, now)
            await session.flush()
            daily, _ = await load_daily(session, channels[half], DAY)
            matrix.expect([line.number for line in daily.lines] == [SAID[half]], half, "digest", daily)
        rows = await session.scalars(select(Delivery.endpoint_id).where(Delivery.digest_day == DAY))
        matrix.expect(sorted(rows) == sorted(channels.values()), "digests queued")
        await undone.rollback()
