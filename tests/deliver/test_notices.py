"""What people are told of an event: number, stage, deadline, link; nothing else of it, whatever its body holds."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.api.webhooks import SENT
from app.deliver.notices import ANYTHING_ELSE, TOLD, Letter, Line, Notice, read_line, write_letter

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
HERE = "https://yilong.test"
NUMBER = "YL-2026-000012"
CANARY = "金丝雀韶馨社区13800138000"
SITTING = "01a2b3c4d5e6f708192a3b4c5d6e7f80"
CASE_LINK = f"{HERE}/v1/cases/{NUMBER}"


def line_of(event_type: str, data: Any) -> Line:
    return read_line(Notice(NUMBER, event_type, json.dumps({"type": event_type, "data": data})), HERE)


def full_of_canaries(event_type: str) -> dict[str, Any]:
    """A body with a canary in every place that holds text, in places it has not, and as the name of members."""
    texts = dict.fromkeys(("status", "obligation", "kind", "because", "id", "number", "who", "why", "place"), CANARY)
    days = {
        "due_at": "2026-03-23T18:00:00+08:00",
        "until": "2026-03-09T18:00:00+08:00",
        "reply_by": f"2026-03-12T18:00:00+08:00{CANARY}",
    }
    untold = {"reports": [{"title": CANARY, "text": CANARY}], "comment": CANARY, "reporter": CANARY}
    part: dict[str, object] = {**texts, **days, **untold, CANARY: CANARY, "level": CANARY}
    parts = dict.fromkeys(("case", "assignment", "deadline", "pause", "consultation", CANARY), part)
    return {"type": event_type, "id": CANARY, "timestamp": CANARY, "data": {**untold, **parts}}


@pytest.mark.parametrize("event_type", [*SENT, "something.new"])
def test_nothing_of_a_body_but_number_stage_deadline_and_link_is_told(event_type: str) -> None:
    body = json.dumps(full_of_canaries(event_type), ensure_ascii=False)
    letter = write_letter("m1", "芙蓉区民政局", AT, [Notice(NUMBER, event_type, body)], HERE)
    told = letter.text()
    for piece in (CANARY, "金丝雀", "韶馨", "13800138000", "canary"):
        assert piece not in told
    allowed = {NUMBER, TOLD.get(event_type, ANYTHING_ELSE), CASE_LINK, "最迟至3月9日", ""}
    assert set(told.splitlines()[1].split(" ")) <= allowed


def test_every_type_of_event_that_is_sent_has_its_word() -> None:
    of_a_case = {event_type for event_type in SENT if not event_type.startswith("endpoint.")}
    assert TOLD.keys() == of_a_case


@pytest.mark.parametrize(
    ("event_type", "data", "expected"),
    [
        (
            "assignment.created",
            {"assignment": {"due_at": "2026-03-23T18:00:00+08:00"}},
            f"交办 3月23日到期 {CASE_LINK}",
        ),
        (
            "assignment.reminded",
            {"deadline": {"kind": "feedback", "due_at": "2026-10-15T18:00:00+08:00"}},
            f"临期提醒 反馈 10月15日到期 {CASE_LINK}",
        ),
        (
            "assignment.supervised",
            {
                "deadline": {
                    "kind": "forwarding",
                    "level": 2,
                    "due_at": "2026-03-23T18:00:00+08:00",
                    "reply_by": "2026-03-26T18:00:00+08:00",
                }
            },
            f"督办二级 上报 3月23日到期 3月26日前答复 {CASE_LINK}",
        ),
        (
            "assignment.paused",
            {"pause": {"kind": "feedback", "until": "2026-03-09T18:00:00+08:00"}},
            f"暂停计时 最迟至3月9日 {CASE_LINK}",
        ),
        ("case.closed", {"assignment": {"due_at": "2026-03-23T18:00:00+08:00"}}, f"办结 {CASE_LINK}"),
        (
            "consultation.invited",
            {"consultation": {"id": SITTING, "due_at": "2026-03-16T18:00:00+08:00", "meeting_at": None}},
            f"会商邀请 3月16日到期 {HERE}/v1/consultations/{SITTING}",
        ),
        (
            "consultation.rescheduled",
            {"consultation": {"id": SITTING, "meeting_at": "2026-03-12T14:30:00+08:00", "place": CANARY}},
            f"会商时间地点 3月12日开会 {HERE}/v1/consultations/{SITTING}",
        ),
        ("something.new", {}, f"有新进展 {CASE_LINK}"),
    ],
)
def test_a_line_says_number_stage_deadline_and_link(event_type: str, data: Any, expected: str) -> None:
    assert line_of(event_type, data).text == f"{NUMBER} {expected}"


@pytest.mark.parametrize("body", [None, "", "not json", "[]", "7", '{"data": []}', '{"data": {"deadline": 7}}'])
def test_a_body_that_was_erased_or_cannot_be_read_is_told_of_all_the_same(body: str | None) -> None:
    assert read_line(Notice(NUMBER, "assignment.created", body), HERE).text == f"{NUMBER} 交办 {CASE_LINK}"


def test_several_events_are_lines_of_one_letter_and_what_does_not_fit_is_counted() -> None:
    lines = tuple(Line(f"YL-2026-{n:06d}", "交办", "3月23日到期", CASE_LINK) for n in range(30))
    letter = Letter("m1", "芙蓉区民政局", AT, lines)
    assert letter.text().splitlines()[0] == "【一龙】芙蓉区民政局 30项"
    assert len(letter.text().splitlines()) == 31
    short = letter.text(2048)
    assert len(short.encode()) <= 2048
    first, *told, rest = short.splitlines()
    assert (first, rest) == ("【一龙】芙蓉区民政局 30项", f"……另有{30 - len(told)}项")
    assert told == [line.text for line in lines[: len(told)]]
