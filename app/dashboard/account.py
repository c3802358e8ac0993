"""我的账号: one's own password and sessions; nobody needs a permission for that beyond the pages."""

from typing import Final

from fastapi import Response

from app.access import staff
from app.access.attempts import clear
from app.access.people import MINIMUM_PASSWORD_LENGTH
from app.access.principal import Permission
from app.dashboard.answering import attempt, go, make_pages, page
from app.dashboard.forms import BadFields
from app.dashboard.language import N_, language_of, translator
from app.dashboard.rendering import Flash
from app.dashboard.session import HOME, OWN_ACCOUNT, Anybody, Office
from app.models import User

router = make_pages()
LONGEST_PASSWORD: Final = 1024


@router.get("/account")
async def show_account(at: Anybody) -> Response:
    """Who one is here, the form for another password, where one is signed in."""
    return await _account_page(at)


async def _account_page(at: Office, messages: tuple[Flash, ...] = (), status: int = 200) -> Response:
    async with at.read() as session:
        person = await staff.get_person(session, at.user_id, at.now)
        sessions = await staff.list_sessions(session, at.user_id, at.now)
    facts = {
        "person": person,
        "sessions": sessions,
        "here": at.signed_in.token_hash,
        "must_change": at.signed_in.must_change,
        "shortest": MINIMUM_PASSWORD_LENGTH,
    }
    return await page(at, "account.html", "", facts, messages=messages, status=status)


@router.post("/account/password")
async def change_password(at: Anybody) -> Response:
    """修改密码: with the present one; other sessions end."""

    async def act() -> Response:
        present, new = _read_passwords(at)
        async with at.read() as session:
            person = await staff.get_person(session, at.user_id, at.now)
        password_hash = await _check_change(at, person.user, present, new)
        async with at.desk(Permission.USE_OWN_ACCOUNT) as desk:
            user = await staff.lock_user(desk.session, at.user_id, staff.mark_of(person.user))
            await staff.change_password(
                desk.session,
                user,
                password_hash,
                by=desk.principal.holder,
                now=desk.now,
                but=at.signed_in.token_hash,
            )
        done = translator(language_of(at.request))(N_("密码已修改，您在其他地方的登录已全部结束。"))
        if not at.signed_in.must_change:
            return go(at.request, OWN_ACCOUNT, Flash(done, "success"))
        answer = go(at.request, HOME, Flash(done, "success"))
        if "HX-Location" in answer.headers:
            # The menu was not there before: htmx has to load the whole page.
            del answer.headers["HX-Location"]
            answer.headers["HX-Redirect"] = HOME
        return answer

    async def show_again(message: Flash, status: int) -> Response:
        return await _account_page(at, (message,), status)

    return await attempt(at, act, show_again)


async def _check_change(at: Office, user: User, present: str, new: str) -> str:
    """The new hash. Whoever sits at somebody's open page guesses the present one no faster than at the sign-in."""
    tried = await at.runtime.sign_ins.admit(f"present of {user.id}", "", at.signed_in.token_hash)
    wrong = False
    try:
        return await staff.check_change(user, present, new)
    except staff.WrongPassword:
        wrong = True
        raise
    finally:
        if not wrong:
            async with at.runtime.database.write() as session:
                await clear(session, tried)


def _read_passwords(at: Office) -> tuple[str, str]:
    """The present and the new one as typed, blanks and all. Raises BadFields where the new ones differ."""
    present, new, again = (at.form.values.get(name, [""])[0] for name in ("present", "new", "again"))
    if new != again:
        raise BadFields([N_("两次输入的新密码不一致。")])
    if max(len(present), len(new)) > LONGEST_PASSWORD:
        raise BadFields([N_("密码不能超过 1024 个字符。")])
    return present, new


@router.post("/account/sessions-end")
async def end_other_sessions(at: Anybody) -> Response:
    """结束其他登录: all but this one."""
    async with at.desk(Permission.USE_OWN_ACCOUNT) as desk:
        user = await staff.lock_user(desk.session, at.user_id)
        await staff.end_sessions(
            desk.session, user, by=desk.principal.holder, now=desk.now, but=at.signed_in.token_hash
        )
    done = translator(language_of(at.request))(N_("您在其他地方的登录已全部结束。"))
    return go(at.request, OWN_ACCOUNT, Flash(done, "success"))
