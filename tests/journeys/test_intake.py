"""What a reporter meets: one field is enough, the answer says who, why and by when, bad input stores nothing."""

import json

import pytest
from sqlalchemy import func, select

from app.models import Case, Event, IdempotentAnswer, Report
from tests.city import CityUnderTest

PLAIN = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"


async def count(city: CityUnderTest, model: type) -> int:
    async with city.runtime.database.read() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_a_report_answers_with_numbers_decision_receivers_and_deadline(city: CityUnderTest) -> None:
    reporter = await city.reporter("FR-01")
    answer = await reporter.post("/v1/reports", json={"text": PLAIN})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["report"].startswith("BG-2026-")
    assert body["case"].startswith("YL-2026-")
    assert body["decision"]["route"] == "assignment"
    assert [r["code"] for r in body["decision"]["receivers"]] == ["FR-MZ"]
    assert body["due_at"] == "2026-03-23T10:00:00Z"
    for evidence in body["decision"]["evidence"]:
        assert PLAIN[evidence["start"] : evidence["end"]] == evidence["text"]


async def test_the_reporter_reads_back_the_report_and_another_point_does_not(city: CityUnderTest) -> None:
    number = (await (await city.reporter("FR-01")).post("/v1/reports", json={"text": PLAIN})).json()["report"]
    own = await (await city.reporter("FR-01")).get(f"/v1/reports/{number}")
    assert own.status_code == 200
    assert own.json()["responsible"] == ["芙蓉区民政局"]
    other = await (await city.reporter("FR-02")).get(f"/v1/reports/{number}")
    missing = await (await city.reporter("FR-02")).get("/v1/reports/BG-2026-999999")
    assert other.status_code == missing.status_code == 404
    assert other.json() | {"instance": ""} == missing.json() | {"instance": ""}


async def test_the_same_words_join_the_open_case_and_keep_their_own_number(city: CityUnderTest) -> None:
    first = (await (await city.reporter("FR-01")).post("/v1/reports", json={"text": PLAIN})).json()
    second = (await (await city.reporter("FR-02")).post("/v1/reports", json={"text": PLAIN + " "})).json()
    assert second["joined"]
    assert second["case"] == first["case"]
    assert second["report"] != first["report"]


async def test_an_idempotency_key_gives_the_first_answer_again_and_stores_one_report(city: CityUnderTest) -> None:
    reporter = await city.reporter()
    headers = {"Idempotency-Key": "abc-1"}
    first = await reporter.post("/v1/reports", json={"text": PLAIN}, headers=headers)
    again = await reporter.post("/v1/reports", json={"text": PLAIN}, headers=headers)
    assert again.status_code == first.status_code == 201
    assert again.content == first.content
    assert await count(city, Report) == 1


async def test_an_idempotency_key_with_another_body_is_refused(city: CityUnderTest) -> None:
    reporter = await city.reporter()
    headers = {"Idempotency-Key": "abc-2"}
    await reporter.post("/v1/reports", json={"text": PLAIN}, headers=headers)
    other = await reporter.post("/v1/reports", json={"text": PLAIN + "又来了"}, headers=headers)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"
    assert await count(city, Report) == 1


BAD_BODIES = {
    "empty text": b'{"text": ""}',
    "blank text": '{"text": " \u3000\\n,。"}'.encode(),
    "no text": b"{}",
    "wrong type": b'{"text": 7}',
    "unknown field": '{"text": "区民政局", "txet": 1}'.encode(),
    "NaN": '{"text": "区民政局", "hours_per_month": NaN}'.encode(),
    "infinity": '{"text": "区民政局", "hours_per_month": 1e999}'.encode(),
    "NUL": '{"text": "区民政局\\u0000"}'.encode(),
    "lone surrogate": '{"text": "区民政局\\ud800"}'.encode(),
    "duplicate key": '{"text": "区民政局", "text": "b"}'.encode(),
    "huge integer": b'{"text": "a", "hours_per_month": ' + b"9" * 500 + b"}",
    "deep nesting": b'{"text": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "invalid UTF-8": b'{"text": "\xff\xfe"}',
    "not JSON": b"text=hello",
    "a list": b"[]",
    "unknown department": '{"text": "区民政局要表", "declared_departments": ["XX-YY"]}'.encode(),
    "naive date": '{"text": "区民政局要表", "occurred_on": "yesterday"}'.encode(),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_bad_input_gets_a_problem_and_stores_nothing(city: CityUnderTest, name: str) -> None:
    reporter = await city.reporter()
    answer = await reporter.post(
        "/v1/reports", content=BAD_BODIES[name], headers={"Content-Type": "application/json", "Idempotency-Key": "k"}
    )
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "code", "detail"} <= problem.keys()
    assert "区民政局" not in answer.text
    for model in (Report, Case, Event, IdempotentAnswer):
        assert await count(city, model) == 0


async def test_a_megabyte_is_refused_while_it_streams(city: CityUnderTest) -> None:
    reporter = await city.reporter()
    answer = await reporter.post("/v1/reports", content=json.dumps({"text": "字" * 400_000}).encode())
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert await count(city, Report) == 0


WRONG_KEYS = [
    "",
    "Bearer",
    "Bearer x",
    "Bearer yl_12345678_aaaa",
    "Basic eDp5",
    "Bearer yl_é_x",
    "Bearer " + "a" * 9000,
]


@pytest.mark.parametrize("header", WRONG_KEYS)
async def test_a_wrong_key_is_refused_the_same_way(city: CityUnderTest, header: str) -> None:
    async with city.anonymous() as nobody:
        answer = await nobody.post(
            "/v1/reports", json={"text": PLAIN}, headers=[(b"authorization", header.encode("latin-1", "replace"))]
        )
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"
    assert await count(city, Report) == 0


async def test_a_department_may_not_send_reports(city: CityUnderTest) -> None:
    answer = await (await city.department("CS-MZ")).post("/v1/reports", json={"text": PLAIN})
    assert answer.status_code == 403


async def test_a_batch_gives_a_result_for_each_and_a_faulty_one_stops_none(city: CityUnderTest) -> None:
    reporter = await city.reporter()
    entries = [{"text": PLAIN}, {"text": "。"}, {"text": "天气好"}]
    answer = await reporter.post("/v1/reports/batch", json={"reports": entries})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [bool(r["receipt"]) for r in results] == [True, False, True]
    assert results[1]["problem"]["code"] == "empty_text"
    assert await count(city, Report) == 2


async def test_a_dry_run_stores_nothing(city: CityUnderTest) -> None:
    answer = await (await city.reporter()).post("/v1/classifications", json={"text": PLAIN})
    assert answer.json()["category"] == "municipal_district"
    assert await count(city, Report) == 0


async def test_problems_speak_english_where_the_caller_prefers_it(city: CityUnderTest) -> None:
    reporter = await city.reporter()
    answer = await reporter.post("/v1/reports", json={}, headers={"Accept-Language": "en-GB,en"})
    assert answer.json()["errors"] == [{"field": "text", "message": "is missing"}]
