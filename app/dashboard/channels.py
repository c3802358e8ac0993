"""通知渠道: how departments without a system are told: registered, and tried with a test message."""

from typing import Annotated, Final

from fastapi import Path, Response

from app.access.principal import Permission
from app.dashboard import labels
from app.dashboard.answering import attempt, go, make_pages, words_for
from app.dashboard.deliveries import ENDPOINTS, endpoints_page
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import find_department
from app.dashboard.session import Operator
from app.deliver import endpoints
from app.deliver.channels import Described
from app.flow.channels import guard_of, mail_server_of, make_messenger, send_test_message
from app.models import Channel

router = make_pages()
FIELDS: Final = ("department", "channel", "url", "to", "method", "headers", "body", "expects", "office_hours")


@router.post("/endpoints/channels")
async def register_channel(at: Operator) -> Response:
    """Register a channel. What it needs is sealed: no page shows it again, not even where the form was refused."""
    # A signing secret is not put back into the form.
    typed = {name: at.form.get(name) for name in FIELDS}

    async def act() -> Response:
        department = find_department(typed["department"], at.city)
        channel = next((known for known in Channel if known == typed["channel"]), Channel.WEBHOOK)
        faults = [] if department else [N_("请从列表中选择部门。")]
        if channel is Channel.WEBHOOK:
            faults.append(N_("请选择通知渠道。"))
        headers = _read_headers(typed["headers"])
        if headers is None:
            faults.append(N_("请求头每行一个，写成“Name: value”。"))
        if faults or department is None:
            raise BadFields(faults)
        described = Described(
            channel=channel,
            url=typed["url"],
            to=typed["to"].replace(",", " ").replace("，", " ").split(),
            sign_secret=at.form.get("sign_secret"),
            method=typed["method"] or "POST",
            headers=headers or {},
            body=typed["body"],
            expects=typed["expects"],
        )
        settings = at.runtime.settings
        async with at.desk(Permission.MANAGE_ENDPOINTS) as desk:
            await endpoints.register_channel(
                desk.session,
                department,
                described,
                desk.sealer,
                guard_of(settings),
                desk.now,
                office_hours=bool(typed["office_hours"]),
                has_mail_server=mail_server_of(settings) is not None,
            )
        words = words_for(at)
        said = words.say(
            N_("已登记%(department)s的%(channel)s，请发一条测试消息。"),
            department=words.department(department),
            channel=words.label(labels.CHANNEL, channel),
        )
        return go(at.request, ENDPOINTS, Flash(said, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await endpoints_page(at, typed_channel=typed, messages=(message,), status=status)

    return await attempt(at, act, show_again)


def _read_headers(text: str) -> dict[str, str] | None:
    """Headers written one to a line; None where a line is none."""
    found = {}
    for line in filter(None, (line.strip() for line in text.split("\n"))):
        name, mark, value = line.partition(":")
        if not mark:
            return None
        found[name.strip()] = value.strip()
    return found


@router.post("/endpoints/{id}/test-message")
async def send_test(id: Annotated[str, Path(max_length=40)], at: Operator) -> Response:  # noqa: A002 - the address says id
    """Send one message now, and say what came of it, on the page where it was asked for."""
    back = f"{ENDPOINTS}/{id}" if at.form.get("from") == "endpoint" else ENDPOINTS

    async def act() -> Response:
        runtime, words = at.runtime, words_for(at)
        messenger = make_messenger(runtime.settings)
        try:
            outcome = await send_test_message(runtime.database, runtime.clock, runtime.sealer, messenger, id)
        finally:
            await messenger.aclose()
        if outcome.delivered:
            return go(at.request, back, Flash(words.say(N_("测试消息已送达，请在手机或邮箱里查看。")), "success"))
        fault = words.label(labels.FAULT, outcome.fault or "")
        why = " ".join(str(part) for part in (outcome.http_status, fault, outcome.answer) if part)
        said = words.say(N_("测试消息没有送达：%(why)s"), why=why)
        return go(at.request, back, Flash(said, "danger"))

    async def show_again(message: Flash, status: int) -> Response:
        return await endpoints_page(at, messages=(message,), status=status)

    return await attempt(at, act, show_again)
