"""The digest as people read it over a channel: its lines, what a notice has said already, how it is cut."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.deliver.daily import Daily, choose_lines, write_daily
from app.deliver.gateway import Gateway, gateway_call
from app.deliver.notices import Letter, Notice

AT = datetime(2026, 3, 20, 1, tzinfo=UTC)
DAY = date(2026, 3, 20)
HERE = "https://yilong.test"
NUMBER = "YL-2026-000012"
CASE_LINK = f"{HERE}/v1/cases/{NUMBER}"
SITTING = f"{HERE}/v1/consultations/01a2b3c4d5e6f708192a3b4c5d6e7f80"
CANARY = "金丝雀韶馨社区13800138000"
CLOCK = {"case": NUMBER, "stage": "feedback", "due_on": "2026-03-23", "link": CASE_LINK, "working_days": 1}
SESSION = {"consultation": "HS-2026-000003", "cases": [NUMBER], "due_on": "2026-03-24", "link": SITTING}
MONDAY = "2026-03-23T18:00:00+08:00"
WHOLE = f"{HERE}/v1/digests?after=2026-03-19"


def notice(event_type: str, number: str = NUMBER, **data: Any) -> Notice:
    return Notice(number, event_type, json.dumps({"data": data}))


def letter_of(daily: Daily | None, most: int = 50) -> Letter:
    assert daily is not None
    return write_daily("d1", "芙蓉区民政局", AT, daily, most=most, address=HERE)


def said(content: dict[str, Any], *notices: Notice) -> list[str]:
    """The letter's lines below its heading; none where there is no letter."""
    daily = choose_lines(content, DAY, notices, HERE)
    return letter_of(daily).text().splitlines()[1:] if daily else []


@pytest.mark.parametrize(
    ("kind", "entry", "line"),
    [
        ("due", CLOCK, f"{NUMBER} 即将到期 反馈 3月23日到期 {CASE_LINK}"),
        ("overdue", CLOCK, f"{NUMBER} 逾期 反馈 3月23日到期 {CASE_LINK}"),
        (
            "overdue",
            CLOCK | {"level": 2, "promised_on": "2026-03-27"},
            f"{NUMBER} 督办二级 反馈 3月23日到期 承诺3月27日前反馈 {CASE_LINK}",
        ),
        ("rework", CLOCK, f"{NUMBER} 退回重办 反馈 3月23日到期 {CASE_LINK}"),
        ("chases", CLOCK | {"stage": "chase"}, f"{NUMBER} 催办省级答复 3月23日到期 {CASE_LINK}"),
        ("invitations", SESSION, f"HS-2026-000003 会商邀请 3月24日到期 {SITTING}"),
        ("invitations", SESSION | {"meeting_on": "2026-03-25"}, f"HS-2026-000003 会商邀请 3月25日开会 {SITTING}"),
    ],
)
def test_a_line_says_number_stage_deadline_and_link_and_nothing_else_of_an_entry(
    kind: str, entry: dict[str, Any], line: str
) -> None:
    assert said({kind: [entry | {"text": CANARY, "assignment": CANARY, CANARY: CANARY}], "text": CANARY}) == [line]


CLOCK_TOLD = {"kind": "feedback", "due_at": MONDAY}
DUTY = {"due_at": MONDAY}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (CLOCK, notice("assignment.reminded", deadline=CLOCK_TOLD)),
        (CLOCK, notice("assignment.overdue", deadline=CLOCK_TOLD | {"reply_by": "2026-03-26T18:00:00+08:00"})),
        (CLOCK | {"level": 1}, notice("assignment.supervised", deadline=CLOCK_TOLD | {"level": 1})),
        (CLOCK, notice("assignment.created", assignment=DUTY)),
        (CLOCK, notice("assignment.returned_to_department", assignment=DUTY)),
        (CLOCK | {"stage": "chase"}, notice("assignment.reminded", deadline=CLOCK_TOLD | {"kind": "chase"})),
        (SESSION, notice("consultation.invited", consultation={"id": SITTING[-32:], "due_at": MONDAY})),
    ],
)
def test_what_a_notice_of_the_morning_has_said_is_not_said_again(entry: dict[str, Any], told: Notice) -> None:
    kind = "invitations" if "consultation" in entry else "due"
    assert said({kind: [entry]}, told) == []
    other = CLOCK | {"case": "YL-2026-000013", "link": f"{HERE}/v1/cases/YL-2026-000013"}
    lines = said({kind: [entry], "overdue": [other]}, told)
    assert lines == [f"YL-2026-000013 逾期 反馈 3月23日到期 {other['link']}", "另有1项已单独通知"]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (CLOCK, notice("assignment.reminded", "YL-2026-000013", deadline=CLOCK_TOLD)),
        (CLOCK, notice("assignment.reminded", deadline=CLOCK_TOLD | {"kind": "acceptance"})),
        (CLOCK, notice("assignment.deadline_changed", assignment={"due_at": "2026-03-30T18:00:00+08:00"})),
        (CLOCK | {"stage": "acceptance"}, notice("assignment.created", assignment=DUTY)),
        (CLOCK, notice("case.closed", assignment=DUTY)),
        (CLOCK, Notice(NUMBER, "assignment.created", None)),
        (SESSION, notice("assignment.created", assignment={"due_at": "2026-03-24T18:00:00+08:00"})),
        (SESSION, notice("consultation.invited", consultation={"id": "f" * 32, "due_at": MONDAY})),
    ],
)
def test_another_day_clock_case_or_session_is_told_of_all_the_same(entry: dict[str, Any], told: Notice) -> None:
    assert len(said({"invitations" if "consultation" in entry else "due": [entry]}, told)) == 1


def many(count: int) -> dict[str, Any]:
    return {"due": [CLOCK | {"case": f"YL-2026-{n:06d}"} for n in range(count)]}


def test_a_long_digest_is_cut_with_a_count_and_a_link_to_the_whole() -> None:
    daily = choose_lines(many(120), DAY, [notice("assignment.created", "YL-2026-000000", assignment=DUTY)], HERE)
    letter = letter_of(daily, most=10)
    lines = letter.text().splitlines()
    assert lines[0] == "【一龙】芙蓉区民政局 每日提要 119项"
    assert len(lines) == 13
    assert lines[11:] == [f"……另有109项 {WHOLE}", "另有1项已单独通知"]
    short = letter.text(700).splitlines()
    assert len("\n".join(short).encode()) <= 700
    assert short[-2] == f"……另有{119 - len(short) + 3}项 {WHOLE}"


def test_what_is_stored_with_a_digest_gives_the_same_letter() -> None:
    daily = choose_lines(many(60), DAY, [], HERE)
    assert daily is not None
    again = Daily.of(DAY, json.loads(json.dumps(daily.kept())))
    assert letter_of(again).text() == letter_of(daily).text()
    assert (len(again.lines), again.count) == (50, 60)


def test_a_gateway_gets_the_count_of_all_and_the_link_to_the_whole() -> None:
    gateway = Gateway(
        url="https://sms.example.cn/", method="POST", headers=(), body="{count}|{number}|{due}|{link}", to=("138",),
        expects="",
    )  # fmt: skip
    call = gateway_call(gateway, letter_of(choose_lines(many(7), DAY, [], HERE), most=2))
    assert call.body.decode() == f"7|YL-2026-000000、YL-2026-000001|3月23日到期|{WHOLE}"
