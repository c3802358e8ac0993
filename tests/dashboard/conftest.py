"""Makes the tests of the pages quick: passwords are hashed cheaply."""

import pytest
from argon2 import PasswordHasher

from app.access import people

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
DECOY = CHEAP.hash("nobody's")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_hasher", CHEAP)
    monkeypatch.setattr(people, "_DECOY", DECOY)
