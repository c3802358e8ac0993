"""The moves of random lives are the interface's: no act of it is left out, none is made up."""

from app.api.acts import ACTS
from tests.city import CityUnderTest
from tests.lives.duty_moves import DEPARTMENT_ACTS
from tests.lives.moves import ROUTES

ROOMS = ("/v1/assignments", "/v1/cases", "/v1/consultations", "/v1/reports")
# Many reports in one request: each is received as one alone.
BATCH = "/v1/reports/batch"


async def test_every_act_of_the_interface_on_reports_cases_duties_and_sessions_is_tried(city: CityUnderTest) -> None:
    async with city.anonymous() as nobody:
        paths = (await nobody.get("/openapi.json")).json()["paths"]
    acts = {path for path, methods in paths.items() if "post" in methods and path.startswith(ROOMS)}
    assert acts - {BATCH} == ROUTES


def test_every_act_of_a_department_is_tried() -> None:
    assert DEPARTMENT_ACTS.keys() == ACTS.keys()
