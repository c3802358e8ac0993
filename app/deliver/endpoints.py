"""Addresses of department systems, and channels to their people: register, rotate the secret, pause, resume,
send a delivery again."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.deliver import signing
from app.deliver.alerts import end_alerts
from app.deliver.channels import Config, Described, open_config, read_config, seal_config, shown
from app.deliver.guard import Guard
from app.deliver.keypair import new_signing_key, public_key_of
from app.deliver.keyring import Secret, open_secrets, seal_secrets
from app.models import Channel, Delivery, DeliveryStatus, Department, Endpoint, new_id
from app.problems import Conflict, InvalidInput, NotFound
from app.sealing import Sealer

OVERLAP = timedelta(hours=24)
MOST_OVERLAP = timedelta(days=30)
# A transaction that was under way while the address was registered may not have seen it.
SETTLED_AFTER = timedelta(minutes=1)


class UnknownDepartment(InvalidInput):
    code = "unknown_department"
    title_zh, title_en = "没有这个部门", "No such department"

    def __init__(self) -> None:
        super().__init__(
            "部门代码不在目录中，或该部门已停用。请在部门目录中查对代码。",
            "The department's code is not in the directory, or it is no longer active. Look it up in the directory.",
        )


class AlreadyRegistered(Conflict):
    code = "endpoint_already_registered"
    title_zh, title_en = "该地址已登记", "This address is registered already"

    def __init__(self) -> None:
        super().__init__(
            "该部门已登记过这个地址。如需更换密钥，请用密钥轮换。",
            "The department has registered this address already. To change its secret, rotate it.",
        )


class BadEndpointSecret(InvalidInput):
    code = "bad_endpoint_secret"
    title_zh, title_en = "签名密钥格式不对", "The signing secret is malformed"

    def __init__(self) -> None:
        super().__init__(
            "签名密钥须为 whsec_ 加 24 至 64 个随机字节的 base64；不填则由系统生成。",
            "A signing secret is whsec_ and the base64 of 24 to 64 random bytes; leave it out to have one made.",
        )


class BadOverlap(InvalidInput):
    code = "bad_overlap"
    title_zh, title_en = "新旧密钥并用时间不对", "The overlap of the secrets is out of range"

    def __init__(self) -> None:
        super().__init__("新旧密钥并用时间须在 0 至 30 天之间。", "The overlap lies between 0 and 30 days.")


class NoMailServer(InvalidInput):
    code = "no_mail_server"
    title_zh, title_en = "没有配置邮件服务器", "No mail server is set up"

    def __init__(self) -> None:
        super().__init__(
            "本系统没有配置邮件服务器。请管理员先设置 YILONG_SMTP_HOST，再登记电子邮箱。",
            "This deployment has no mail server. Set YILONG_SMTP_HOST first, then register mailboxes.",
        )


class NotAWebhook(Conflict):
    code = "not_a_webhook"
    title_zh, title_en = "该地址不是系统地址", "This address is not a system's"

    def __init__(self) -> None:
        super().__init__(
            "通知渠道没有签名密钥，也不作系统验证。更换密钥请停用后重新登记；检验请发测试消息。",
            "A channel has no signing secret and gets no challenge. Register it again to change it; try it with a test "
            "message.",
        )


class EndpointInactive(Conflict):
    code = "endpoint_inactive"
    title_zh, title_en = "该地址已停用", "This address is not active"

    def __init__(self) -> None:
        super().__init__(
            "该地址已停用，不会推送。请先恢复该地址，再重新推送。",
            "The address is not active, so nothing is sent. Activate it first, then send again.",
        )


class AlreadyConfirmed(Conflict):
    code = "endpoint_already_confirmed"
    title_zh, title_en = "该地址已通过验证", "This address is confirmed already"

    def __init__(self) -> None:
        super().__init__(
            "该地址已通过验证，正在接收推送。想看它是否应答，请发送一次测试。",
            "The address has answered its challenge and gets events. To see whether it answers, send a test.",
        )


class BeingSent(Conflict):
    code = "delivery_being_sent"
    title_zh, title_en = "正在推送", "Being sent at this moment"

    def __init__(self) -> None:
        super().__init__(
            "这一条正在推送中。请一分钟后查看结果，再决定是否重新推送。",
            "It is being sent at this moment. Look at the outcome in a minute, then decide.",
        )


class DigestOutdated(Conflict):
    code = "digest_outdated"
    title_zh, title_en = "提要已过期", "The digest is outdated"

    def __init__(self) -> None:
        super().__init__("每日提要只在当天发送。", "A daily digest is sent on its own day only.")


async def register_endpoint(
    session: AsyncSession,
    department_code: str,
    url: str,
    sealer: Sealer,
    guard: Guard,
    now: datetime,
    secret: str | None = None,
) -> tuple[Endpoint, str]:
    """Register an address that is known to be its department's; the answer holds its secret, not shown again.

    It gets events at once; what a door is handed goes through `checks.connect_endpoint`, which asks first. Names are
    not resolved here, inside a transaction: each connection does that, and the guard judges it.

    Raises:
        UrlRefused, AddressRefused: webhooks cannot go there, as far as the text tells.
        UnknownDepartment, AlreadyRegistered, BadEndpointSecret.
    """
    guard.check_url(url)
    if secret is not None:
        _check_secret(secret)
    await _require_department(session, department_code)
    same = select(Endpoint.id).where(Endpoint.department_code == department_code, Endpoint.url == url, Endpoint.active)
    if await session.scalar(same):
        raise AlreadyRegistered
    value = secret or signing.new_secret()
    endpoint_id = new_id()
    endpoint = Endpoint(
        id=endpoint_id,
        department_code=department_code,
        url=url,
        secret=seal_secrets(sealer, endpoint_id, [Secret(value, since=now)]),
        active=True,
        active_since=now + SETTLED_AFTER,
        created_at=now,
        confirmed_at=now,
    )
    session.add(endpoint)
    await session.flush()
    return endpoint, value


async def register_channel(
    session: AsyncSession,
    department_code: str,
    described: Described,
    sealer: Sealer,
    guard: Guard,
    now: datetime,
    *,
    office_hours: bool = True,
    has_mail_server: bool,
) -> Endpoint:
    """Register a channel that reaches a department's people; nothing of what it needs is shown again.

    Args:
        office_hours: send in office hours alone, what waits together as one message.

    Raises:
        BadChannel, UrlRefused, AddressRefused, NoMailServer: it cannot work, as far as can be told.
        UnknownDepartment, AlreadyRegistered.
    """
    config = read_config(described, guard)
    if described.channel is Channel.EMAIL and not has_mail_server:
        raise NoMailServer
    await _require_department(session, department_code)
    if config in await _configs_of(session, department_code, described.channel, sealer):
        raise AlreadyRegistered
    endpoint_id = new_id()
    endpoint = Endpoint(
        id=endpoint_id,
        department_code=department_code,
        channel=described.channel,
        office_hours=office_hours,
        url=shown(config),
        secret=seal_config(sealer, endpoint_id, config),
        active=True,
        active_since=now + SETTLED_AFTER,
        confirmed_at=now,
        created_at=now,
    )
    session.add(endpoint)
    await session.flush()
    return endpoint


async def _require_department(session: AsyncSession, department_code: str) -> None:
    department = await session.get(Department, department_code)
    if department is None or not department.active:
        raise UnknownDepartment


async def _configs_of(session: AsyncSession, department_code: str, channel: Channel, sealer: Sealer) -> list[Config]:
    found = await session.execute(
        select(Endpoint.id, Endpoint.secret).where(
            Endpoint.department_code == department_code, Endpoint.channel == channel, Endpoint.active
        )
    )
    return [open_config(sealer, endpoint_id, channel, sealed) for endpoint_id, sealed in found]


@dataclass(frozen=True, slots=True)
class Address:
    """Where something may be sent to right now: the channel, what it needs (sealed), the department's name."""

    channel: Channel
    sealed: bytes
    department: str


async def find_address(session: AsyncSession, endpoint_id: str) -> Address:
    """How an address is reached, active or not; raises NotFound."""
    found = await session.execute(
        select(Endpoint.channel, Endpoint.secret, Department.name)
        .join(Department, Department.code == Endpoint.department_code)
        .where(Endpoint.id == endpoint_id)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return Address(*row)


def _check_secret(secret: str) -> None:
    try:
        signing.key_of(secret)
    except signing.BadSecret as error:
        raise BadEndpointSecret from error


async def lock_endpoint(session: AsyncSession, endpoint_id: str) -> Endpoint:
    """The address, locked for change; raises NotFound."""
    endpoint = await session.get(Endpoint, endpoint_id, with_for_update={"key_share": True})
    if endpoint is None:
        raise NotFound
    return endpoint


async def lock_webhook(session: AsyncSession, endpoint_id: str) -> Endpoint:
    """A department system's address, locked for change; raises NotFound, or NotAWebhook for a channel to people."""
    endpoint = await lock_endpoint(session, endpoint_id)
    if endpoint.channel is not Channel.WEBHOOK:
        raise NotAWebhook
    return endpoint


async def rotate_secret(
    session: AsyncSession, endpoint_id: str, sealer: Sealer, now: datetime, overlap: timedelta = OVERLAP
) -> str:
    """Give an address a new secret, shown once. The one before it is valid for `overlap` longer, then neither signs
    nor verifies; an overlap of zero revokes it at once. Older ones end now. Raises NotFound, BadOverlap, NotAWebhook.
    """
    value = signing.new_secret()
    await _replace(session, endpoint_id, sealer, now, value, overlap)
    return value


async def rotate_signing_key(
    session: AsyncSession, endpoint_id: str, sealer: Sealer, now: datetime, overlap: timedelta = OVERLAP
) -> str:
    """Sign with a new key pair as well (`v1a`); the answer is its public half. The pair before it, if any, signs for
    `overlap` longer, with zero no more from now on. Raises NotFound, BadOverlap, NotAWebhook.
    """
    value = new_signing_key()
    await _replace(session, endpoint_id, sealer, now, value, overlap)
    return public_key_of(value)


async def drop_signing_keys(session: AsyncSession, endpoint_id: str, sealer: Sealer, now: datetime) -> Endpoint:
    """Sign with the shared secret alone from now on. Raises NotFound, NotAWebhook."""
    endpoint = await lock_webhook(session, endpoint_id)
    kept = [s for s in open_secrets(sealer, endpoint_id, endpoint.secret, now) if s.is_shared]
    endpoint.secret = seal_secrets(sealer, endpoint_id, kept)
    return endpoint


async def _replace(
    session: AsyncSession, endpoint_id: str, sealer: Sealer, now: datetime, value: str, overlap: timedelta
) -> None:
    """Put a secret in the place of those of its kind; the newest of them is valid for `overlap` longer."""
    if not timedelta() <= overlap <= MOST_OVERLAP:
        raise BadOverlap
    endpoint = await lock_webhook(session, endpoint_id)
    new = Secret(value, since=now)
    known = open_secrets(sealer, endpoint_id, endpoint.secret, now)
    others = [s for s in known if s.is_shared is not new.is_shared]
    same = [s for s in known if s.is_shared is new.is_shared]
    before = [replace(s, until=now + overlap) for s in same[:1]] if overlap else []
    endpoint.secret = seal_secrets(sealer, endpoint_id, [new, *before, *others])


def public_keys_of(endpoint: Endpoint, sealer: Sealer, now: datetime) -> list[Secret]:
    """The public halves (`whpk_…`) of the pairs an address's events are signed with now, newest first.

    Empty where it has none. Raises SealBroken.
    """
    if endpoint.channel is not Channel.WEBHOOK:
        return []
    opened = open_secrets(sealer, endpoint.id, endpoint.secret, now)
    return [Secret(public_key_of(s.value), s.until) for s in opened if not s.is_shared]


async def deactivate(session: AsyncSession, endpoint_id: str, now: datetime) -> Endpoint:
    """Send nothing there any more; what is queued waits, visible as pending. Raises NotFound."""
    endpoint = await lock_endpoint(session, endpoint_id)
    endpoint.active = False
    await end_alerts(session, [endpoint_id], now)
    return endpoint


async def activate(session: AsyncSession, endpoint_id: str, now: datetime) -> Endpoint:
    """Send there again, first what has waited, with no rest before it. Raises NotFound."""
    endpoint = await lock_endpoint(session, endpoint_id)
    if not endpoint.active:
        endpoint.active, endpoint.active_since = True, now + SETTLED_AFTER
    endpoint.failures, endpoint.rests_until, endpoint.proven, endpoint.failing_since = 0, None, 0, None
    await end_alerts(session, [endpoint_id], now)
    return endpoint


async def secrets_of(session: AsyncSession, department_code: str, sealer: Sealer, now: datetime) -> list[str]:
    """The secrets a department may sign its callbacks with now: those of its active addresses; empty for none."""
    found = await session.execute(
        select(Endpoint.id, Endpoint.secret)
        .where(Endpoint.department_code == department_code, Endpoint.channel == Channel.WEBHOOK, Endpoint.active)
        .order_by(Endpoint.created_at, Endpoint.id)
    )
    opened = [s for endpoint_id, sealed in found for s in open_secrets(sealer, endpoint_id, sealed, now)]
    return [secret.value for secret in opened if secret.is_shared]


async def redeliver(session: AsyncSession, delivery_id: int, now: datetime) -> Delivery:
    """Queue a delivery again, with the same id and bytes, whatever became of it before.

    Later ones of the same case to the same address wait for it. After 14 days it gets this one attempt.

    Raises:
        NotFound, EndpointInactive, DigestOutdated, or BeingSent while a worker has it in hand.
    """
    delivery = await session.get(Delivery, delivery_id, with_for_update={"key_share": True})
    if delivery is None:
        raise NotFound
    endpoint = await session.get(Endpoint, delivery.endpoint_id)
    if endpoint is None or not endpoint.active:
        raise EndpointInactive
    if delivery.lease_until is not None and delivery.lease_until > now:
        raise BeingSent
    if delivery.expires_at is not None and delivery.expires_at <= now:
        raise DigestOutdated
    delivery.status = DeliveryStatus.PENDING
    delivery.due_at, delivery.finished_at = now, None
    delivery.lease_token, delivery.lease_until, delivery.crashes = None, None, 0
    return delivery
