"""The light of a running deadline, from the working days that remain. Pure; the days are counted elsewhere."""

from enum import StrEnum
from typing import Final

YELLOW_FROM: Final = 3


class Light(StrEnum):
    """绿灯、黄灯、红灯; `off` where no clock runs. Each has its own shape and words besides its colour."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    OFF = "off"


def light_of(remaining: int | None) -> Light:
    """The light for so many remaining working days: 0 is due today, negative is overdue, None is no clock."""
    if remaining is None:
        return Light.OFF
    if remaining < 0:
        return Light.RED
    return Light.YELLOW if remaining <= YELLOW_FROM else Light.GREEN
