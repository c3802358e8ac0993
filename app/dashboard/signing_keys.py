"""签名密钥: what signs for a system's address, changed on its page: with an overlap, at once, a key pair beside it.

A new secret is on the answer alone: nothing of it goes into an address, a cookie or the log. A form carries the mark of
the keys it was shown with, so that one sent twice, or by two people, changes them once.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from fastapi import Response

from app.access.principal import Permission
from app.dashboard.answering import attempt, make_pages, words_for
from app.dashboard.endpoints import Id, NewSecret, endpoint_page, operate
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.session import Office, Operator
from app.deliver import endpoints, keys
from app.flow.desk import Desk

router = make_pages()
MOST_HOURS: Final = endpoints.MOST_OVERLAP // timedelta(hours=1)


@router.post("/endpoints/{id}/secret")
async def rotate_secret(id: Id, at: Operator) -> Response:  # noqa: A002 - the address says id
    """更换: a new secret beside the old one, which is valid for some hours more."""
    return await _show_new_secret(at, id, _read_overlap)


@router.post("/endpoints/{id}/secret/revocation")
async def revoke_secret(id: Id, at: Operator) -> Response:  # noqa: A002 - the address says id
    """立即作废: a new secret, and none before it is valid any more."""
    return await _show_new_secret(at, id, _read_agreement)


async def _show_new_secret(at: Office, endpoint_id: str, read: Callable[[Office], timedelta]) -> Response:
    async def act() -> Response:
        async with at.desk(Permission.MANAGE_ENDPOINTS) as desk:
            await keys.lock_unchanged(desk.session, endpoint_id, at.form.get("mark"))
            overlap = read(at)
            secret = await endpoints.rotate_secret(desk.session, endpoint_id, desk.sealer, desk.now, overlap)
            made = NewSecret(secret, desk.now + overlap if overlap else None)
        return await endpoint_page(at, endpoint_id, made=made)

    async def show_again(message: Flash, status: int) -> Response:
        return await endpoint_page(at, endpoint_id, (message,), status, refused=True)

    return await attempt(at, act, show_again)


@router.post("/endpoints/{id}/signing-key")
async def rotate_signing_key(id: Id, at: Operator) -> Response:  # noqa: A002 - the address says id
    """启用或更换密钥对: sign with a new pair too; the one before it signs for some hours more."""
    return await _change_pair(at, id, _read_overlap)


@router.post("/endpoints/{id}/signing-key/revocation")
async def revoke_signing_key(id: Id, at: Operator) -> Response:  # noqa: A002 - the address says id
    """立即作废: sign with a new pair, and with none before it any more."""
    return await _change_pair(at, id, _read_agreement)


async def _change_pair(at: Office, endpoint_id: str, read: Callable[[Office], timedelta]) -> Response:
    async def act(desk: Desk) -> str:
        await keys.lock_unchanged(desk.session, endpoint_id, at.form.get("mark"))
        await endpoints.rotate_signing_key(desk.session, endpoint_id, desk.sealer, desk.now, read(at))
        return words_for(at).say(N_("已启用新的密钥对，请把下面的公钥交给部门系统。"))

    return await operate(at, endpoint_id, act)


@router.post("/endpoints/{id}/signing-key/removal")
async def drop_signing_keys(id: Id, at: Operator) -> Response:  # noqa: A002 - the address says id
    """停用密钥对: sign with the shared secret alone from now on."""

    async def act(desk: Desk) -> str:
        await keys.lock_unchanged(desk.session, id, at.form.get("mark"))
        _read_agreement(at)
        await endpoints.drop_signing_keys(desk.session, id, desk.sealer, desk.now)
        return words_for(at).say(N_("已停用密钥对，只用共享密钥签名。"))

    return await operate(at, id, act)


def _read_overlap(at: Office) -> timedelta:
    """How long the one before goes on; raises BadFields."""
    try:
        hours = at.form.number("overlap_hours", 1, MOST_HOURS)
    except ValueError:
        hours = None
    if hours is None:
        raise BadFields([N_("并用时间请填写 1 至 720 的整小时数；要让原密钥马上失效，请用“立即作废”。")])
    return timedelta(hours=hours)


def _read_agreement(at: Office) -> timedelta:
    """No overlap, where what follows from it was ticked; raises BadFields."""
    if at.form.get("agreed") != "yes":
        raise BadFields([N_("请先看清后果，再勾选确认。")])
    return timedelta()
