"""撤回裁定: what was ruled a moment ago comes back to the triage desk, where it is open again."""

from fastapi import Response

from app.access.principal import Permission
from app.dashboard.answering import go, make_pages, words_for
from app.dashboard.cases import Number, act_on_case, version_of
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.session import Ruler
from app.dashboard.triage import PATH as TRIAGE
from app.flow.undoing import take_back_ruling

router = make_pages()


@router.post("/cases/{number}/ruling/taking-back")
async def take_back(number: Number, at: Ruler) -> Response:
    """Only whoever has just ruled, and only while nobody has acted on it."""

    async def act() -> Response:
        async with at.desk(Permission.RULE) as desk:
            await take_back_ruling(desk, number, expected_version=version_of(at.form))
        done = words_for(at).say(N_("已撤回对 %(number)s 的裁定，并已告知原承办单位。"), number=number)
        return go(at.request, f"{TRIAGE}?case={number}", Flash(done, "success"))

    return await act_on_case(at, number, act, form="ruling", typed=None)
