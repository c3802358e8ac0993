"""第二意见: asks a model inside the deployment about cases in triage, beside the worker's loop, one at a time.

Claiming and settling are short transactions; none is open while the model is being asked. What comes of it is a
suggestion beside the case and an event that says so: status, owner, clocks and receivers stay as they are.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from app.advise import book
from app.advise.answer import Dropped, Opinion, read_answer
from app.advise.book import Matter
from app.advise.question import prepare, write_request
from app.casefile import open_case_file
from app.classify import Category
from app.clock import Clock
from app.database import Database
from app.deliver.ask import Asker
from app.directory.city import City, CityCache
from app.directory.pack import Tier
from app.flow.desk import SYSTEM_ACTOR
from app.log import get_logger
from app.models import CaseStatus, OpinionFault

# A lease outlasts the longest question and the writing of what came of it.
LEASE_MARGIN: Final = timedelta(seconds=30)
LOOK_SECONDS: Final = 2.0
FIRST_REST: Final = timedelta(seconds=30)
LONGEST_REST: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of one question: an opinion, or why there is none."""

    opinion: Opinion | None = None
    fault: OpinionFault = OpinionFault.DEFECT
    milliseconds: int = 0
    http_status: int | None = None


class Adviser:
    """Asks for second opinions; one for each worker process. Close it with `aclose`.

    Args:
        clock: database time.
        asker: the endpoint; closed with the adviser.
        model: its name, as the endpoint knows it and as it is recorded.
        seconds: the bound of one question.
    """

    def __init__(
        self, database: Database, clock: Clock, cities: CityCache, asker: Asker, *, model: str, seconds: float
    ) -> None:
        self._database, self._clock, self._cities, self._asker = database, clock, cities, asker
        self._model, self._lease = model, timedelta(seconds=seconds) + LEASE_MARGIN
        self._asking: asyncio.Task[None] | None = None
        self._look_at = 0.0
        self._silences = 0
        self._rests_until: datetime | None = None

    async def take(self) -> bool:
        """Take the next case in hand and ask about it beside the loop; whether there was one.

        Nothing is taken while a question is under way, nor for a while after the endpoint gave no answer. Database
        failures are raised as problems; then nothing was claimed.
        """
        now = self._clock.now()
        if self._asking is not None or self._is_resting(now) or time.monotonic() < self._look_at:
            return False
        async with self._database.read() as session:
            if not await book.has_due(session, now):
                self._look_at = time.monotonic() + LOOK_SECONDS
                return False
        await self._cities.refresh()
        city = self._cities.current
        async with self._database.write() as session:
            claim = await book.claim_next(session, self._database, now, model=self._model, lease=self._lease)
        if claim.taken is not None:
            self._asking = asyncio.create_task(self._carry(claim.taken, city))
            self._asking.add_done_callback(self._free)
        return claim.taken is not None or claim.closed

    def _is_resting(self, now: datetime) -> bool:
        return self._rests_until is not None and now < self._rests_until

    def _free(self, task: asyncio.Task[None]) -> None:
        self._asking = None
        if not task.cancelled() and (error := task.exception()):
            # The lease runs out, and the attempt counts.
            get_logger().error("second_opinion_not_settled", exc_info=error)

    async def aclose(self, seconds: float = 0.0) -> None:
        """Let a question under way end, for that many seconds at most; a lease that is left runs out."""
        if (task := self._asking) is not None:
            await asyncio.wait([task], timeout=seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._asker.aclose()

    async def _carry(self, matter: Matter, city: City) -> None:
        result = await self._ask(matter, city)
        get_logger().info(
            "second_opinion_asked",
            case=matter.case_number,
            attempt=matter.attempt,
            status=result.http_status,
            milliseconds=result.milliseconds,
            reason=None if result.opinion else result.fault,
        )
        self._rest_or_not(result)
        await self._settle(matter, result, city)

    async def _ask(self, matter: Matter, city: City) -> _Result:
        """One question; whatever goes wrong is a result."""
        try:
            told = prepare(
                matter.title,
                matter.text,
                unit_names=matter.unit_names,
                district=matter.district,
                decision=matter.decision,
                pack=city.pack,
            )
            heard = await self._asker.ask(write_request(told, self._model))
            if heard.body is None:
                return _Result(None, heard.fault or OpinionFault.DEFECT, heard.milliseconds, heard.http_status)
            try:
                opinion = read_answer(heard.body, told, title=matter.title, text=matter.text)
            except Dropped as dropped:
                return _Result(None, dropped.fault, heard.milliseconds, heard.http_status)
            return _Result(opinion, milliseconds=heard.milliseconds, http_status=heard.http_status)
        except Exception as error:
            get_logger().error("second_opinion_defect", case=matter.case_number, exc_info=error)
            return _Result()

    def _rest_or_not(self, result: _Result) -> None:
        """After silence all questions wait, longer each time: a dead endpoint must not use up every case's attempts."""
        if result.opinion is not None or result.fault not in book.TRIED_AGAIN:
            self._silences = 0
            return
        self._rests_until = self._clock.now() + min(FIRST_REST * 2**self._silences, LONGEST_REST)
        self._silences = min(self._silences + 1, 10)

    async def _settle(self, matter: Matter, result: _Result, city: City) -> None:
        """Write what came of it, where the lease is still held; an opinion only where the case still waits for one."""
        now = self._clock.now()
        async with self._database.write() as session:
            file = await open_case_file(
                session,
                matter.case_id,
                calendar=city.calendar,
                names=city.names,
                terms=city.terms,
                now=now,
                actor=SYSTEM_ACTOR,
            )
            row = await book.hold(session, matter)
            if row is None:
                get_logger().warning("second_opinion_lease_lost", case=matter.case_number)
            elif result.opinion is None:
                book.put_off(row, now, result.fault)
            elif file.case.status is not CaseStatus.TRIAGE:
                book.end(row, now, OpinionFault.LEFT_TRIAGE)
            else:
                book.answer(row, now, describe(result.opinion, city))
                facts = {"suggested": list(result.opinion.departments), "model": row.model}
                file.record(book.OBTAINED, facts)
                await file.batch.write(session)


def describe(opinion: Opinion, city: City) -> dict[str, Any]:
    """An opinion as it is kept: the departments, how a ruling on them would read, the quotes."""
    category, receivers = ruling_on(opinion.departments, city)
    return {
        "departments": list(opinion.departments),
        "category": category.value,
        "receivers": list(receivers),
        "quotes": [quote.to_dict() for quote in opinion.quotes],
    }


def ruling_on(departments: Sequence[str], city: City) -> tuple[Category, tuple[str, ...]]:
    """Category and receivers by the routing policy, if these departments are the source: the model chooses neither.

    Provincial ones are represented by their municipal counterparts; several lines are a matter for all of them.
    """
    units = [city.departments[code] for code in departments]
    stand_in = {u.code: city.pack.receiver_of_province(u.code).code for u in units if u.tier is Tier.PROVINCE}
    receivers = tuple(dict.fromkeys(stand_in.get(unit.code, unit.code) for unit in units))
    if len({city.knowledge.group(unit.line) for unit in units}) > 1 and len(receivers) > 1:
        return Category.MULTI_DEPARTMENT, receivers
    if stand_in:
        return Category.PROVINCIAL, tuple(dict.fromkeys(stand_in.values()))
    return Category.MUNICIPAL_DISTRICT, receivers
