"""The case page and what the office does there; consultations; deliveries; home; badges."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from app import dashboard, models
from app.classify import Category
from app.classify.decision import UnclearReason
from app.clock import FixedClock
from app.dashboard import labels
from app.dashboard.event_words import EVENT
from app.dashboard.menu import ROLE_LABELS
from app.feedback.returning import ReturnReason
from app.models import Role
from tests.city import CityUnderTest
from tests.dashboard.office import HTMX, at_work, report, shown
from tests.dashboard.test_triage import NOBODY, PLAIN

STORY = (
    "芙蓉区 韶馨社区",
    "每月多花 12 小时",
    "登记立项 观测点",
    "交办 系统",
    "签收 芙蓉区民政局",
    "反馈办理情况",
    "整改措施 每周报送已取消。",
    "可公开的答复 不再要求每周报送。",
    "未作裁定，按系统判断办理。",
    "待审核",
)
CONTACT = "王会计 13800138000"
SEVERAL = "区民政局、区卫健局和区农业农村局各发一张表，都要每周报一次独居老人情况，互相说归对方管。"
EVENT_NAME = re.compile(r'"((?:case|report|assignment|escalation|consultation|opinion|verification|feedback|office|'
                        r'second_opinion)\.[a-z_]+)"')  # fmt: skip
# What comes in by webhook has names of its own, and is recorded under others.
INCOMING = {"assignment.acceptance", "assignment.feedback", "assignment.return", "assignment.progress",
            "assignment.forwarding", "assignment.upstream_reply", "consultation.opinion", "assignment.extension",
            "escalation.forwarding", "escalation.upstream_reply", "consultation.response",
            "assignment.supervision_reply"}  # fmt: skip


async def answered_case(city: CityUnderTest) -> str:
    """A case whose department has signed for it and fed back."""
    reporter = await city.reporter("FR-01")
    told = (await reporter.post("/v1/reports", json={"text": PLAIN, "contact": CONTACT, "hours_per_month": 12})).json()
    number: str = told["case"]
    duty = (await (await city.office()).get(f"/v1/cases/{number}")).json()["assignments"][0]
    department = await city.department(duty["department"])
    await department.post(f"/v1/assignments/{duty['id']}/acceptance", json={})
    feedback = {"measures": "每周报送已取消。", "public_reply": "不再要求每周报送。", "document_changed": "〔2026〕3号"}
    answer = await department.post(f"/v1/assignments/{duty['id']}/feedback", json=feedback)
    assert answer.status_code == 200, answer.text
    return number


async def test_the_case_page_tells_the_whole_story_and_never_the_contact(city: CityUnderTest) -> None:
    number = await answered_case(city)
    page = await (await at_work(city)).get(f"/dashboard/cases/{number}")
    said = shown(page)
    for words in STORY:
        assert words in said, words
    assert "王会计" not in page.text
    assert "13800138000" not in page.text
    assert re.search(r'<mark class="evidence[^"]*" title="[^"]*">区民政局</mark>', page.text)
    assert re.findall(r'class="step step-(\w+)"', page.text) == [
        "done",
        "done",
        "skipped",
        "done",
        "current",
        "ahead",
        "ahead",
    ]


async def test_feedback_is_sent_back_then_accepted_and_the_case_closed_and_reopened(city: CityUnderTest) -> None:
    number = await answered_case(city)
    browser = await at_work(city)
    url = f"/dashboard/cases/{number}"
    await browser.get(url)
    silent = await browser.send(f"{url}/review", {"verdict": "return", "comment": ""})
    assert silent.status_code == 422
    assert "退回重办须写明意见" in shown(silent)
    await browser.send(f"{url}/review", {"verdict": "return", "comment": "请附废止文件。"})
    assert f"已将 {number} 退回重办： 芙蓉区民政局" in shown(await browser.follow())
    duty = (await (await city.office()).get(f"/v1/cases/{number}")).json()["assignments"][0]
    again = {"measures": "附上废止文件。", "public_reply": "不再要求。", "document_changed": "已废止"}
    await (await city.department("FR-MZ")).post(f"/v1/assignments/{duty['id']}/feedback", json=again)
    await browser.get(url)
    remark = "通过，请抄送各街道一并执行。"
    await browser.send(f"{url}/review", {"verdict": "accept", "comment": remark})
    said = shown(await browser.follow())
    assert f"已审核通过 {number} 的反馈： 芙蓉区民政局" in said
    assert f"审核意见 {remark}" in said
    feed = (await (await city.department("FR-MZ")).get("/v1/events")).json()["events"]
    assert (feed[-1]["type"], feed[-1]["data"]["comment"]) == ("feedback.approved", remark)
    assert said.index("每周报送已取消。") < said.rindex("附上废止文件。")
    await browser.send(f"{url}/closing", {"outcome": "relieved", "statement": "已核实减负。"})
    assert "已销号" in shown(await browser.follow())
    assert "办结答复" in shown(browser.page)
    await browser.send(f"{url}/reopening", {"reason": "又要报了"})
    assert f"{number} 已重新挂账" in shown(await browser.follow())
    assert "待分办" in shown(browser.page)


async def asking_case(city: CityUnderTest) -> str:
    """A case whose department has asked for more time."""
    number: str = (await report(city, PLAIN))["case"]
    duty = (await (await city.office()).get(f"/v1/cases/{number}")).json()["assignments"][0]
    wish = {"reason": "须报市局同意后废止。", "until": "2026-04-10"}
    department = await city.department(duty["department"])
    assert (await department.post(f"/v1/assignments/{duty['id']}/extension", json=wish)).status_code == 200
    return number


async def test_more_time_is_granted_on_the_case_page_and_the_reply_shown(city: CityUnderTest) -> None:
    number = await asking_case(city)
    browser = await at_work(city)
    url = f"/dashboard/cases/{number}"
    asked = shown(await browser.get(url))
    wished = ("申请延期，待审批", "希望延至 2026年4月10日", "延期理由 须报市局同意后废止。", "答复期限 2026年3月23日")
    for words in wished:
        assert words in asked, words
    await browser.send(f"{url}/review", {"verdict": "grant", "comment": "同意，请抓紧。"})
    said = shown(await browser.follow())
    assert f"已同意 {number} 延期，并已告知反映人： 芙蓉区民政局" in said
    for words in ("已同意延期", "阶段性答复", "答复期限 2026年4月10日", "是否同意延期 是"):
        assert words in said, words
    assert 'value="grant"' not in browser.page.text


async def test_more_time_is_refused_on_the_case_page_and_the_deadline_stays(city: CityUnderTest) -> None:
    number = await asking_case(city)
    browser = await at_work(city, Role.LEADER)
    url = f"/dashboard/cases/{number}"
    await browser.get(url)
    await browser.send(f"{url}/review", {"verdict": "refuse"})
    said = shown(await browser.follow())
    assert f"未同意 {number} 延期，原期限不变： 芙蓉区民政局" in said
    assert "答复期限 2026年3月23日" in said
    assert "阶段性答复" not in said


async def test_who_only_reads_is_shown_the_request_and_no_buttons(city: CityUnderTest) -> None:
    number = await asking_case(city)
    page = await (await at_work(city, Role.AUDITOR)).get(f"/dashboard/cases/{number}")
    assert "申请延期，待审批" in shown(page)
    assert 'value="grant"' not in page.text


async def test_a_case_is_reassigned_from_its_page_and_overruling_is_noted(city: CityUnderTest) -> None:
    number = (await report(city, PLAIN))["case"]
    browser = await at_work(city, Role.LEADER)
    url = f"/dashboard/cases/{number}"
    await browser.get(url)
    fields = {"category": "municipal_district", "receiver": "cssmzj", "reason": "实际是市局要的"}
    assert (await browser.send(f"{url}/ruling", fields)).headers["location"] == url
    said = shown(await browser.follow())
    assert "改变系统判断" in said
    assert "实际是市局要的" in said
    assert "裁定人 周敏" in said
    assert "已收回" in said
    stale = await browser.send(f"{url}/ruling", {**fields, "version": "1"})
    assert stale.status_code == 409
    assert 'value="cssmzj"' in stale.text
    told = shown(stale)
    assert re.search(r"请重新读取后再提交。 周敏 09:30 \w+", told), told[:600]


async def test_a_consultation_is_convened_from_a_case_and_concluded_row_by_row(city: CityUnderTest) -> None:
    number = (await report(city, NOBODY))["case"]
    browser = await at_work(city)
    url = f"/dashboard/cases/{number}"
    await browser.get(url)
    bad = {"receiver": ["FR-MZ", "不存在的局"], "meeting_at": "明天", "place": "301会议室"}
    refused = await browser.send(f"{url}/consultation", bad)
    assert refused.status_code == 422
    assert "会议时间格式不正确" in shown(refused)
    assert "301会议室" in refused.text
    assert (await browser.send(f"{url}/consultation", {"receiver": "FR-MZ"})).status_code == 422
    await browser.get(url)
    good = {"receiver": ["FR-MZ", "FR-WJ 芙蓉区卫生健康局"], "meeting_at": "2026-03-04T09:30", "place": "301会议室"}
    answer = await browser.send(f"{url}/consultation", good)
    assert answer.status_code == 303, shown(answer)
    session = answer.headers["location"]
    said = shown(await browser.follow())
    assert "2026年3月4日 09:30" in said
    opinion = {"position": "lead", "basis": "三定规定第三条"}
    assert (await (await city.department("FR-MZ")).post(
        f"/v1/consultations/{session.rpartition('/')[2]}/opinions", json=opinion)).status_code == 200  # fmt: skip
    page = await browser.get(session)
    assert re.search(r'name="lead:[^"]*" value="FR-MZ"[^>]* checked', page.text)
    assert "三定规定第三条" in page.text
    none = await browser.send(f"{session}/conclusion", {"minutes": "已议定。"})
    assert none.status_code == 422
    assert "请为每个议题选定一个牵头单位" in shown(none)
    assert "已议定。" in none.text
    parts = {
        f"lead:{number}": "FR-MZ",
        f"supporting:{number}": "FR-WJ",
        f"days:{number}:FR-MZ": "5",
        f"obligation:{number}:FR-MZ": "合并为一张表",
        f"added:{number}": "CS-MZ",
        "minutes": "已议定。",
    }
    assert (await browser.send(f"{session}/conclusion", parts)).status_code == 303
    said = shown(await browser.follow())
    assert "已形成结论" in said
    assert "牵头单位 芙蓉区民政局" in said
    case = (await (await city.office()).get(f"/v1/cases/{number}")).json()
    roles = {a["department"]: (a["role"], a["due_at"][:10]) for a in case["assignments"]}
    assert roles["FR-MZ"] == ("lead", "2026-03-09")
    assert {code for code, (role, _) in roles.items() if role == "supporting"} == {"FR-WJ", "CS-MZ"}
    assert "邀请会商" in shown(await browser.get(url))
    assert session.rpartition("/")[2] in shown(await browser.get("/dashboard/consultations?status=concluded"))


async def test_an_address_is_registered_once_with_its_secret_and_a_delivery_sent_again(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.ADMINISTRATOR)
    await browser.get("/dashboard/endpoints")
    wrong = await browser.send("/dashboard/endpoints", {"department": "没有", "url": ""})
    assert wrong.status_code == 422
    local = await browser.send("/dashboard/endpoints", {"department": "FR-MZ", "url": "http://[::1/"})
    assert local.status_code == 422
    assert "http://[::1/" in local.text
    made = await browser.send("/dashboard/endpoints", {"department": "芙蓉区民政局", "url": "http://127.0.0.1:9/in"})
    assert made.status_code == 201
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", made.text)
    assert secret is not None
    page = await browser.get("/dashboard/endpoints")
    assert secret.group() not in page.text
    assert "http://127.0.0.1:9/in" in page.text
    number = (await report(city, PLAIN))["case"]
    page = await browser.get(f"/dashboard/deliveries?case={number}")
    assert "待送达" in shown(page)
    delivery = re.findall(r'href="(/dashboard/deliveries/\d+)"', page.text)[0]
    assert delivery in (await browser.get(f"/dashboard/cases/{number}")).text
    assert "还没有投递过" in shown(await browser.get(delivery))
    await browser.send(f"{delivery}/redelivery")
    assert "已排队重发" in shown(await browser.follow())
    assert "没有符合条件的记录" in shown(await browser.get("/dashboard/deliveries?status=failed"))


async def test_only_an_administrator_registers_addresses_and_sends_again(city: CityUnderTest) -> None:
    browser = await at_work(city)
    page = await browser.get("/dashboard/endpoints")
    assert 'action="/dashboard/endpoints"' not in page.text
    token = browser.hidden("/dashboard/sign-out")
    fields = {**token, "department": "FR-MZ", "url": "http://127.0.0.1:9/in"}
    assert (await browser.post("/dashboard/endpoints", fields)).status_code == 403
    assert (await browser.post("/dashboard/deliveries/1/redelivery", token)).status_code == 403


async def test_home_shows_what_is_overdue_first_and_the_menu_asks_only_for_news(
    city: CityUnderTest, clock: FixedClock
) -> None:
    browser = await at_work(city)
    assert "没有待办事项" in shown(await browser.get("/dashboard/"))
    badges = re.search(r'hx-get="(/dashboard/badges[^"]*)"', browser.page.text)
    assert badges is not None
    url = badges.group(1).replace("&amp;", "&")
    assert (await browser.get(url, **HTMX)).status_code == 204
    late = (await report(city, NOBODY))["case"]
    clock.advance(days=2)
    await browser.sign_in("clerk")
    fresh = (await report(city, "群里又来个通知要照片，不晓得是哪个单位要的", "FR-03"))["case"]
    answered = await answered_case(city)
    news = await browser.get(url, **HTMX)
    assert news.status_code == 200
    assert 'aria-current="page">待办' in news.text
    assert "<html" not in news.text
    said = shown(await browser.get("/dashboard/"))
    assert said.index("今日到期") < said.index(late) < said.index(fresh) < said.index(answered)
    clock.advance(days=1)
    await browser.sign_in("clerk")
    said = shown(await browser.get("/dashboard/"))
    assert said.index("已逾期") < said.index(late)
    assert "今日到期" not in said


@pytest.mark.parametrize(
    ("states", "table"),
    [
        (models.CaseStatus, labels.CASE_STATUS),
        (models.CaseOutcome, labels.OUTCOME),
        (models.Party, labels.PARTY),
        (models.AssignmentKind, labels.DUTY_KIND),
        (models.AssignmentRole, labels.DUTY_ROLE),
        (models.AssignmentStatus, labels.DUTY_STATUS),
        (models.DeadlineKind, labels.DEADLINE_KIND),
        (models.VerificationStatus, labels.VERIFICATION),
        (models.Position, labels.POSITION),
        (models.ConsultationStatus, labels.CONSULTATION_STATUS),
        (models.ConsultationStatus, labels.CONSULTATION_TONES),
        (models.InvitationAnswer, labels.INVITATION_ANSWER),
        (models.AgendaOutcome, labels.AGENDA_OUTCOME),
        (models.Attendance, labels.ATTENDANCE),
        (models.Manner, labels.MANNER),
        (models.DeliveryStatus, labels.DELIVERY_STATUS),
        (models.ReplyKind, labels.REPLY_KIND),
        (models.Role, ROLE_LABELS),
        (Category, labels.CATEGORY),
        (UnclearReason, labels.UNCLEAR_REASON),
        (ReturnReason, labels.RETURN_REASON),
        (models.ExtensionState, labels.EXTENSION),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_state_has_a_name_on_the_pages(states: type[StrEnum], table: dict[str, str]) -> None:
    assert {state.value for state in states} <= {str(key) for key in table}


def test_every_event_that_the_stream_records_has_a_name_on_the_timeline() -> None:
    root = Path(dashboard.__file__).parents[1]
    sources = [path for path in root.rglob("*.py") if "dashboard" not in path.parts and "api" not in path.parts]
    recorded = {name for path in sources for name in EVENT_NAME.findall(path.read_text(encoding="utf-8"))}
    assert recorded - INCOMING <= EVENT.keys()
