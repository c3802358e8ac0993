"""佐证材料 through the real application: streamed to disk, named by feedback, read by few, swept when unused."""

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from standardwebhooks import Webhook

from app.clock import FixedClock
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.feedback.folder import Folder
from app.feedback.vault import Vault
from app.flow.evidence import Sweeper
from app.ledger.reconcile import reconcile, verify_chains
from app.models import Event, Evidence, Role
from tests.api.scenes import FEEDBACK, Scene, assigned
from tests.city import CityUnderTest
from tests.dashboard.office import at_work
from tests.feedback.files import DOCX, PDF, PNG, WORD
from tests.feedback.hostile import REFUSED, bomb
from tests.receiver import TEST_SECRET

SHA = hashlib.sha256(PDF).hexdigest()
MEGABYTE = 1024 * 1024


async def upload(
    scene: Scene, content: bytes | AsyncIterator[bytes] = PDF, name: str = "废止通知.pdf", **headers: str
) -> httpx.Response:
    return await scene.department.post(
        f"/v1/assignments/{scene.assignment}/evidence", params={"name": name}, content=content, headers=headers
    )


def stored(city: CityUnderTest) -> list[Path]:
    return sorted(p for p in (city.folder / "evidence").rglob("*") if p.is_file())


async def count_rows(city: CityUnderTest) -> int:
    async with city.runtime.database.read() as session:
        return await session.scalar(select(func.count()).select_from(Evidence)) or 0


async def adds_up(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        assert (await reconcile(session)).offenders == []
        assert (await verify_chains(session))[1] == []


def sweeper_of(city: CityUnderTest) -> Sweeper:
    return Sweeper(city.runtime.database, city.clock, Vault(Folder(city.folder / "evidence"), MEGABYTE))


async def test_a_file_is_uploaded_named_by_the_feedback_and_downloaded(city: CityUnderTest) -> None:
    scene = await assigned(city)
    before = await scene.shown()
    answer = await upload(scene)
    assert answer.status_code == 201, answer.text
    taken = answer.json()
    assert {k: taken[k] for k in ("assignment", "name", "media_type", "size", "sha256")} == {
        "assignment": scene.assignment,
        "name": "废止通知.pdf",
        "media_type": "application/pdf",
        "size": len(PDF),
        "sha256": SHA,
    }
    assert await scene.shown() == before
    given = await scene.act("feedback", **FEEDBACK, evidence=[taken["id"], taken["id"]])
    assert given.status_code == 200, given.text
    [act] = [a for a in (await scene.shown())["acts"] if a["kind"] == "feedback"]
    assert act["content"]["evidence"] == [{k: taken[k] for k in ("id", "name", "media_type", "size", "sha256")}]
    async with city.runtime.database.read() as session:
        event = (await session.scalars(select(Event).where(Event.type == "assignment.responded"))).one()
    assert json.loads(event.facts)["evidence"] == [{"sha256": SHA, "size": len(PDF)}]
    for reader in (scene.office, scene.department):
        got = await reader.get(f"/v1/evidence/{taken['id']}")
        assert (got.status_code, got.content) == (200, PDF)
        assert got.headers["content-type"] == "application/pdf"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["content-disposition"].startswith("attachment;")
        assert "filename*=utf-8''%E5%BA%9F%E6%AD%A2%E9%80%9A%E7%9F%A5.pdf" in got.headers["content-disposition"]
    assert "evidence" not in json.dumps((await scene.reporter.get(f"/v1/reports/{scene.report}")).json())
    await adds_up(city)


async def test_nobody_else_reads_it_or_adds_to_it(city: CityUnderTest) -> None:
    scene = await assigned(city)
    found = (await upload(scene)).json()["id"]
    stranger = await city.department("FR-JY")
    assert (await stranger.get(f"/v1/evidence/{found}")).status_code == 404
    assert (await scene.reporter.get(f"/v1/evidence/{found}")).status_code == 403
    assert (await city.anonymous().get(f"/v1/evidence/{found}")).status_code == 401
    assert (await scene.office.get(f"/v1/evidence/{'0' * 32}")).status_code == 404
    assert (await scene.office.get("/v1/evidence/%00")).status_code == 422
    foreign = await stranger.post(f"/v1/assignments/{scene.assignment}/evidence", content=PDF)
    assert foreign.status_code == 404
    by_office = await scene.office.post(f"/v1/assignments/{scene.assignment}/evidence", content=PDF)
    assert by_office.status_code == 403
    other = await assigned(city)
    body = {**FEEDBACK, "evidence": [found]}
    async with city.runtime.database.read() as session:
        assert (await session.get_one(Evidence, found)).assignment_id == scene.assignment
    assert other.case == scene.case  # the same words join: the file is the same duty's
    assert (await scene.act("feedback", **body)).status_code == 200
    assert len(stored(city)) == 1


HOSTILE: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "empty": (b"", {}, 422, "file_empty"),
    "too large": (PDF + b"x" * MEGABYTE, {}, 413, "file_too_large"),
    "page that says it is a picture": (REFUSED["html"], {"Content-Type": "image/png"}, 415, "file_type_refused"),
    "program that says it is a pdf": (
        REFUSED["program"],
        {"Content-Type": "application/pdf"},
        415,
        "file_type_refused",
    ),
    "macros": (REFUSED["macros"], {"Content-Type": WORD}, 415, "file_type_refused"),
    "zip bomb": (bomb(), {"Content-Type": WORD}, 422, "file_unfolds"),
    "cut off": (PDF[:-8], {"Content-Type": "application/pdf"}, 422, "file_damaged"),
    "locked": (REFUSED["pdf with a password"], {"Content-Type": "application/pdf"}, 422, "file_locked"),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_file_is_refused_and_leaves_nothing(city: CityUnderTest, kind: str) -> None:
    content, headers, status, code = HOSTILE[kind]
    scene = await assigned(city)
    city.runtime.settings.evidence_largest_mb = 1
    answer = await upload(scene, content, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]
    assert (stored(city), await count_rows(city)) == ([], 0)


async def test_the_declared_type_and_the_name_count_for_nothing(city: CityUnderTest) -> None:
    scene = await assigned(city)
    taken = (await upload(scene, PNG, "../../../etc/cron.d/x.html", **{"Content-Type": "text/html"})).json()
    assert (taken["media_type"], taken["name"]) == ("image/png", "x.html.png")
    got = await scene.office.get(f"/v1/evidence/{taken['id']}")
    assert got.headers["content-type"] == "image/png"
    assert [p.parent.parent for p in stored(city)] == [city.folder / "evidence"]


async def test_a_file_comes_in_chunks_and_a_stream_beyond_the_limit_is_cut_off(city: CityUnderTest) -> None:
    scene = await assigned(city)
    sent = 0

    async def chunks(count: int) -> AsyncIterator[bytes]:
        nonlocal sent
        for number in range(count):
            sent += 65_536
            yield (PDF if not number else b"").ljust(65_536, b" ")

    taken = (await upload(scene, chunks(20))).json()
    assert taken["size"] == 20 * 65_536
    city.runtime.settings.evidence_largest_mb = 1
    assert (await upload(scene, chunks(1000))).status_code == 413
    assert len(stored(city)) == 1


async def test_a_repeated_upload_with_its_key_is_one_file(city: CityUnderTest) -> None:
    scene = await assigned(city)
    first = await upload(scene, PDF, "a.pdf", **{"Idempotency-Key": "once"})
    again = await upload(scene, PDF, "a.pdf", **{"Idempotency-Key": "once"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert await count_rows(city) == 1
    reused = await upload(scene, PNG, "a.png", **{"Idempotency-Key": "once"})
    assert reused.status_code in {409, 422}
    assert await count_rows(city) == 1


async def test_a_duty_that_is_answered_or_over_takes_no_more_files(city: CityUnderTest) -> None:
    scene = await assigned(city)
    await scene.act("feedback", **FEEDBACK)
    refused = await upload(scene)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_evidence_now")
    await scene.review(accepted=False, comment="请附废止文件。")
    found = (await upload(scene)).json()["id"]
    assert (await scene.act("feedback", **FEEDBACK, evidence=[found])).status_code == 200
    await adds_up(city)


async def test_a_duty_holds_a_limited_number_of_files(city: CityUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.feedback.evidence.MOST_FILES", 2)
    scene = await assigned(city)
    codes = [(await upload(scene)).status_code for _ in range(3)]
    assert codes == [201, 201, 409]
    assert len(stored(city)) == 2


async def test_a_signed_callback_names_evidence_and_the_upstream_reply_does_too(city: CityUnderTest) -> None:
    scene = await assigned(city)
    async with city.runtime.database.write() as session:
        await register_endpoint(
            session, "FR-MZ", "http://127.0.0.1:9/in", city.runtime.sealer, Guard.of([], allow_loopback=True),
            city.clock.now(), secret=TEST_SECRET,
        )  # fmt: skip
    found = (await upload(scene, DOCX, "报告.docx")).json()["id"]
    data: dict[str, Any] = {"assignment": scene.assignment, **FEEDBACK, "evidence": [found]}
    body = json.dumps({"type": "assignment.feedback", "timestamp": "", "data": data})
    now = city.clock.now()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(TEST_SECRET).sign("msg_1", now, body),
    }
    async with city.anonymous() as system:
        answer = await system.post("/v1/callbacks/FR-MZ", content=body.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    [act] = [a for a in (await scene.shown())["acts"] if a["kind"] == "feedback"]
    assert [e["id"] for e in act["content"]["evidence"]] == [found]


async def test_what_no_act_names_is_swept_after_a_week_and_the_rest_stays(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await assigned(city)
    named, unused = (await upload(scene)).json(), (await upload(scene, PNG)).json()
    await scene.act("feedback", **FEEDBACK, evidence=[named["id"]])
    clock.set(clock.now() + timedelta(days=6))
    await sweeper_of(city).sweep()
    assert (await count_rows(city), len(stored(city))) == (2, 2)
    clock.set(clock.now() + timedelta(days=2))
    await sweeper_of(city).sweep()
    assert (await scene.office.get(f"/v1/evidence/{unused['id']}")).status_code == 404
    assert (await scene.office.get(f"/v1/evidence/{named['id']}")).content == PDF
    assert len(stored(city)) == 1
    await scene.review(accepted=False, comment="再附一份。")
    late = await scene.act("feedback", **FEEDBACK, evidence=[unused["id"]])
    assert (late.status_code, late.json()["code"]) == (422, "unknown_evidence")
    await adds_up(city)


async def test_a_lost_file_is_told_and_a_file_without_a_row_is_swept(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    taken = (await upload(scene)).json()
    [path] = stored(city)
    stray = path.with_name(f"{'0' * 64}.{'0' * 32}")
    path.rename(stray)
    lost = await scene.office.get(f"/v1/evidence/{taken['id']}")
    assert (lost.status_code, lost.json()["code"]) == (410, "evidence_lost")
    clock.set(clock.now() + timedelta(days=400))  # far beyond the moment at which the file was written
    await sweeper_of(city).sweep()
    assert stored(city) == []


async def test_the_case_page_links_the_files(city: CityUnderTest) -> None:
    scene = await assigned(city)
    taken = (await upload(scene)).json()
    await scene.act("feedback", **FEEDBACK, evidence=[taken["id"]])
    browser = await at_work(city, Role.CLERK)
    page = await browser.get(f"/dashboard/cases/{scene.case}")
    assert f'href="/v1/evidence/{taken["id"]}"' in page.text
    assert "废止通知.pdf" in page.text
    got = await browser.get(f"/v1/evidence/{taken['id']}")
    assert got.content == PDF
