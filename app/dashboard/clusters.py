"""并案 and 拆分 on the case page: merging with another case, splitting reports off."""

from typing import Any

from fastapi import Response

from app.access.principal import Permission
from app.dashboard.answering import go, make_pages, words_for
from app.dashboard.cases import Number, act_on_case, version_of
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import read_text
from app.dashboard.session import Ruler
from app.flow import clustering

router = make_pages()
NO_REASON = N_("请写明理由（2 至 2000 字）。")


@router.post("/cases/{number}/merging")
async def merge(number: Number, at: Ruler) -> Response:
    """并案: another case is merged into this one, or this one into it."""
    typed = {name: at.form.get(name).strip() for name in ("other", "direction", "reason")}

    async def act() -> Response:
        faults: list[str] = []
        version = version_of(at.form) or 0
        reason = read_text(at.form, "reason", NO_REASON, faults)
        if not typed["other"]:
            faults.append(N_("请填写要并案的事项编号。"))
        if faults:
            raise BadFields(faults)
        into = typed["direction"] == "into"
        survivor, other = (typed["other"], number) if into else (number, typed["other"])
        async with at.desk(Permission.RULE) as desk:
            await clustering.merge(desk, survivor, [other], reason=reason, seen={number: version})
        done = words_for(at).say(
            N_("已将 %(other)s 并入 %(survivor)s，并已告知反映人。"), other=other, survivor=survivor
        )
        return go(at.request, f"/dashboard/cases/{survivor}", Flash(done, "success"))

    return await act_on_case(at, number, act, form="merging", typed=typed)


@router.post("/cases/{number}/splitting")
async def split(number: Number, at: Ruler) -> Response:
    """拆分: the reports that were ticked go back to their own cases, or get one."""
    typed: dict[str, Any] = {"reports": at.form.all("report"), "reason": at.form.get("reason")}

    async def act() -> Response:
        faults: list[str] = []
        version = version_of(at.form)
        reason = read_text(at.form, "reason", NO_REASON, faults)
        if not typed["reports"]:
            faults.append(N_("请选择要拆分的线索。"))
        if faults:
            raise BadFields(faults)
        async with at.desk(Permission.RULE) as desk:
            result = await clustering.split(desk, number, typed["reports"], reason=reason, expected_version=version)
        cases = "、".join(made.case.number for made, _ in result.made)
        done = words_for(at).say(N_("已拆分，线索现在的事项：%(cases)s。"), cases=cases)
        return go(at.request, f"/dashboard/cases/{number}", Flash(done, "success"))

    return await act_on_case(at, number, act, form="splitting", typed=typed)
