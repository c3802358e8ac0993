"""Makes the tests of the pages quick: the pack is compiled once, passwords are hashed cheaply."""

from functools import cache

import pytest
from argon2 import PasswordHasher

from app.access import people
from app.deadlines import Calendar
from app.directory import city as directory
from app.directory.city import City, build_city

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@cache
def _compiled(files: tuple[tuple[str, str], ...], version: str, days: int) -> City:
    return build_city(dict(files), _calendars[version, days])


_calendars: dict[tuple[str, int], Calendar] = {}


def compile_once(files: dict[str, str], calendar: Calendar) -> City:
    """The same city for the same files and calendar: a city never changes."""
    key = (calendar.version, len(calendar.days))
    _calendars.setdefault(key, calendar)
    return _compiled(tuple(sorted(files.items())), *key)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "build_city", compile_once)
    monkeypatch.setattr(people, "_hasher", CHEAP)
