"""Health, readiness, metrics, documents; and that nothing is acknowledged before its commit."""

import asyncio

import pytest
from sqlalchemy import func, select, text

from app.api import reports
from app.api.reports import ReceiptOut, ReportIn
from app.directory.serials import BLOCK
from app.flow.desk import Desk
from app.flow.receive import Reading
from app.models import Reply, ReplyKind, Report, new_id
from tests.api.scenes import ASSIGNED, assigned
from tests.city import CityUnderTest


async def test_a_commit_that_fails_is_never_acknowledged(city: CityUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    receive = reports._receive

    async def receive_and_spoil(desk: Desk, body: ReportIn, reading: Reading | None = None) -> ReceiptOut:
        receipt = await receive(desk, body, reading)
        # Its foreign key is checked at commit only: every statement before succeeds.
        lost = Reply(id=new_id(), report_id="none", case_id="none", kind=ReplyKind.FINAL, text="x", sent_at=desk.now)
        desk.session.add(lost)
        return receipt

    monkeypatch.setattr(reports, "_receive", receive_and_spoil)
    reporter = await city.reporter()
    answer = await reporter.post("/v1/reports", json={"text": ASSIGNED}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 500
    monkeypatch.undo()
    async with city.runtime.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Report)) == 0
    again = await reporter.post("/v1/reports", json={"text": ASSIGNED}, headers={"Idempotency-Key": "k"})
    assert again.status_code == 201


async def test_one_report_that_cannot_be_committed_spoils_none_that_came_with_it(
    city: CityUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = reports._receive

    async def spoil_some(desk: Desk, body: ReportIn, reading: Reading | None = None) -> ReceiptOut:
        receipt = await receive(desk, body, reading)
        if "坏" in body.text:
            desk.session.add(
                Reply(id=new_id(), report_id="none", case_id="none", kind=ReplyKind.FINAL, text="x", sent_at=desk.now)
            )
        return receipt

    monkeypatch.setattr(reports, "_receive", spoil_some)
    reporter = await city.reporter()
    texts = [f"区民政局要求报第{n}张表{'坏' * (n == 2)}。" for n in range(5)]
    answers = await asyncio.gather(*(reporter.post("/v1/reports", json={"text": text}) for text in texts))
    assert [answer.status_code for answer in answers] == [201, 201, 500, 201, 201]
    async with city.runtime.database.read() as session:
        stored = set(await session.scalars(select(Report.number)))
    assert stored == {answer.json()["report"] for answer in answers if answer.status_code == 201}


async def test_a_batch_larger_than_a_block_of_numbers_does_not_wait_for_itself(city: CityUnderTest) -> None:
    reporter = await city.reporter()
    batch = [{"text": f"区民政局要求报第{n}张表。"} for n in range(BLOCK + 5)]
    answer = await reporter.post("/v1/reports/batch", json={"reports": batch}, timeout=120)
    assert answer.status_code == 200
    numbers = {entry["receipt"]["report"] for entry in answer.json()["results"]}
    assert len(numbers) == BLOCK + 5


async def test_ready_means_database_schema_and_pack(city: CityUnderTest) -> None:
    async with city.anonymous() as nobody:
        assert (await nobody.get("/healthz")).json() == {"status": "ok"}
        ready = await nobody.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["checks"] == {"database": True, "schema": True, "pack": True}
        async with city.runtime.database.write() as session:
            await session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
        behind = await nobody.get("/readyz")
    assert behind.status_code == 503
    assert behind.json()["checks"]["schema"] is False


async def test_metrics_count_and_tell_nothing_of_a_report(city: CityUnderTest) -> None:
    scene = await assigned(city)
    async with city.anonymous() as nobody:
        page = await nobody.get("/metrics")
    assert 'yilong_cases{status="dispatched"} 1.0' in page.text
    for secret in ("民政", scene.report, scene.case, "FR-01"):
        assert secret not in page.text


async def test_the_documents_need_no_other_host_and_show_the_webhooks(city: CityUnderTest) -> None:
    async with city.anonymous() as nobody:
        page = await nobody.get("/docs")
        schema = (await nobody.get("/openapi.json")).json()
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert schema["openapi"].startswith("3.1")
    assert {"assignment.created", "escalation.created", "consultation.invited", "case.closed"} <= set(
        schema["webhooks"]
    )
    assert {"assignment.reminded", "assignment.overdue", "assignment.supervised"} <= set(schema["webhooks"])
    assert "office.overdue" not in schema["webhooks"]
    told = schema["components"]["schemas"]["SupervisedClock"]["properties"]
    assert set(told) == {"kind", "due_at", "level", "reply_by"}


async def test_a_report_asks_for_one_field_only(city: CityUnderTest) -> None:
    async with city.anonymous() as nobody:
        schema = (await nobody.get("/openapi.json")).json()["components"]["schemas"]["ReportIn"]
    assert schema["required"] == ["text"]
    assert len(schema["properties"]) <= 6
