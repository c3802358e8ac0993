"""Carries letters to people over the channel of their address, and says what came of it. It stores nothing."""

import ssl
from datetime import datetime

from app.deliver.channels import Config, Mailboxes, Robot
from app.deliver.dial import GuardedBackend, Resolve, Resolver
from app.deliver.gateway import gateway_call, judge_gateway
from app.deliver.guard import Guard
from app.deliver.notices import Letter
from app.deliver.robots import judge_robot, robot_call
from app.deliver.send import TOTAL_SECONDS, Fault, Outcome, Sender
from app.deliver.smtp import TOTAL_SECONDS as MAIL_SECONDS
from app.deliver.smtp import MailServer, Postman
from app.vocabulary import Channel


class Messenger:
    """Makes attempts over every channel. One for each event loop; close it with `aclose`.

    Args:
        guard: where connections may go, mail servers included.
        address: where the links in letters begin, without a slash at the end.
        mail: None where the deployment has no mail server.
        total_seconds, mail_seconds: bounds of a whole exchange.
        resolve, tls: for tests; the system's resolver and authorities otherwise.
    """

    def __init__(
        self,
        guard: Guard,
        address: str,
        mail: MailServer | None = None,
        *,
        total_seconds: float = TOTAL_SECONDS,
        mail_seconds: float = MAIL_SECONDS,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.address = address
        self._guard, self._mail, self._tls = guard, mail, tls
        self._total_seconds, self._mail_seconds = total_seconds, mail_seconds
        self._resolver = Resolver()
        self._resolve = resolve or self._resolver
        # Made when first needed: most deployments tell systems alone.
        self._sender: Sender | None = None
        self._postman: Postman | None = None

    async def aclose(self) -> None:
        if self._sender:
            await self._sender.aclose()
        self._resolver.close()

    async def send(self, channel: Channel, config: Config, letter: Letter, now: datetime) -> Outcome:
        """Make one attempt, signed for `now` where the channel signs; every failure is an outcome."""
        if isinstance(config, Mailboxes):
            if self._mail is None:
                return Outcome(fault=Fault.NOT_SET_UP)
            return await self._postman_for(self._mail).hand_over(letter, config.to)
        if isinstance(config, Robot):
            call = robot_call(channel, config, letter, now)
            return judge_robot(channel, await self._open_sender().call(call, now))
        outcome = await self._open_sender().call(gateway_call(config, letter), now)
        return judge_gateway(config, outcome)

    def _open_sender(self) -> Sender:
        self._sender = self._sender or Sender(
            self._guard, total_seconds=self._total_seconds, resolve=self._resolve, tls=self._authorities()
        )
        return self._sender

    def _postman_for(self, server: MailServer) -> Postman:
        self._postman = self._postman or Postman(
            server, GuardedBackend(self._guard, self._resolve), self._authorities(), self._mail_seconds
        )
        return self._postman

    def _authorities(self) -> ssl.SSLContext:
        self._tls = self._tls or ssl.create_default_context()
        return self._tls
