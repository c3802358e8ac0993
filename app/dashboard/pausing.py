"""暂停计时 from the case page: the office lets a department's clock stand still, or go on."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from fastapi import Response

from app.access.principal import Permission
from app.dashboard.answering import attempt, go, make_pages, words_for
from app.dashboard.cases import Number, case_page, version_of
from app.dashboard.forms import BadFields, Form
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import read_text
from app.dashboard.session import Office, Reviewer
from app.flow.pausing import pause_duty, resume_duty
from app.models import Assignment, Blocker
from app.supervise.pause import PauseWish

router = make_pages()
LONGEST_NAME = 120


def read_wish(form: Form) -> PauseWish:
    """What the form says; raises BadFields with one sentence for each thing that is wrong."""
    faults: list[str] = []
    blocker = next((known for known in Blocker if known == form.get("blocker")), None)
    if blocker is None:
        faults.append(N_("请选择暂停的等待事由。"))
    who = read_text(form, "who", N_("请写明等待对象（2 至 120 字）。"), faults, LONGEST_NAME)
    why = read_text(form, "why", N_("请写明暂停理由（2 至 2000 字）。"), faults)
    until = None
    try:
        until = date.fromisoformat(form.get("until"))
    except ValueError:
        faults.append(N_("请选择暂停的最迟日期。"))
    if faults or blocker is None:
        raise BadFields(faults)
    return PauseWish(blocker, who, why, until)


@router.post("/cases/{number}/pause")
async def pause(number: Number, at: Reviewer) -> Response:
    """暂停计时: for a named blocker and until a date at the latest."""
    typed = {name: at.form.get(name) for name in ("assignment", "blocker", "who", "why", "until")}

    async def act() -> Response:
        version, wish = version_of(at.form), read_wish(at.form)
        async with at.desk(Permission.REVIEW) as desk:
            _, duty = await pause_duty(desk, typed["assignment"], wish, version)
        done = words_for(at).say(N_("已暂停 %(number)s 的计时，并已告知反映人："), number=number)
        return _done(at, number, done, duty)

    return await _attempt(at, number, act, {"pause": typed})


@router.post("/cases/{number}/resumption")
async def resume(number: Number, at: Reviewer) -> Response:
    """恢复计时: what was waited for has come."""

    async def act() -> Response:
        async with at.desk(Permission.REVIEW) as desk:
            _, duty = await resume_duty(desk, at.form.get("assignment"), version_of(at.form))
        done = words_for(at).say(N_("已恢复 %(number)s 的计时，并已告知反映人："), number=number)
        return _done(at, number, done, duty)

    return await _attempt(at, number, act, {})


def _done(at: Office, number: str, words: str, duty: Assignment) -> Response:
    message = Flash(words, "success", words_for(at).department(duty.department_code))
    return go(at.request, f"/dashboard/cases/{number}", message)


async def _attempt(at: Office, number: str, act: Callable[[], Awaitable[Response]], typed: dict[str, Any]) -> Response:
    async def show_again(message: Flash, status: int) -> Response:
        return await case_page(at, number, typed=typed, messages=(message,), status=status)

    return await attempt(at, act, show_again)
