"""What every route needs: who calls, a desk for one transaction, and an answer that is remembered where asked for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.idempotency import (
    LONGEST_KEY,
    Answer,
    AnsweredBefore,
    digest_of,
    find_answer,
    open_answer,
    remember,
    seal_answer,
)
from app.access.keys import find_principal
from app.access.limiter import Kind
from app.access.people import find_signed_in
from app.access.principal import Permission, Principal
from app.api.address import client_address
from app.api.strict_json import StrictRoute
from app.api.strict_types import as_described
from app.classify import Thresholds
from app.flow.desk import Desk, set_up
from app.flow.desk import thresholds_of as thresholds_by
from app.problems import AppError, NotAllowed, NotAuthenticated
from app.runtime import Runtime

SESSION_COOKIE = "yilong_session"
CSRF_HEADER = "X-CSRF-Token"
JSON_TYPE = "application/json"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Kept(Enum):
    """How an answer is stored for a retry: as it is; sealed, where it shows a secret this once; or not at all."""

    PLAIN = auto()
    SEALED = auto()
    NOT = auto()


class In(BaseModel):
    """A body that is sent to us: unknown members are errors, so that a misspelt one is not silently lost, and so are
    values of another kind than described."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: CoreSchema = as_described(handler(source))
        return schema


class Out(BaseModel):
    """A body that we answer."""

    model_config = ConfigDict(from_attributes=True)


class ProblemField(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[ProblemField] | None = None
    instance: str | None = None


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    429: {
        "model": Problem,
        "description": "Too many requests with this key, or too many wrong keys or signatures from this address",
        "headers": {"Retry-After": {"description": "seconds until one is let through", "schema": {"type": "integer"}}},
    },
    "default": {"model": Problem, "description": "Problem details (RFC 9457)"},
}


def make_router(tag: str) -> APIRouter:
    """A router of version 1 with strict bodies and documented problems."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=StrictRoute, responses=PROBLEM_RESPONSES)


def get_runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def authenticate(request: Request) -> Principal:
    """Whoever calls: by Bearer key, or by a signed-in browser with its CSRF token.

    Raises NotAuthenticated; TooManyRequests where the key, or the address with its wrong keys, has used up its budget.
    """
    runtime = get_runtime(request)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    principal = None
    if scheme.lower() == "bearer":
        async with runtime.database.glance() as connection:
            principal = await find_principal(connection, key.strip(), runtime.clock.now())
        if principal is None:
            await note_failure(request)
        else:
            await runtime.limiter.spend(Kind.KEY, principal.holder)
            runtime.key_use.note(principal.holder.removeprefix("key:"), runtime.clock.now())
    elif token := request.cookies.get(SESSION_COOKIE):
        principal = await _from_session(request, runtime, token)
    if principal is None:
        raise NotAuthenticated
    return principal


async def note_failure(request: Request) -> None:
    """A wrong key or signature; raises TooManyRequests where the address has sent too many of them."""
    runtime = get_runtime(request)
    address = client_address(request, trusted_proxy=runtime.settings.trusted_proxy)
    await runtime.limiter.spend(Kind.FAILED_KEY, runtime.sealer.blind(address))


async def _from_session(request: Request, runtime: Runtime, token: str) -> Principal | None:
    async with runtime.database.read() as session:
        signed_in = await find_signed_in(session, token, runtime.clock.now())
    if signed_in is None:
        return None
    if request.method not in SAFE_METHODS and request.headers.get(CSRF_HEADER) != signed_in.csrf_token:
        raise NotAllowed("请求缺少有效的 CSRF 令牌。", "The request lacks a valid CSRF token.")
    if signed_in.must_change:
        raise NotAllowed("请先在页面上更换初始密码。", "Change the password you were given first, on the pages.")
    await spend_as_a_key(runtime, signed_in.principal)
    return signed_in.principal


async def spend_as_a_key(runtime: Runtime, principal: Principal) -> None:
    """Whoever is signed in for a department or point is held to what one of its keys may do a minute.

    Raises TooManyRequests.
    """
    if not principal.is_office:
        await runtime.limiter.spend(Kind.KEY, principal.holder)


def thresholds_of(runtime: Runtime) -> Thresholds:
    """How sure the machine must be, by the office's setting."""
    return thresholds_by(runtime.settings)


def make_desk(runtime: Runtime, session: AsyncSession, principal: Principal) -> Desk:
    """A place for one verb to work at, in the session's transaction."""
    return set_up(
        session,
        principal,
        runtime.settings,
        city=runtime.cities.current,
        now=runtime.clock.now(),
        numbers=runtime.numbers,
        sealer=runtime.sealer,
    )


@dataclass(slots=True)
class Door:
    """One authenticated request."""

    request: Request
    runtime: Runtime
    principal: Principal
    idempotency_key: str | None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with self.runtime.database.read() as session:
            yield session

    async def write(
        self,
        act: Callable[[Desk], Awaitable[BaseModel]],
        status: int = 200,
        *,
        body: bytes | None = None,
        together: bool = False,
        kept: Kept = Kept.PLAIN,
    ) -> Response:
        """Do one verb in one transaction and answer after its commit.

        With an Idempotency-Key the answer is stored in the same transaction, and a retry gets it again. `body` stands
        for one that was read already. `together` says that on SQLite it may share its transaction with others; `kept`
        how the answer is stored.
        """
        sent = await self.request.body() if body is None else body
        digest = digest_of(self.request.method, self.request.url.path, sent)

        async def answer_within(session: AsyncSession) -> Answer:
            desk = make_desk(self.runtime, session, self.principal)
            answer = Answer(status, (await act(desk)).model_dump_json())
            if self.idempotency_key and kept is not Kept.NOT:
                holder, key = self.principal.holder, self.idempotency_key
                if kept is Kept.SEALED:
                    sealed = Answer(status, seal_answer(desk.sealer, holder, key, answer.body))
                    await remember(self.runtime.database, session, holder, key, digest, sealed, desk.now)
                    return answer
                await remember(self.runtime.database, session, holder, key, digest, answer, desk.now)
            return answer

        try:
            if together and self.runtime.database.is_sqlite:
                answer = await self.runtime.together.write(answer_within)
            else:
                async with self.runtime.database.write() as session:
                    answer = await answer_within(session)
        except (AppError, AnsweredBefore) as error:
            answer = await self._answered_before(digest, error)
        return Response(answer.body, answer.status, media_type=JSON_TYPE)

    async def _answered_before(self, digest: str, error: AppError | AnsweredBefore) -> Answer:
        """The stored answer to a retried request; raises the error again where there is none.

        Whatever the caller is told the second time may come of the first: what it acted on may even be gone.
        """
        if self.idempotency_key and (isinstance(error, AnsweredBefore) or error.status < 500):
            holder, key = self.principal.holder, self.idempotency_key
            async with self.runtime.database.read() as session:
                stored = await find_answer(session, holder, key, digest)
            if stored is not None:
                return Answer(stored.status, open_answer(self.runtime.sealer, holder, key, stored.body))
        raise error


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """Opens the door to whoever has the permission; a route that depends on it is seen to need that permission."""

    permission: Permission

    async def __call__(
        self,
        request: Request,
        principal: Annotated[Principal, Depends(authenticate)],
        idempotency_key: Annotated[
            str | None,
            Header(max_length=LONGEST_KEY, description="makes a retry safe: the same key gets the same answer"),
        ] = None,
    ) -> Door:
        principal.require(self.permission)
        return Door(request, get_runtime(request), principal, idempotency_key)


def door(permission: Permission) -> Any:
    """The dependency of a route that needs this permission."""
    return Depends(OpenDoor(permission))
