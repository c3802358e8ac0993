"""Random lives: several actors make legal and illegal moves. No illegal one gets through, each legal one leaves its
event, and after every step the ledger reconciles and the chains verify.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.ledger.reconcile import reconcile, verify_chains
from tests.city import CityUnderTest

TEXTS = (
    "区民政局要求每周报一次独居老人走访台账,第{n}张表。",
    "省科协下的数,每村拉{n}个人注册小程序,注册了不点开还不算。",
    "区农业农村局和区卫健局两套打分表七成一样,一个礼拜来了{n}拨,资料要分开做。",
    "工作群里一天到晚要截图接龙,第{n}次了,也不知道是哪个单位要的。",
)
FEEDBACK = {"measures": "已经取消。", "public_reply": "已经取消,不再报。"}
CANNOT = FEEDBACK | {"resolved": False, "because": "law_requires", "explanation": "法律有规定。"}
REFUSAL = {"answer": "不同意。", "public_reply": "省里不同意。", "agreed": False}
REPLY = {"answer": "同意取消。", "public_reply": "省里同意取消。", "agreed": True}
FORWARDING = {"reference": "函1", "forwarded_on": "2026-03-03", "forwarded_to": "省级部门"}
RETURN = {"reason": "insufficient_facts", "explanation": "请补充是哪份通知。"}
NOT_OURS = {
    "reason": "not_our_duty",
    "explanation": "不归我们管。",
    "legal_basis": "三定规定",
    "proposed_department": "CS-WJ",
}
PROMISE = {"explanation": "正在会签。", "promised_on": "2026-03-04"}
PAUSE = {"blocker": "awaiting_information", "who": "观测点", "why": "等待补充材料。", "working_days": 3}
EXTENSION = {"reason": "须修订文件。", "working_days": 5}


@dataclass
class Life:
    """One case and everybody who may touch it; `dice` decides what they do."""

    city: CityUnderTest
    dice: random.Random
    report: str = ""
    case: str = ""
    refused: int = 0
    done: int = 0
    log: list[str] = field(default_factory=list)

    async def begin(self, serial: int) -> None:
        reporter = await self.city.reporter("FR-01")
        text = self.dice.choice(TEXTS).format(n=serial)
        answer = await reporter.post("/v1/reports", json={"text": text})
        assert answer.status_code == 201, answer.text
        self.report, self.case = answer.json()["report"], answer.json()["case"]

    async def shown(self) -> dict[str, Any]:
        body: dict[str, Any] = (await (await self.city.office()).get(f"/v1/cases/{self.case}")).json()
        return body

    async def step(self) -> None:
        before = await self.shown()
        act = self.dice.choice((self.act, self.act, self.act, self.review, self.rule, self.verify, self.close,
                                self.reopen, self.convene, self.meet, self.conclude, self.leave,
                                self.pause))  # fmt: skip
        answer = await act(before)
        if answer is None:
            return
        after = await self.shown()
        self.log.append(f"{act.__name__} {answer.status_code} {before['case']['status']}→{after['case']['status']}")
        if answer.status_code >= 400:
            self.refused += 1
            assert answer.status_code in {404, 409, 422}, (self.log, answer.text)
            assert after == before, self.log
        else:
            self.done += 1
            assert after["case"]["version"] > before["case"]["version"], self.log
            self.nothing_was_passed_around(before, after)

    def nothing_was_passed_around(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """A case is returned once, a duty asks for time once, and no act of a department moves the promise."""
        returns = [a for a in after["acts"] if a["kind"] == "return" and a["applied"]]
        assert len(returns) <= 1, self.log
        asked = [a["assignment"] for a in after["acts"] if a["kind"] == "extension"]
        assert len(asked) == len(set(asked)), self.log
        if self.log[-1].startswith("act "):
            assert after["case"]["answer_due_at"] == before["case"]["answer_due_at"], self.log
        assert len(after["acts"]) - len(before["acts"]) in {0, 1}, self.log

    async def act(self, shown: dict[str, Any]) -> httpx.Response | None:
        if not shown["assignments"]:
            return None
        duty = self.dice.choice(shown["assignments"])
        word, body = self.dice.choice(
            [("acceptance", {}), ("return", RETURN), ("return", NOT_OURS),
             ("extension", EXTENSION), ("progress", {"note": "正在办理。"}), ("feedback", FEEDBACK),
             ("feedback", CANNOT), ("forwarding", FORWARDING), ("upstream-reply", REPLY), ("upstream-reply", REFUSAL),
             ("supervision-reply", PROMISE)]
        )  # fmt: skip
        department = await self.city.department(duty["department"])
        return await department.post(f"/v1/assignments/{duty['id']}/{word}", json=body)

    async def review(self, shown: dict[str, Any]) -> httpx.Response | None:
        if not shown["assignments"]:
            return None
        duty = self.dice.choice(shown["assignments"])
        body = {"accepted": self.dice.random() < 0.7, "comment": "请补充。"}
        return await (await self.city.office()).post(f"/v1/assignments/{duty['id']}/review", json=body)

    async def pause(self, shown: dict[str, Any]) -> httpx.Response | None:
        if not shown["assignments"]:
            return None
        duty = self.dice.choice(shown["assignments"])
        word, body = self.dice.choice([("pause", PAUSE), ("pause", PAUSE), ("resume", {})])
        return await (await self.city.office()).post(f"/v1/assignments/{duty['id']}/{word}", json=body)

    async def rule(self, _: dict[str, Any]) -> httpx.Response | None:
        if self.dice.random() < 0.6:
            return None
        category, codes = self.dice.choice(
            [("municipal_district", ["FR-MZ"]), ("provincial", ["CS-MZ"]), ("multi_department", ["FR-MZ", "CS-JY"])]
        )
        body = {"category": category, "receivers": [{"code": c} for c in codes], "reason": "经研判。"}
        return await (await self.city.office()).post(f"/v1/cases/{self.case}/ruling", json=body)

    async def verify(self, _: dict[str, Any]) -> httpx.Response | None:
        body = {"relieved": self.dice.random() < 0.6}
        return await (await self.city.reporter("FR-01")).post(f"/v1/reports/{self.report}/verification", json=body)

    async def close(self, _: dict[str, Any]) -> httpx.Response | None:
        if self.dice.random() < 0.8:
            return None
        body = {"outcome": "unresolved", "statement": "暂时不能解决。"}
        if self.dice.random() < 0.5:
            body["reason"] = "经会议研究。"
        return await (await self.city.office()).post(f"/v1/cases/{self.case}/close", json=body)

    async def leave(self, _: dict[str, Any]) -> httpx.Response | None:
        body = {"because": "needs_funds", "statement": "经费尚未落实。"}
        return await (await self.city.office()).post(f"/v1/cases/{self.case}/unresolved", json=body)

    async def reopen(self, _: dict[str, Any]) -> httpx.Response | None:
        return await (await self.city.office()).post(f"/v1/cases/{self.case}/reopen", json={"reason": "又来了。"})

    async def convene(self, _: dict[str, Any]) -> httpx.Response | None:
        if self.dice.random() < 0.8:
            return None
        body = {"cases": [self.case], "departments": ["FR-MZ", "CS-JY"]}
        return await (await self.city.office()).post("/v1/consultations", json=body)

    async def meet(self, shown: dict[str, Any]) -> httpx.Response | None:
        if not shown["consultations"]:
            return None
        session = self.dice.choice(shown["consultations"])["id"]
        word, body = self.dice.choice(
            [("schedule", {"meeting_at": "2026-03-04T10:00:00+08:00", "place": "301"}),
             ("invitations", {"departments": ["CS-MZ"]}), ("invitations", {"withdraw": ["CS-MZ"], "reason": "不涉及"}),
             ("response", {"answer": "accepted"}), ("opinions", {"position": "lead", "basis": "三定规定"}),
             ("extension", {"working_days": 5, "reason": "情况复杂"}), ("cancellation", {"reason": "已经查清"}),
             ("withdrawal", {"case": self.case, "reason": "单办"})]
        )  # fmt: skip
        by_department = word in {"response", "opinions"}
        client = await (self.city.department("FR-MZ") if by_department else self.city.office())
        return await client.post(f"/v1/consultations/{session}/{word}", json=body)

    async def conclude(self, shown: dict[str, Any]) -> httpx.Response | None:
        if not shown["consultations"]:
            return None
        session = self.dice.choice(shown["consultations"])
        parts = [{"department": "FR-MZ", "lead": True}, {"department": "CS-JY"}]
        body = {"conclusions": [{"case": self.case, "parts": parts}], "minutes": "议定如下。"}
        return await (await self.city.office()).post(f"/v1/consultations/{session['id']}/conclusion", json=body)


Move = Callable[[dict[str, Any]], Awaitable[httpx.Response | None]]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), serial=st.integers(1, 10**9))
async def test_no_random_life_breaks_the_ledger(city: CityUnderTest, seed: int, serial: int) -> None:
    life = Life(city, random.Random(seed))
    await life.begin(serial)
    for _ in range(14):
        await life.step()
        async with city.runtime.database.snapshot() as session:
            result = await reconcile(session)
            _, broken = await verify_chains(session)
        assert result.offenders == [], life.log
        assert broken == [], life.log
