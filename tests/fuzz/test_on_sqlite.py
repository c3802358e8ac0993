"""A minute of fire on SQLite; the other database has a file and a minute of its own, for they run side by side."""

from tests.conftest import Say
from tests.fuzz.run import MINUTE, Plan, run


async def test_no_request_of_anybody_breaks_the_service_or_its_description(say: Say) -> None:
    account = await run(Plan("sqlite", seed=1, **MINUTE))
    say(str(account))
    assert account.holds, str(account)
    assert account.untried == []
