"""A form that does something once, however often it is sent: its token is kept in the transaction of its effect.

Whoever sends it twice, by a double click or by going back, is led to the same place again; nothing is done anew.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from app.access.idempotency import Answer, AnsweredBefore, KeyReused, digest_of, find_answer, remember
from app.access.principal import Permission
from app.dashboard.language import N_, translator
from app.dashboard.session import Office
from app.flow.desk import Desk
from app.problems import AppError, InvalidInput

FIELD: Final = "once"
TOKEN_BYTES: Final = 18
LONGEST_TOKEN: Final = 64
SEE_OTHER: Final = 303


class SentBefore(InvalidInput):
    """The same form with other words in it, such as one that was gone back to."""

    code = "form_sent_before"

    def __init__(self) -> None:
        message = N_("这张表已经提交过一次。要另外提交现在填写的内容，请核对后再点一次提交。")
        super().__init__(message, translator("en")(message))


def new_token() -> str:
    """What a form carries in its field `once`."""
    return secrets.token_urlsafe(TOKEN_BYTES)


async def do_once(at: Office, permission: Permission, act: Callable[[Desk], Awaitable[str]]) -> str:
    """Do a verb in one transaction and answer what it answered: the address to go on to.

    The second time the address is that of the first, whatever the verb would say now. Raises what the verb raises,
    and SentBefore.
    """
    token = at.form.get(FIELD)[:LONGEST_TOKEN]
    holder, key = at.principal.holder, f"form:{token}"
    sent = {name: list(values) for name, values in at.form.values.items() if name not in {FIELD, "csrf_token"}}
    digest = digest_of("POST", at.request.url.path, json.dumps(sent, sort_keys=True).encode("utf-8", "surrogatepass"))
    try:
        async with at.desk(permission) as desk:
            address = await act(desk)
            if token:
                answer = Answer(SEE_OTHER, address)
                await remember(at.runtime.database, desk.session, holder, key, digest, answer, desk.now)
            return address
    except (AppError, AnsweredBefore):
        if not token:
            raise
        async with at.read() as session:
            try:
                stored = await find_answer(session, holder, key, digest)
            except KeyReused:
                raise SentBefore from None
        if stored is None:
            raise
        return stored.body
