"""Who is signed in, whether an unsafe request comes from our own page, and what a view gets to work with."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Final
from urllib.parse import SplitResult, urlsplit

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from app.access.people import SignedIn, find_signed_in, touch
from app.access.principal import Permission, Principal
from app.api.door import CSRF_HEADER, SAFE_METHODS, SESSION_COOKIE, get_runtime, make_desk, spend_as_a_key
from app.dashboard.forms import UPLOAD_TYPE, Form, read_files, read_form, read_upload
from app.dashboard.language import N_, translator
from app.directory.city import City
from app.flow.desk import Desk
from app.problems import NotAllowed
from app.runtime import Runtime

HOME: Final = "/dashboard/"
TOUCH_EVERY: Final = timedelta(minutes=1)
MOST_REMEMBERED: Final = 10_000
# A page that is open and unattended asks for badges; that alone must not keep somebody signed in.
UNATTENDED: Final = frozenset({"/dashboard/badges"})
MOST_FILES_AT_ONCE: Final = 5
OWN_ACCOUNT: Final = "/dashboard/account"
# What is open to whoever has to change the password first.
BEFORE_THE_CHANGE: Final = frozenset({OWN_ACCOUNT, f"{OWN_ACCOUNT}/password", "/dashboard/sign-out"})


class ForeignRequest(NotAllowed):
    code = "foreign_request"
    title_zh, title_en = "请求不是从本系统页面发出的", "The request does not come from a page of this service"

    def __init__(self) -> None:
        message = N_("为防止冒用身份，此操作已被拒绝。请回到本系统页面刷新后再试。")
        super().__init__(message, translator("en")(message))


class PasswordChangeNeeded(Exception):
    """Somebody else knows this person's password; the page route answers with the way to where it is changed."""


class SignInNeeded(Exception):
    """Nobody is signed in here; the page route answers with the way to the sign-in page."""


@dataclass(frozen=True, slots=True)
class Office:
    """A signed-in person at work: who, with which session, and the form that was sent, if any."""

    request: Request
    runtime: Runtime
    signed_in: SignedIn
    form: Form

    @property
    def principal(self) -> Principal:
        return self.signed_in.principal

    @property
    def city(self) -> City:
        return self.runtime.cities.current

    @property
    def now(self) -> datetime:
        return self.runtime.clock.now()

    @property
    def user_id(self) -> str:
        return self.principal.holder.removeprefix("user:")

    @property
    def acts_for(self) -> str:
        """The department's or the point's name; empty for the office."""
        point = self.city.points.get(self.principal.observation_point or "")
        return point.name if point else self.city.names.get(self.principal.department or "", "")

    def may(self, permission: Permission) -> bool:
        return self.principal.may(permission)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with self.runtime.database.read() as session:
            yield session

    @asynccontextmanager
    async def desk(self, permission: Permission) -> AsyncIterator[Desk]:
        """One verb's transaction; commits on leaving. Raises NotAllowed where the role may not."""
        self.principal.require(permission)
        async with self.runtime.database.write() as session:
            yield make_desk(self.runtime, session, self.principal)


def own_hosts(request: Request) -> set[str]:
    """Where our own pages are served: as the browser addressed us, and as the deployment says."""
    public = get_runtime(request).settings.public_url
    return {request.headers.get("host", "")} | ({urlsplit(public).netloc} if public else set())


def refuse_foreign(request: Request) -> None:
    """Raise ForeignRequest unless the browser says that one of our own pages sent this.

    `Origin: null` is foreign, and so is silence: every browser from our floor on says where a POST comes from.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise ForeignRequest
    origin = request.headers.get("origin")
    if origin is None:
        if site is None:
            raise ForeignRequest
        return
    parts = _split(origin)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.netloc not in own_hosts(request):
        raise ForeignRequest


def _split(url: str) -> SplitResult:
    """The parts of an address; all of them empty where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


async def find_session(request: Request) -> SignedIn | None:
    """The session behind the request's cookie, if it is still good; which pages it may use is asked by each of them."""
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        return None
    runtime = get_runtime(request)
    async with runtime.database.read() as session:
        return await find_signed_in(session, token, runtime.clock.now())


async def signed_in(
    request: Request, read: Callable[[Request], Awaitable[Form]], needed: tuple[Permission, ...]
) -> Office:
    """Who is signed in, and the form that `read` finds; a file is not looked at before the role has what is needed.

    Raises SignInNeeded, PasswordChangeNeeded, TooManyRequests, ForeignRequest, NotAllowed, UnreadableForm.
    """
    unsafe = request.method not in SAFE_METHODS
    if unsafe:
        refuse_foreign(request)
    found = await find_session(request)
    if found is None:
        raise SignInNeeded
    if found.must_change and request.url.path not in BEFORE_THE_CHANGE:
        raise PasswordChangeNeeded
    runtime = get_runtime(request)
    await spend_as_a_key(runtime, found.principal)
    # The first person a process sees waits a second for it, in a thread; programs never need it.
    if not (city := runtime.cities.current).is_spelled:
        await asyncio.to_thread(city.spell)
    office = Office(request, runtime, found, Form())
    request.state.office = office
    for permission in needed:
        found.principal.require(permission)
    form = await read(request) if unsafe else Form()
    office = request.state.office = replace(office, form=form)
    if unsafe:
        sent = request.headers.get(CSRF_HEADER) or form.get("csrf_token")
        if not secrets.compare_digest(sent.encode(), found.csrf_token.encode()):
            await form.close()
            raise ForeignRequest
    if request.url.path not in UNATTENDED:
        await _keep_alive(request, runtime, found)
    return office


@dataclass(frozen=True, slots=True)
class Admit:
    """Admits a signed-in person who has the permission; a route that depends on it is seen to need that permission.

    Attributes:
        pages: whose pages it belongs to: the office's, a department's, a point's, or everybody's own account.
    """

    permission: Permission
    pages: Permission = Permission.USE_DASHBOARD

    async def __call__(self, request: Request) -> Office:
        return await signed_in(request, self.read, (self.pages, self.permission))

    async def read(self, request: Request) -> Form:
        """The form that such a route is sent."""
        return await read_form(request)


class AdmitUpload(Admit):
    """The same with a form that carries a file, which nobody sends who may not."""

    async def read(self, request: Request) -> Form:
        return await read_upload(request)


class AdmitEvidence(Admit):
    """The same with a form that may carry evidence files; each is judged as it is taken in."""

    async def read(self, request: Request) -> Form:
        if not request.headers.get("content-type", "").lower().startswith(UPLOAD_TYPE):
            return await read_form(request)
        largest = get_runtime(request).settings.evidence_largest_mb * 1024 * 1024
        return await read_files(request, MOST_FILES_AT_ONCE, largest)


# Who is at work, by what the page needs; each route takes one of these. First what everybody has that signs in.
Anybody = Annotated[Office, Depends(Admit(Permission.USE_OWN_ACCOUNT, Permission.USE_OWN_ACCOUNT))]
_DUTIES, _REPORTING = Permission.USE_DEPARTMENT_PAGES, Permission.USE_REPORTER_PAGES
AtDepartment = Annotated[Office, Depends(Admit(_DUTIES, _DUTIES))]
Handler = Annotated[Office, Depends(Admit(Permission.ACT_ON_ASSIGNMENTS, _DUTIES))]
Answering = Annotated[Office, Depends(AdmitEvidence(Permission.ACT_ON_ASSIGNMENTS, _DUTIES))]
Invited = Annotated[Office, Depends(Admit(Permission.STATE_OPINION, _DUTIES))]
AtPoint = Annotated[Office, Depends(Admit(_REPORTING, _REPORTING))]
Sender = Annotated[Office, Depends(Admit(Permission.SEND_REPORTS, _REPORTING))]
Verifier = Annotated[Office, Depends(Admit(Permission.ANSWER_VERIFICATION, _REPORTING))]
CaseReader = Annotated[Office, Depends(Admit(Permission.READ_CASES))]
DeliveryReader = Annotated[Office, Depends(Admit(Permission.READ_DELIVERIES))]
Classifier = Annotated[Office, Depends(Admit(Permission.CLASSIFY))]
TrendReader = Annotated[Office, Depends(Admit(Permission.READ_TRENDS))]
PrecedentReader = Annotated[Office, Depends(Admit(Permission.READ_PRECEDENTS))]
Ruler = Annotated[Office, Depends(Admit(Permission.RULE))]
Importing = Annotated[Office, Depends(Admit(Permission.IMPORT_REPORTS))]
Uploading = Annotated[Office, Depends(AdmitUpload(Permission.IMPORT_REPORTS))]
Reviewer = Annotated[Office, Depends(Admit(Permission.REVIEW))]
Convener = Annotated[Office, Depends(Admit(Permission.CONVENE))]
Instructor = Annotated[Office, Depends(Admit(Permission.INSTRUCT))]
ClockSetter = Annotated[Office, Depends(Admit(Permission.SET_CLOCKS))]
NoticeSender = Annotated[Office, Depends(AdmitUpload(Permission.SET_CLOCKS))]
RuleMaker = Annotated[Office, Depends(Admit(Permission.MAKE_STANDING))]
ContactReader = Annotated[Office, Depends(Admit(Permission.VIEW_CONTACTS))]
ContactEraser = Annotated[Office, Depends(Admit(Permission.ERASE_CONTACTS))]
Operator = Annotated[Office, Depends(Admit(Permission.MANAGE_ENDPOINTS))]
PeopleManager = Annotated[Office, Depends(Admit(Permission.MANAGE_PEOPLE))]
KeyManager = Annotated[Office, Depends(Admit(Permission.MANAGE_KEYS))]
LogReader = Annotated[Office, Depends(Admit(Permission.READ_ADMIN_LOG))]


async def _keep_alive(request: Request, runtime: Runtime, found: SignedIn) -> None:
    """Extend the session, at most once a minute, so that looking at pages does not queue for the writer."""
    seen: dict[str, datetime] | None = getattr(request.app.state, "sessions_seen", None)
    if seen is None:
        seen = request.app.state.sessions_seen = {}
    now = runtime.clock.now()
    last = seen.get(found.token_hash)
    if last is not None and now - last < TOUCH_EVERY:
        return
    if len(seen) >= MOST_REMEMBERED:
        seen.clear()
    seen[found.token_hash] = now
    async with runtime.database.write() as session:
        await touch(session, found.token_hash, now)


def local_path(wish: str) -> str:
    """Where to go after signing in: a page of ours, else the home page; never another site."""
    parts = _split(wish if wish.isascii() and wish.isprintable() and "\\" not in wish else "")
    ours = parts.path.startswith(HOME) and not parts.scheme and not parts.netloc and "//" not in parts.path
    if not ours or parts.path.startswith(("/dashboard/sign-", "/dashboard/badges", "/dashboard/static")):
        return HOME
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
