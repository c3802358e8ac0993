"""A small mail server for the tests, on a real socket of this event loop: TLS, STARTTLS, login, refusals on demand."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.chaos.departments import make_certificate

USER, PASSWORD = "yilong", "a password of the mail server"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that was taken; `content` as it came, dots undone."""

    sender: str
    to: tuple[str, ...]
    content: bytes
    secured: bool
    user: str | None

    @property
    def parsed(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=default)


@dataclass
class MailServer:
    """What the server does.

    Attributes:
        implicit: TLS from the first byte; else STARTTLS is offered where `tls` is set.
        ways: of logging in that it offers.
        says: a reply in the place of the usual one, by the first word of a command (`GREETING`, `DATA`, `END` too).
        refused: mailboxes it does not know.
        hangs_at: the command that it never answers.
    """

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    ways: str = "PLAIN LOGIN"
    says: Mapping[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    hangs_at: str = ""
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["MailServer"]:
        conversations: set[asyncio.Task[None]] = set()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            conversations.add(task)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await _Conversation(self, reader, writer).hold()
            writer.close()
            conversations.discard(task)

        tls = self.tls if self.implicit else None
        server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(conversations):
                task.cancel()
            await asyncio.gather(*conversations, return_exceptions=True)


class _Conversation:
    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.secured, self.user = server.implicit, ""
        self.sender, self.to = "", [""]

    async def say(self, word: str, usual: str) -> str:
        if self.server.hangs_at == word:
            await asyncio.sleep(60)
        said = self.server.says.get(word, usual)
        self.writer.write(said.encode() + b"\r\n")
        await self.writer.drain()
        return said

    async def listen(self) -> str:
        line = await self.reader.readuntil(b"\r\n")
        return line.decode().rstrip("\r\n")

    async def hold(self) -> None:
        await self.say("GREETING", "220 mail.test ESMTP")
        while True:
            command = await self.listen()
            word = command.split(" ")[0].upper()
            self.server.commands.append(command)
            if word == "QUIT":
                return
            await getattr(self, f"do_{word.lower()}")(command)

    async def do_ehlo(self, _: str) -> None:
        lines = ["mail.test", "SIZE 1000000"]
        if self.server.tls and not self.secured:
            lines.append("STARTTLS")
        if self.secured:
            lines.append(f"AUTH {self.server.ways}")
        await self.say("EHLO", "\r\n".join(f"250{' ' if n == len(lines) else '-'}{t}" for n, t in enumerate(lines, 1)))

    async def do_starttls(self, _: str) -> None:
        await self.say("STARTTLS", "220 go ahead")
        assert self.server.tls is not None
        await self.writer.start_tls(self.server.tls)
        self.secured = True

    async def do_auth(self, command: str) -> None:
        way = command.split(" ")[1]
        if way == "PLAIN":
            _, user, password = base64.b64decode(command.split(" ")[2]).decode().split("\0")
        else:
            answers = []
            for prompt in ("Username:", "Password:"):
                await self.say("PROMPT", "334 " + base64.b64encode(prompt.encode()).decode())
                answers.append(base64.b64decode(await self.listen()).decode())
            user, password = answers
        if (user, password) == (USER, PASSWORD) and self.secured:
            self.user = user
            await self.say("AUTH", "235 2.7.0 welcome")
        else:
            await self.say("AUTH", "535 5.7.8 authentication failed")

    async def do_mail(self, command: str) -> None:
        self.sender, self.to = command.partition("<")[2].rstrip(">"), []
        await self.say("MAIL", "250 ok")

    async def do_rcpt(self, command: str) -> None:
        mailbox = command.partition("<")[2].rstrip(">")
        if mailbox in self.server.refused:
            await self.say("RCPT", "550 5.1.1 no such mailbox")
            return
        if (await self.say("RCPT", "250 ok")).startswith("250"):
            self.to.append(mailbox)

    async def do_data(self, _: str) -> None:
        if not (await self.say("DATA", "354 end with a dot")).startswith("354"):
            return
        content = await self.reader.readuntil(b"\r\n.\r\n")
        lines = content.removesuffix(b".\r\n").split(b"\r\n")
        plain = b"\r\n".join(line.removeprefix(b".") for line in lines)
        if (await self.say("END", "250 2.0.0 queued as 7")).startswith("250"):
            mail = Mail(self.sender, tuple(self.to), plain, self.secured, self.user or None)
            self.server.mails.append(mail)


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server on 127.0.0.1, and for a client that trusts it."""
    certificate, key = make_certificate(folder)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))
