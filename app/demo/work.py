"""Carries a department's plan out, one step after the other; what a step sends, and how, is not decided here."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from app.demo.plans import Event, Plan, Step
from app.demo.schedule import Act

# Sends one step's callback; whether it was taken.
Send = Callable[[str, Event, Step], Awaitable[bool]]


class Later(Protocol):
    """Lets something happen that many working hours from now."""

    def __call__(self, hours: float, act: Act, *name: object) -> None: ...


class Work:
    """Carries plans out: a refused step gives way to its alternative, and what is to be said once is not repeated."""

    def __init__(self, later: Later, send: Send) -> None:
        self._later, self._send = later, send
        self._said: set[str] = set()

    def go_on(self, code: str, event: Event, plan: Plan) -> None:
        """Take the next step of a plan when its time has come."""
        if not plan:
            return
        step, *following = plan

        async def act() -> None:
            await self._take(code, event, step, tuple(following))

        self._later(step.hours, act, "department", event["data"]["case"]["number"], code, event["type"], step.action)

    async def _take(self, code: str, event: Event, step: Step, following: Plan) -> None:
        if step.once in self._said:
            self.go_on(code, event, following)
            return
        if step.once:
            self._said.add(step.once)
        if await self._send(code, event, step):
            self.go_on(code, event, following)
        else:
            self._said.discard(step.once or "")
            self.go_on(code, event, step.otherwise)
