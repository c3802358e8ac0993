"""A minute of fire on SQLite; the other database has a file and a minute of its own, for they run side by side."""

import pytest

from tests.fuzz.run import MINUTE, Plan, run


async def test_no_request_of_anybody_breaks_the_service_or_its_description(capsys: pytest.CaptureFixture[str]) -> None:
    account = await run(Plan("sqlite", seed=1, **MINUTE))
    with capsys.disabled():
        print(f"\n{account}")  # noqa: T201
    assert account.holds, str(account)
    assert account.untried == []
