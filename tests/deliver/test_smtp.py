"""E-mail to a real mail server on a socket: secured as set, logged in, refused in every way that matters."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.clock import FixedClock
from app.deliver.channels import Mailboxes
from app.deliver.guard import Guard
from app.deliver.messenger import Messenger
from app.deliver.notices import Letter, Line
from app.deliver.send import Fault, Outcome
from app.deliver.smtp import FOOTER
from app.deliver.smtp import MailServer as Described
from app.vocabulary import Channel
from tests.deliver.factories import LOOPBACK
from tests.mail_server import PASSWORD, USER, MailServer, certified

SENDER = "yilong@zuzhi.changsha.gov.cn"
TO = ("mz@furong.gov.cn", "deputy@furong.gov.cn")
LINE = Line("YL-2026-000012", "交办", "3月23日到期", "https://yilong.test/v1/cases/YL-2026-000012")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For the server, and for who trusts it."""
    folder: Path = tmp_path_factory.mktemp("certificate")
    return certified(folder)


def letter(clock: FixedClock, *lines: Line) -> Letter:
    return Letter("0123456789abcdef0123456789abcdef", "芙蓉区民政局", clock.now(), lines or (LINE,))


@asynccontextmanager
async def postman(
    server: MailServer, trusted: ssl.SSLContext | None, guard: Guard = LOOPBACK, **changes: str
) -> AsyncIterator[Messenger]:
    described = Described("127.0.0.1", server.port, "starttls", SENDER, USER, PASSWORD)
    opened = Messenger(guard, "https://yilong.test", replace(described, **changes), mail_seconds=1.0, tls=trusted)  # type: ignore[arg-type]
    yield opened
    await opened.aclose()


def relay(server: MailServer, guard: Guard = LOOPBACK) -> AbstractAsyncContextManager[Messenger]:
    """The way to a server that neither secures the line nor asks who we are."""
    return postman(server, None, guard, security="none", user="", password="")


async def send(messenger: Messenger, clock: FixedClock, to: tuple[str, ...] = TO) -> Outcome:
    return await messenger.send(Channel.EMAIL, Mailboxes(to), letter(clock), clock.now())


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("ways", ["PLAIN LOGIN", "LOGIN", "PLAIN"])
async def test_mail_goes_over_a_secured_line_after_a_login(
    security: str, ways: str, tls: tuple[ssl.SSLContext, ssl.SSLContext], clock: FixedClock
) -> None:
    async with MailServer(tls=tls[0], implicit=security == "tls", ways=ways).listening() as server:
        async with postman(server, tls[1], security=security) as messenger:
            outcome = await send(messenger, clock)
        [mail] = server.mails
    assert (outcome.fault, outcome.answered, outcome.answer) == (None, True, "250 2.0.0 queued as 7")
    assert (mail.secured, mail.user, mail.sender, mail.to) == (True, USER, SENDER, TO)
    assert mail.parsed["subject"] == "【一龙】芙蓉区民政局 YL-2026-000012 交办"
    assert mail.parsed["message-id"] == "<0123456789abcdef0123456789abcdef@zuzhi.changsha.gov.cn>"
    assert mail.parsed["auto-submitted"] == "auto-generated"
    assert mail.parsed.get_content().replace("\r\n", "\n") == f"【一龙】芙蓉区民政局\n{LINE.text}\n\n{FOOTER}\n"


async def test_a_relay_inside_the_intranet_may_go_without_tls_and_login(clock: FixedClock) -> None:
    async with MailServer().listening() as server:
        async with relay(server) as messenger:
            assert (await send(messenger, clock)).delivered
        assert [mail.secured for mail in server.mails] == [False]
        assert not any(command.startswith("AUTH") for command in server.commands)


async def test_every_attempt_has_the_same_bytes(clock: FixedClock) -> None:
    first = letter(clock)
    async with MailServer(says={"END": "451 4.3.0 later"}).listening() as server:
        async with relay(server) as messenger:
            outcome = await messenger.send(Channel.EMAIL, Mailboxes(TO), first, clock.now())
            assert (outcome.fault, outcome.answered, outcome.final) == (Fault.DECLINED, True, False)
            server.says = {}
            clock.advance(hours=3)
            for _ in range(2):
                assert (await messenger.send(Channel.EMAIL, Mailboxes(TO), first, clock.now())).delivered
        assert len({mail.content for mail in server.mails}) == 1


async def test_a_wrong_password_is_said_and_counts_as_no_answer_so_that_the_account_is_not_locked(
    tls: tuple[ssl.SSLContext, ssl.SSLContext], clock: FixedClock
) -> None:
    for ways in ("PLAIN", "LOGIN"):
        async with MailServer(tls=tls[0], ways=ways).listening() as server:
            async with postman(server, tls[1], password="wrong") as messenger:
                outcome = await send(messenger, clock)
            assert server.mails == []
        assert (outcome.fault, outcome.answered) == (Fault.LOGIN, False)
        assert outcome.answer == "535 5.7.8 authentication failed"


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_that_nobody_vouches_for_gets_neither_password_nor_mail(
    security: str, tls: tuple[ssl.SSLContext, ssl.SSLContext], clock: FixedClock
) -> None:
    async with MailServer(tls=tls[0], implicit=security == "tls").listening() as server:
        async with postman(server, ssl.create_default_context(), security=security) as messenger:
            outcome = await send(messenger, clock)
        assert [c for c in server.commands if c.startswith(("AUTH", "MAIL"))] == []
    assert (outcome.fault, outcome.answered) == (Fault.TLS, False)


async def test_a_server_that_offers_no_tls_gets_no_password(clock: FixedClock) -> None:
    async with MailServer().listening() as server:
        async with postman(server, None) as messenger:
            outcome = await send(messenger, clock)
        assert server.commands == ["EHLO zuzhi.changsha.gov.cn"]
    assert outcome.fault is Fault.NO_TLS


async def test_mail_goes_to_those_the_server_knows_and_says_whom_it_does_not(clock: FixedClock) -> None:
    async with MailServer(refused=frozenset({TO[0]})).listening() as server:
        async with relay(server) as messenger:
            some = await send(messenger, clock)
            nobody = await send(messenger, clock, TO[:1])
        assert [mail.to for mail in server.mails] == [TO[1:]]
    assert (some.fault, some.answer) == (None, "550 5.1.1 no such mailbox\n250 2.0.0 queued as 7")
    assert (nobody.fault, nobody.answered, nobody.answer) == (Fault.DECLINED, True, "550 5.1.1 no such mailbox")


@pytest.mark.parametrize(
    ("says", "fault", "alive"),
    [
        ({"GREETING": "421 4.3.2 closing"}, Fault.DECLINED, False),
        ({"GREETING": "not a mail server"}, Fault.BROKEN, False),
        ({"GREETING": "220-" + "a" * 20_000}, Fault.BROKEN, False),
        ({"EHLO": "502 no"}, Fault.DECLINED, True),
        ({"MAIL": "552 5.3.4 too much"}, Fault.DECLINED, True),
        ({"RCPT": "450 4.2.0 greylisted"}, Fault.DECLINED, True),
        ({"DATA": "554 5.7.1 spam"}, Fault.DECLINED, True),
        ({"END": "421 4.3.2 closing"}, Fault.DECLINED, False),
    ],
)
async def test_each_refusal_is_kept_with_the_servers_words(
    says: dict[str, str], fault: Fault, alive: bool, clock: FixedClock
) -> None:
    async with MailServer(says=says).listening() as server, relay(server) as messenger:
        outcome = await send(messenger, clock)
    assert (outcome.fault, outcome.answered, outcome.delivered) == (fault, alive, False)
    assert outcome.answer == next(iter(says.values()))[:1024] or fault is Fault.BROKEN


@pytest.mark.parametrize("word", ["GREETING", "END"])
async def test_a_server_that_never_answers_is_given_up(word: str, clock: FixedClock) -> None:
    async with MailServer(hangs_at=word).listening() as server, relay(server) as messenger:
        outcome = await send(messenger, clock)
    assert (outcome.fault, outcome.answered) == (Fault.TIMEOUT, False)
    assert outcome.milliseconds < 2000


async def test_the_guard_holds_for_mail_servers_and_without_one_nothing_is_tried(clock: FixedClock) -> None:
    async with MailServer().listening() as server:
        async with relay(server, Guard()) as messenger:
            assert (await send(messenger, clock)).fault is Fault.REFUSED
        assert server.commands == []
    messenger = Messenger(LOOPBACK, "https://yilong.test")
    assert await send(messenger, clock) == Outcome(fault=Fault.NOT_SET_UP)
    assert Outcome(fault=Fault.NOT_SET_UP).answered is None
    await messenger.aclose()
