"""What a digest says, line by line: number, stage, deadline, link."""

from datetime import date
from typing import Any

import pytest

from app.disclosure import STAGES
from app.supervise.digest_text import MOST_LINES, render
from app.vocabulary import DeadlineKind

NAMES = {"FR-MZ": "芙蓉区民政局"}
LINK = "http://yilong/v1/cases/YL-2026-000001"
CLOCK = {"case": "YL-2026-000001", "stage": "feedback", "due_on": "2026-03-23", "link": LINK}


def lines(**content: Any) -> list[str]:
    return render(content, to="芙蓉区民政局", day=date(2026, 3, 24), names=NAMES).split("\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"due": [CLOCK | {"working_days": 2}]}, f"YL-2026-000001 反馈 3月23日到期 {LINK}"),
        ({"due": [CLOCK | {"working_days": 0}]}, f"YL-2026-000001 反馈 3月23日到期 今日 {LINK}"),
        ({"overdue": [CLOCK | {"working_days": -1}]}, f"YL-2026-000001 反馈 3月23日到期 逾期1个工作日 {LINK}"),
        (
            {"overdue": [CLOCK | {"working_days": -6, "level": 2, "promised_on": "2026-04-02"}]},
            f"YL-2026-000001 反馈 3月23日到期 逾期6个工作日 督办二级 承诺4月2日前反馈 {LINK}",
        ),
        (
            {"level_3": [CLOCK | {"department": "FR-MZ", "working_days": -13, "level": 3}]},
            f"YL-2026-000001 芙蓉区民政局 反馈 3月23日到期 逾期13个工作日 督办三级 {LINK}",
        ),
        (
            {"invitations": [{"consultation": "HS-2026-1", "cases": ["A", "B"], "due_on": "2026-04-01", "link": "L"}]},
            "HS-2026-1 A、B 4月1日到期 L",
        ),
        (
            {
                "extensions": [
                    {"case": "A", "department": "NO", "due_on": "2026-04-01", "wished_until": "2026-04-08", "link": "L"}
                ]
            },
            "A NO 4月1日到期 希望延至4月8日 L",
        ),
        ({"came_in": 3}, "新收线索 3 条"),
        ({"failed_deliveries": 2}, "未送达的投递 2 条"),
    ],
)
def test_a_line_says_number_stage_deadline_and_link(content: dict[str, Any], said: str) -> None:
    assert lines(**content)[-1] == said


def test_every_clock_has_its_word() -> None:
    assert set(STAGES) == set(DeadlineKind)


def test_a_digest_begins_with_whose_it_is_and_the_day() -> None:
    assert lines(due=[CLOCK | {"working_days": 0}])[:2] == ["【一龙】2026年3月24日 芙蓉区民政局", "即将到期(1):"]


def test_a_long_list_is_cut_and_says_how_many_are_left() -> None:
    said = lines(overdue=[CLOCK] * (MOST_LINES + 4))
    assert said[1] == f"已逾期({MOST_LINES + 4}):"
    assert said[-1] == "……另有 4 件"
    assert len(said) == MOST_LINES + 3
