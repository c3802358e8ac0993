"""保护反映人 on the case page: what departments will read; break-glass for a contact, which one answer shows."""

from typing import Annotated

from fastapi import Path, Response

from app.access.principal import Permission
from app.dashboard.answering import go, make_pages, words_for
from app.dashboard.cases import act_on_case, case_page, version_of
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import read_text
from app.dashboard.session import ContactEraser, ContactReader, Office, Ruler
from app.flow import protection

router = make_pages()
Number = Annotated[str, Path(pattern=r"^[A-Z]{2}-\d{4}-\d{6,10}$")]


@router.post("/cases/{number}/disclosure")
async def change_disclosure(number: Number, at: Ruler) -> Response:
    """Mask more of a report, or show again what was masked, with a reason."""
    typed = {name: at.form.get(name) for name in ("report", "title", "text", "reason")}

    async def act() -> Response:
        faults: list[str] = []
        version = version_of(at.form)
        text = read_text(at.form, "text", N_("请填写部门将看到的文字（2 至 4000 字）。"), faults, 4000)
        if faults:
            raise BadFields(faults)
        async with at.desk(Permission.RULE) as desk:
            await protection.change_disclosure(
                desk,
                typed["report"],
                text=text,
                title=typed["title"] or None,
                reason=typed["reason"][:2000] or None,
                expected_version=version,
            )
        done = words_for(at).say(N_("已调整 %(number)s 给部门看的文字，此后发出的按此显示。"), number=typed["report"])
        return go(at.request, f"/dashboard/cases/{number}", Flash(done, "success"))

    return await act_on_case(at, number, act, form="disclosure", typed=typed)


@router.post("/cases/{number}/contact-view")
async def view_contact(number: Number, at: ContactReader) -> Response:
    """The page once more, with the contact on it; looking again is another event."""
    report = at.form.get("report")

    async def act() -> Response:
        reason = _read_reason(at)
        async with at.desk(Permission.VIEW_CONTACTS) as desk:
            found = await protection.view_contact(desk, report, reason)
        return await case_page(at, number, opened={report: found})

    return await act_on_case(at, number, act, form="contact", typed={"report": report})


@router.post("/cases/{number}/contact-erasure")
async def erase_contact(number: Number, at: ContactEraser) -> Response:
    """Erase it for good, with the reason."""
    report = at.form.get("report")

    async def act() -> Response:
        reason = _read_reason(at)
        async with at.desk(Permission.ERASE_CONTACTS) as desk:
            await protection.erase_contact(desk, report, reason)
        done = words_for(at).say(N_("已删除 %(number)s 的联系方式。"), number=report)
        return go(at.request, f"/dashboard/cases/{number}", Flash(done, "success"))

    return await act_on_case(at, number, act, form="contact", typed={"report": report})


def _read_reason(at: Office) -> str:
    """Raises BadFields without one."""
    faults: list[str] = []
    reason = read_text(at.form, "reason", N_("请写明理由（2 至 2000 字）。"), faults, 2000)
    if faults:
        raise BadFields(faults)
    return reason
