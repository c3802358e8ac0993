"""Lets a process's requests through within their budgets, from what it has drawn: one trip serves many requests."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Final

from app.access.buckets import LEASE_LASTS, ROUNDING, Ask, Budget, draw
from app.clock import Clock
from app.database import Database
from app.log import get_logger
from app.problems import AppError

# A process stops spending a lease so much before the others count it as gone: clocks differ by milliseconds.
MARGIN: Final = timedelta(seconds=1)
# A request waits no longer than that for the database to say what is left.
SLOWEST_DRAW_SECONDS: Final = 2.0
MOST_PURSES: Final = 10_000


class Kind(StrEnum):
    """What is limited; a metric counts refusals by it."""

    KEY = "key"
    FAILED_KEY = "failed_key"
    SIGN_IN = "sign_in"


class TooManyRequests(AppError):
    """Args: zh, en: with `{wait}` in them; wait: until one more is let through, told in whole seconds, rounded up."""

    status, code = 429, "too_many_requests"
    title_zh, title_en = "请求过于频繁", "Too many requests"

    def __init__(self, zh: str, en: str, wait: timedelta) -> None:
        seconds = max(1, ceil(wait.total_seconds() - ROUNDING))
        minutes = ceil(seconds / 60)
        said = (f" {seconds} 秒", f"{seconds} s") if seconds < 120 else (f" {minutes} 分钟", f"{minutes} minutes")
        zh, en = (text.format(wait=spoken) for text, spoken in zip((zh, en), said, strict=True))
        super().__init__(zh, en, headers={"Retry-After": str(seconds)})


SAID: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.KEY: (
        "这把密钥或这个账号的请求过于频繁。请在{wait}后重试，并放慢发送；确需更高频次的，请联系统筹部门管理员。",
        "This key or account sends too many requests. Try again in {wait} and send more slowly; ask the coordinating "
        "office's administrator if you need more.",
    ),
    Kind.FAILED_KEY: (
        "从这个地址多次送来无效的密钥或签名。请先核对，{wait}后再试。",
        "This address has sent too many keys or signatures that are not valid. Check yours, then try again in {wait}.",
    ),
}


@dataclass(slots=True)
class _Purse:
    """What this process holds of one bucket, and until when it is good; until when it was told that there is none.

    `on_credit`: it gave itself what it holds; of that it owes what was spent.
    """

    held: int
    good_until: datetime
    closed_until: datetime
    on_credit: bool = False
    owed: int = 0
    drawing: asyncio.Task[bool] | None = None

    def take(self, now: datetime) -> bool:
        if now >= self.good_until:
            self.held = 0
        self.held -= (taken := self.held > 0)
        self.owed += taken and self.on_credit
        return taken


@dataclass(slots=True)
class Limiter:
    """One for each process. A kind without a budget is not limited. `refused` counts refusals by kind."""

    database: Database
    clock: Clock
    budgets: Mapping[Kind, Budget]
    refused: Counter[Kind] = field(default_factory=Counter)
    _process: str = field(default_factory=lambda: secrets.token_hex(6))
    _purses: dict[str, _Purse] = field(default_factory=dict)
    _drawing: set[asyncio.Task[bool]] = field(default_factory=set)

    async def spend(self, kind: Kind, subject: str) -> None:
        """Take one of the subject's budget; raises TooManyRequests where there is none.

        Where the database does not answer in time, or cannot write, the process gives a lease of its own and owes what
        is spent of it.
        """
        budget = self.budgets.get(kind)
        if budget is None:
            return
        name = f"{kind}:{subject}"
        purse = self._purse_of(name, budget)
        while not purse.take(now := self.clock.now()):
            if now < purse.closed_until:
                self.refused[kind] += 1
                raise TooManyRequests(*SAID[kind], purse.closed_until - now)
            task = self._draw(name, budget, purse, is_waited_for=True)
            await asyncio.wait({task}, timeout=SLOWEST_DRAW_SECONDS)
            if not task.done() or not task.result():
                self._give_unasked(budget, purse)
        if purse.held < budget.lease // 4 and now >= purse.closed_until:
            self._draw(name, budget, purse, is_waited_for=False)

    async def close(self) -> None:
        """Let what is being drawn arrive."""
        await asyncio.gather(*self._drawing, return_exceptions=True)

    def _purse_of(self, name: str, budget: Budget) -> _Purse:
        """The purse, as the one that was used last; where there are too many, the longest unused one goes."""
        purse = self._purses.pop(name, None)
        if purse is None:
            if len(self._purses) >= MOST_PURSES:
                del self._purses[next(iter(self._purses))]
            now = self.clock.now()
            purse = _Purse(budget.advance, now + LEASE_LASTS, now)
        self._purses[name] = purse
        return purse

    def _draw(self, name: str, budget: Budget, purse: _Purse, *, is_waited_for: bool) -> asyncio.Task[bool]:
        """The draw that is under way, or a new one."""
        if purse.drawing is None:
            purse.drawing = asyncio.create_task(self._fill(name, budget, purse, is_waited_for))
            self._drawing.add(purse.drawing)
            purse.drawing.add_done_callback(self._drawing.discard)
        return purse.drawing

    async def _fill(self, name: str, budget: Budget, purse: _Purse, is_waited_for: bool) -> bool:
        """Fill the purse, or note until when it stays empty; whether the database could say."""
        ask = Ask(self._process, 0 if purse.on_credit else purse.held, lambda: purse.owed, is_waited_for)
        try:
            drawn = await draw(self.database, self.clock, name, budget, ask)
        except AppError as error:
            get_logger().warning("limit_not_drawn", reason=error.code)
            return False
        finally:
            purse.drawing = None
        if purse.on_credit or (ask.held and not drawn.keeps):
            purse.held, purse.on_credit = 0, False
        purse.held += drawn.granted
        purse.owed -= drawn.paid
        purse.good_until = drawn.at + LEASE_LASTS - MARGIN
        purse.closed_until = drawn.at if drawn.granted else drawn.at + drawn.wait
        return True

    def _give_unasked(self, budget: Budget, purse: _Purse) -> None:
        """Go on without the database, at the budget's own pace; the next draw pays for it."""
        now = self.clock.now()
        if now < purse.closed_until:
            return
        purse.held, purse.on_credit = budget.lease, True
        purse.good_until = purse.closed_until = now + timedelta(seconds=budget.lease / budget.per_second)
