"""送 over other channels than a system's webhook: what the settings say of them, and a test message to one address."""

from app.clock import Clock
from app.database import Database
from app.deliver.channels import open_config
from app.deliver.endpoints import find_address
from app.deliver.guard import Guard
from app.deliver.messenger import Messenger
from app.deliver.notices import Letter, Line
from app.deliver.send import Outcome
from app.deliver.smtp import DEFAULT_PORTS, MailServer
from app.models import Channel, new_id
from app.problems import Conflict
from app.sealing import Sealer
from app.settings import Settings

TEST_WORDS = "测试消息，收到即表示通知渠道已接通"


class TestedByItsSystem(Conflict):
    code = "webhook_has_no_test_message"
    title_zh, title_en = "系统地址不发测试消息", "A system's address gets no test message"

    def __init__(self) -> None:
        super().__init__(
            "测试消息发给人看；部门系统的地址请用真实事件或对接工具检验。",
            "Test messages are for people to read. Try a system's address with an event or the integration tools.",
        )


def guard_of(settings: Settings) -> Guard:
    """Where this deployment lets deliveries go."""
    return Guard.of(settings.delivery_allowed_networks, allow_loopback=settings.delivery_allow_loopback)


def mail_server_of(settings: Settings) -> MailServer | None:
    """The deployment's mail server; None where it has none."""
    if not settings.smtp_host or not settings.smtp_from:
        return None
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port or DEFAULT_PORTS[settings.smtp_security],
        security=settings.smtp_security,
        sender=settings.smtp_from,
        user=settings.smtp_user or "",
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else "",
    )


def make_messenger(settings: Settings) -> Messenger:
    """What reaches people over the channels of this deployment."""
    return Messenger(guard_of(settings), settings.resolved_public_url, mail_server_of(settings))


async def send_test_message(
    database: Database, clock: Clock, sealer: Sealer, messenger: Messenger, endpoint_id: str
) -> Outcome:
    """Send one message to an address now, at any hour, and say what came of it; it tells of no case.

    No transaction is open while it is under way, and it is not retried. Raises NotFound, TestedByItsSystem, SealBroken.
    """
    async with database.read() as session:
        address = await find_address(session, endpoint_id)
    if address.channel is Channel.WEBHOOK:
        raise TestedByItsSystem
    config = open_config(sealer, endpoint_id, address.channel, address.sealed)
    line = Line("测试", TEST_WORDS, link=f"{messenger.address}/")
    letter = Letter(new_id(), address.department, clock.now(), (line,))
    return await messenger.send(address.channel, config, letter, clock.now())
