"""One e-mail over SMTP, on a connection that the guard has vetted; TLS and login as the deployment's settings say.

Written on httpcore's streams, so that names, addresses and time bounds are those of webhooks. Sources: RFC 5321,
RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 3834 (automatic messages).
"""

import asyncio
import base64
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Literal

from httpcore import AsyncNetworkBackend, AsyncNetworkStream

from app.deliver.notices import Letter
from app.deliver.send import CONNECT_SECONDS, KEPT_ANSWER_BYTES, Fault, Outcome, fault_of, to_safe_text

# Mail servers greet late on purpose, to see who does not wait.
TOTAL_SECONDS: Final = 30.0
MOST_REPLY_BYTES: Final = 16 * 1024
DEFAULT_PORTS: Final = {"tls": 465, "starttls": 587, "none": 25}
FOOTER: Final = "此邮件由一龙自动发出，请勿回复。"

Security = Literal["tls", "starttls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """The deployment's mail server; `user` empty where it asks for no login."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.code} " + "\n".join(self.lines)


class _Refused(Exception):
    """The server said no; `alive`: to this message only."""

    def __init__(self, fault: Fault, reply: str, *, alive: bool) -> None:
        super().__init__(fault)
        self.fault, self.reply, self.alive = fault, reply, alive


class _Dialogue:
    """Lines to and fro; what is read is bounded."""

    def __init__(self, stream: AsyncNetworkStream) -> None:
        self.stream = stream
        self._waiting = bytearray()

    async def read(self) -> _Reply:
        """One reply, all its lines."""
        lines: list[str] = []
        total = 0
        while True:
            line = await self._read_line()
            total += len(line)
            code, mark, text = line[:3], line[3:4], line[4:]
            if not (code.isascii() and code.isdigit()) or mark not in {"", " ", "-"} or total > MOST_REPLY_BYTES:
                raise _Refused(Fault.BROKEN, line, alive=False)
            lines.append(text)
            if mark != "-":
                return _Reply(int(code), tuple(lines))

    async def _read_line(self) -> str:
        while b"\n" not in self._waiting:
            if len(self._waiting) > MOST_REPLY_BYTES:
                raise _Refused(Fault.BROKEN, "", alive=False)
            part = await self.stream.read(4096)
            if not part:
                raise _Refused(Fault.BROKEN, "", alive=False)
            self._waiting += part
        line, _, rest = bytes(self._waiting).partition(b"\n")
        self._waiting = bytearray(rest)
        return line.decode("utf-8", errors="replace").rstrip("\r")

    async def ask(self, command: str) -> _Reply:
        await self.stream.write(command.encode() + b"\r\n")
        return await self.read()

    async def secure(self, tls: ssl.SSLContext, host: str) -> None:
        """Speak TLS from here on; whatever was said before in clear is forgotten."""
        self.stream = await self.stream.start_tls(tls, host, CONNECT_SECONDS)
        self._waiting.clear()


class Postman:
    """Hands letters to one mail server, a connection each.

    Args:
        backend: connects where the guard lets it.
        tls: whose certificates are believed.
    """

    def __init__(
        self,
        server: MailServer,
        backend: AsyncNetworkBackend,
        tls: ssl.SSLContext,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._server, self._backend, self._tls, self._total_seconds = server, backend, tls, total_seconds

    async def hand_over(self, letter: Letter, to: Sequence[str]) -> Outcome:
        """Make one attempt; every failure is an outcome, none is raised."""
        started = time.monotonic()
        fault: Fault | None = None
        said, alive = "", None
        try:  # Whatever a server does to us is an outcome.
            async with asyncio.timeout(self._total_seconds):
                said, alive = await self._converse(letter, to), True
        except _Refused as refusal:
            fault, said, alive = refusal.fault, refusal.reply, refusal.alive
        except Exception as error:
            fault = fault_of(error)
        return Outcome(
            milliseconds=round((time.monotonic() - started) * 1000),
            fault=fault,
            answer=to_safe_text(said.encode()[:KEPT_ANSWER_BYTES]) or None,
            alive=alive,
        )

    async def _converse(self, letter: Letter, to: Sequence[str]) -> str:
        server = self._server
        stream = await self._backend.connect_tcp(server.host, server.port, timeout=CONNECT_SECONDS)
        dialogue = _Dialogue(stream)
        try:
            if server.security == "tls":
                await dialogue.secure(self._tls, server.host)
            await self._open(dialogue)
            return await self._submit(dialogue, letter, to)
        finally:
            await dialogue.stream.aclose()

    async def _open(self, dialogue: _Dialogue) -> None:
        """Greet, secure the line where that comes second, log in."""
        _expect(await dialogue.read(), 220)
        offered = await self._introduce(dialogue)
        if self._server.security == "starttls":
            if "STARTTLS" not in offered:
                raise _Refused(Fault.NO_TLS, offered, alive=False)
            _expect(await dialogue.ask("STARTTLS"), 220)
            await dialogue.secure(self._tls, self._server.host)
            offered = await self._introduce(dialogue)
        if self._server.user:
            await self._log_in(dialogue, offered)

    async def _introduce(self, dialogue: _Dialogue) -> str:
        reply = await dialogue.ask("EHLO " + self._server.sender.rpartition("@")[2])
        _expect(reply, 250)
        return "\n".join(reply.lines).upper()

    async def _log_in(self, dialogue: _Dialogue, offered: str) -> None:
        user, password = self._server.user, self._server.password
        ways = next((line for line in offered.split("\n") if line.startswith("AUTH")), "")
        if "PLAIN" in ways or "LOGIN" not in ways:
            reply = await dialogue.ask("AUTH PLAIN " + _encode(f"\0{user}\0{password}"))
        else:
            reply = await dialogue.ask("AUTH LOGIN")
            for answer in (user, password):
                if reply.code == 334:
                    reply = await dialogue.ask(_encode(answer))
        if reply.code != 235:
            # A wrong password stays wrong: the breaker keeps us from trying it so often that the account is locked.
            raise _Refused(Fault.LOGIN, reply.text, alive=False)

    async def _submit(self, dialogue: _Dialogue, letter: Letter, to: Sequence[str]) -> str:
        """Send the letter to all who are taken; what was said last, after what was said of those who are not."""
        _expect(await dialogue.ask(f"MAIL FROM:<{self._server.sender}>"), 250)
        replies = [await dialogue.ask(f"RCPT TO:<{mailbox}>") for mailbox in to]
        refused = [reply for reply in replies if reply.code not in {250, 251}]
        if len(refused) == len(replies):
            _expect(refused[0], 250)
        _expect(await dialogue.ask("DATA"), 354)
        await dialogue.stream.write(_dotted(write_mail(letter, self._server.sender, to)))
        taken = await dialogue.read()
        _expect(taken, 250)
        await dialogue.stream.write(b"QUIT\r\n")
        return "\n".join(reply.text for reply in [*refused, taken])


def _expect(reply: _Reply, code: int) -> None:
    if reply.code == code:
        return
    # 421: the service is closing; 4xx otherwise and 5xx speak of this message.
    raise _Refused(Fault.DECLINED, reply.text, alive=reply.code != 421)


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _dotted(mail: bytes) -> bytes:
    """The mail as it goes over the line: no line of its own can end it (RFC 5321, 4.5.2)."""
    lines = mail.rstrip(b"\r\n").split(b"\r\n")
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


def write_mail(letter: Letter, sender: str, to: Sequence[str]) -> bytes:
    """The mail's bytes, the same on every attempt; its Message-ID lets a mail server drop what came twice."""
    first = letter.lines[0]
    what = f"{first.number} {first.stage}" if letter.count == 1 else ""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = " ".join(part for part in (letter.heading, what) if part)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(letter.written_at)
    mail["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{letter.text()}\n\n{FOOTER}\n", cte="base64")
    return mail.as_bytes()
