"""Short ways to a case in a given state, through the API as its users go."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.city import CityUnderTest

ASSIGNED = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"
UNCLEAR = "工作群里一天到晚要截图接龙,也不知道是哪个单位要的。"
FEEDBACK = {"measures": "已发文取消该项要求。", "public_reply": "已取消,不再要求报送。"}


@dataclass
class Scene:
    """A case with its first duty and the clients of those who act on it."""

    city: CityUnderTest
    reporter: httpx.AsyncClient
    department: httpx.AsyncClient
    office: httpx.AsyncClient
    report: str
    case: str
    assignment: str

    async def shown(self) -> dict[str, Any]:
        """The case as the office reads it."""
        answer = await self.office.get(f"/v1/cases/{self.case}")
        body: dict[str, Any] = answer.json()
        return body

    async def act(self, word: str, **body: Any) -> httpx.Response:
        return await self.department.post(f"/v1/assignments/{self.assignment}/{word}", json=body)

    async def review(self, *, accepted: bool = True, comment: str = "") -> httpx.Response:
        body = {"accepted": accepted, "comment": comment}
        return await self.office.post(f"/v1/assignments/{self.assignment}/review", json=body)

    async def verify(self, *, relieved: bool) -> httpx.Response:
        return await self.reporter.post(f"/v1/reports/{self.report}/verification", json={"relieved": relieved})


async def assigned(city: CityUnderTest) -> Scene:
    """A case assigned to the civil affairs bureau of Furong district."""
    reporter = await city.reporter("FR-01")
    receipt = (await reporter.post("/v1/reports", json={"text": ASSIGNED})).json()
    office = await city.office()
    case = (await office.get(f"/v1/cases/{receipt['case']}")).json()
    duty = case["assignments"][0]["id"]
    return Scene(city, reporter, await city.department("FR-MZ"), office, receipt["report"], receipt["case"], duty)


async def unclear(city: CityUnderTest) -> tuple[httpx.AsyncClient, str, str]:
    """The office's client, and report and case numbers of something that waits for its ruling."""
    receipt = (await (await city.reporter("FR-01")).post("/v1/reports", json={"text": UNCLEAR})).json()
    assert receipt["decision"]["route"] == "triage"
    return await city.office(), receipt["report"], receipt["case"]
