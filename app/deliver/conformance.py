"""Tries a department's receiver from our side: what it has to accept, to refuse and to put up with.

It sends invented events that say so; it stores nothing and decides nothing about real deliveries.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.clock import Clock
from app.deliver.checks import echoes
from app.deliver.guard import AddressRefused
from app.deliver.send import Fault, Outcome, Posting
from app.deliver.trials import TRIALS, Range, Wanted

SLOW_MILLISECONDS: Final = 5_000
_UNREACHABLE: Final = frozenset({Fault.CONNECT, Fault.NAME, Fault.TLS})


class Verdict(StrEnum):
    HOLDS = "✓"
    BROKEN = "✗"
    ADVICE = "!"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one trial; `remedy` says what to do where it does not hold."""

    verdict: Verdict
    zh: str
    en: str
    observed: str
    remedy: tuple[str, str] | None = None


async def check(poster: Posting, url: str, secret: str, clock: Clock) -> AsyncIterator[Finding]:
    """Try an address, one finding after the other; where it cannot be reached there is only that one.

    Raises AddressRefused where the deployment does not let webhooks go there.
    """
    place, outcomes = Range(url, secret, clock), list[Outcome]()
    for trial in TRIALS:
        shot = trial.shoot(place)
        outcome = await poster.post(shot.message, shot.at)
        if outcome.fault is Fault.REFUSED:
            raise AddressRefused("outside")
        if outcome.fault in _UNREACHABLE and not outcomes:
            yield Finding(Verdict.BROKEN, "连得上", "can be reached", _observed(outcome), _REACH)
            return
        outcomes.append(outcome)
        holds = _holds(trial.wanted, outcome, shot.token)
        verdict = Verdict.HOLDS if holds else Verdict.BROKEN
        yield Finding(verdict, trial.zh, trial.en, _observed(outcome), None if holds else trial.remedy)
    yield _directness(outcomes)
    yield _speed(outcomes)


_REACH: Final = (
    "核对地址、端口、防火墙和证书；服务要先开着。",
    "Check address, port, firewall and certificate; the service has to run.",
)


def _holds(wanted: Wanted, outcome: Outcome, token: str) -> bool:
    if wanted is Wanted.REFUSED:
        return outcome.http_status in {400, 401, 403}
    return outcome.delivered and (wanted is Wanted.ACCEPTED or echoes(outcome.answer, token))


def _observed(outcome: Outcome) -> str:
    said = str(outcome.http_status) if outcome.http_status else str(outcome.fault)
    return f"{said} · {outcome.milliseconds} ms"


def _directness(outcomes: list[Outcome]) -> Finding:
    turned = sum(outcome.fault is Fault.REDIRECT for outcome in outcomes)
    remedy = ("登记最终的地址：跳转不跟随。", "Register the final address: redirects are not followed.")
    verdict = Verdict.BROKEN if turned else Verdict.HOLDS
    return Finding(
        verdict, "直接应答，不跳转", "answers without a redirect", f"{turned} × 3xx", remedy if turned else None
    )


def _speed(outcomes: list[Outcome]) -> Finding:
    """A whole exchange has 15 seconds; from 5 on it is time to say so."""
    slowest = max(outcome.milliseconds for outcome in outcomes)
    late = any(outcome.fault is Fault.TIMEOUT for outcome in outcomes)
    verdict = Verdict.BROKEN if late else Verdict.ADVICE if slowest > SLOW_MILLISECONDS else Verdict.HOLDS
    remedy = (
        "先应答，后办理：15 秒没有应答就当没收到。",
        "Answer first, work afterwards: after 15 s it counts as not received.",
    )
    return Finding(
        verdict, "15 秒内应答", "answers within 15 s", f"≤ {slowest} ms", None if verdict is Verdict.HOLDS else remedy
    )
