"""A holiday notice for a year whose own is not out yet: invented here, and marked as such on each of its days. Pure."""

from datetime import date, timedelta
from typing import Any

MARK = "模拟"
# By the lunar calendar: 春节, 端午, 中秋; and 清明.
FESTIVALS = {
    2027: ((2, 6), (6, 9), (9, 15), (4, 5)),
    2028: ((1, 26), (5, 28), (10, 3), (4, 4)),
    2029: ((2, 13), (6, 16), (9, 22), (4, 4)),
    2030: ((2, 3), (6, 5), (9, 12), (4, 5)),
}


def simulated_days(year: int) -> list[dict[str, Any]]:
    """The days that `POST /v1/calendar` takes: off, and worked instead; empty for a year that is not in the table."""
    if year not in FESTIVALS:
        return []
    spring, dragon_boat, mid_autumn, tomb_sweeping = (date(year, *day) for day in FESTIVALS[year])
    off: dict[date, str] = {}
    for name, first, length in (
        ("元旦", date(year, 1, 1), 1),
        ("清明节", tomb_sweeping, 1),
        ("端午节", dragon_boat, 1),
        ("中秋节", mid_autumn, 1),
        ("春节", spring - timedelta(days=1), 8),
        ("劳动节", date(year, 5, 1), 5),
        ("国庆节", date(year, 10, 1), 7),
    ):
        off |= {first + timedelta(days=n): name for n in range(length)}
    worked: dict[date, str] = {}
    for name in ("春节", "劳动节", "国庆节"):
        days = [day for day, of in off.items() if of == name]
        before, after = min(days) - timedelta(days=1), max(days) + timedelta(days=1)
        while before.weekday() != 6 or before in off:
            before -= timedelta(days=1)
        while after.weekday() != 5 or after in off:
            after += timedelta(days=1)
        worked |= {before: name, after: name}
    return [
        {"day": day.isoformat(), "working": day in worked, "name": f"{name}({MARK})"}
        for day, name in sorted((off | worked).items())
    ]
