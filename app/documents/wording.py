"""What the documents on a case say: 交办单, 转办单, 督办单. Pure.

A document is read by the department, so of the reports it has the masked words only, and no date of theirs. What people
of the office typed is cleared of the names of points and townships.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from app.directory.pack import Issuer
from app.documents.occasions import Occasion
from app.documents.sheet import Annex, Block, Sheet, heading, paragraphs, subheading
from app.masking import MASK
from app.models import Assignment, AssignmentRole, Deadline, DeadlineKind, Decided, DocumentKind

# 文种: the letter that closes 机关代字, and what the document is called.
LETTER: Final[Mapping[DocumentKind, str]] = {
    DocumentKind.ASSIGNMENT: "交",
    DocumentKind.ESCALATION: "转",
    DocumentKind.SUPERVISION: "督",
    DocumentKind.INVITATION: "会",
    DocumentKind.MINUTES: "纪",
}
WEEKDAYS: Final = "一二三四五六日"
LEVELS: Final = {1: "一级", 2: "二级", 3: "三级"}
DECISIONS: Final[Mapping[Decided, str]] = {
    Decided.MEETING: "约谈部门负责人",
    Decided.EXTENSION: "再延期一次",
    Decided.RULING: "重新裁定",
    Decided.CLOSING: "予以办结",
    Decided.OTHER: "继续督促办理",
}
LATE: Final[Mapping[DeadlineKind, str]] = {
    DeadlineKind.FEEDBACK: "反馈办理情况",
    DeadlineKind.FORWARDING: "上报省级部门",
}
FULL_WIDTH: Final = {",": "，", ";": "；", ":": "：", "?": "？", "!": "！"}
HALF_WIDTH: Final = re.compile(r"(?<=[\u4e00-\u9fff〔〕（）“”])[,;:?!]")
# What stands in the body; longer, or of several reports, it is an annex.
MOST_IN_BODY: Final = 400
HIDDEN_WORDS: Final = "反映人个人信息已隐去"
KEEP_FROM: Final = "不得查问、追究反映人，不得将本事项转派村（社区）办理。"
PROVISIONAL: Final = "（暂按周末推算，国务院办公厅放假安排公布后以重算的期限为准）"

Text = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Letter:
    """What every document has: who issues it, under which number, on which day; and how names and times are said.

    `terms` are the names that would tell a point; `copies` and `remarks` are what the issuer added.
    """

    issuer: Issuer
    number: str
    day: date
    zone: ZoneInfo
    names: Mapping[str, str]
    terms: Sequence[str] = ()
    copies: str = ""
    remarks: str = ""

    def name(self, code: str) -> str:
        return self.names.get(code, code)

    def list_names(self, codes: Sequence[str]) -> str:
        return "、".join(self.name(code) for code in codes)

    def clear(self, text: str) -> str:
        """A typed text without the names that would tell a point, which come longest first; Chinese punctuation."""
        for term in self.terms:
            text = text.replace(term, MASK)
        return HALF_WIDTH.sub(lambda found: FULL_WIDTH[found.group()], text)

    def say_day(self, moment: datetime) -> str:
        return say_date(moment.astimezone(self.zone).date())

    def say_moment(self, moment: datetime) -> str:
        local = moment.astimezone(self.zone)
        return f"{say_date(local.date())}（星期{WEEKDAYS[local.weekday()]}）{local.hour}:{local:%M}"

    def added(self) -> list[Block]:
        return paragraphs(self.clear(self.remarks))


@dataclass(frozen=True, slots=True)
class Matter:
    """A case as a document tells of it; `texts` are its masked reports."""

    number: str
    burdens: Sequence[str]
    urgent: bool
    texts: Sequence[Text]


def say_date(day: date) -> str:
    """2026年3月4日."""
    return f"{day.year}年{day.month}月{day.day}日"


def number_of(issuer: Issuer, kind: DocumentKind, year: int, serial: int | str) -> str:
    """发文字号: 长减负交〔2026〕12号."""
    return f"{issuer.letters}{LETTER[kind]}〔{year}〕{serial}号"


def word_case(letter: Letter, occasion: Occasion, matter: Matter, clocks: Sequence[Deadline], order: str) -> Sheet:
    """The document of an occasion on a case; `order` is the number of the order that the duty was issued with, if it
    was."""
    write = {DocumentKind.SUPERVISION: _chase, DocumentKind.ESCALATION: _forward}.get(occasion.kind, _order)
    what, body, annexes = write(letter, occasion, matter, clocks, order)
    duty = _duty_of(occasion)
    return Sheet(
        kind=occasion.kind,
        mark=letter.issuer.name,
        number=letter.number,
        title=what,
        addressee=letter.name(duty.department_code),
        blocks=body,
        signer=letter.issuer.name,
        dated=letter.day.isoformat(),
        urgency="加急" if matter.urgent else "",
        copies=letter.clear(letter.copies),
        annexes=annexes,
    )


def problem_of(matter: Matter) -> tuple[list[Block], list[Annex]]:
    """What is reported: in the body where it is short, else as an annex."""
    texts = [(text["title"], text["text"] or "") for text in matter.texts]
    if len(texts) == 1 and len(texts[0][1]) <= MOST_IN_BODY:
        return _told(*texts[0]), []
    blocks: list[Block] = []
    for index, (title, said) in enumerate(texts, 1):
        if len(texts) > 1:
            blocks.append(subheading(f"反映{index}"))
        blocks += _told(title, said)
    return paragraphs(f"具体情况见附件（{HIDDEN_WORDS}）。"), [Annex(f"{matter.number}号事项反映情况", blocks)]


def _told(title: str | None, said: str) -> list[Block]:
    return paragraphs(f"{title}\n{said}" if title else said)


Written = tuple[str, list[Block], list[Annex]]


def _duty_of(occasion: Occasion) -> Assignment:
    if occasion.duty is None:
        raise ValueError("an occasion on a case is about a duty")
    return occasion.duty


def _order(letter: Letter, occasion: Occasion, matter: Matter, clocks: Sequence[Deadline], _: str) -> Written:
    duty = _duty_of(occasion)
    part = "牵头办理" if duty.role is AssignmentRole.LEAD else "协助办理"
    told, annexes = problem_of(matter)
    opening = f"基层减负观测点反映的{matter.number}号事项（{_burdens(matter)}），经研究，交由你单位{part}。"
    return (
        f"关于{matter.number}号事项的交办单",
        [
            *paragraphs(f"{opening}有关事项通知如下。"),
            heading("一、反映的问题"),
            *told,
            heading("二、办理要求"),
            *paragraphs(letter.clear(duty.obligation)),
            heading("三、办理时限"),
            *paragraphs(_by_when(letter, occasion, clocks, "反馈办理情况")),
            heading("四、其他要求"),
            *paragraphs(f"认为不属于本单位职责的，请在签收期限内写明依据退回，不得自行转送其他单位。{KEEP_FROM}"),
            *letter.added(),
        ],
        annexes,
    )


def _forward(letter: Letter, occasion: Occasion, matter: Matter, clocks: Sequence[Deadline], _: str) -> Written:
    duty = _duty_of(occasion)
    above = letter.list_names(duty.on_behalf_of)
    told, annexes = problem_of(matter)
    opening = f"基层减负观测点反映的{matter.number}号事项（{_burdens(matter)}），涉及{above}的工作要求。"
    return (
        f"关于{matter.number}号事项的转办单",
        [
            *paragraphs(f"{opening}按照省直部门的问题由对口市直部门上报处理的规定，现转你单位上报。有关事项通知如下。"),
            heading("一、反映的问题"),
            *told,
            heading("二、上报要求"),
            *paragraphs(f"请向{above}上报。{letter.clear(duty.obligation)}"),
            heading("三、办理时限"),
            *paragraphs(_by_when(letter, occasion, clocks, "完成上报并报告上报文号")),
            *paragraphs("省级部门答复后，请及时带回并反馈；答复前本事项保持挂账。"),
            heading("四、其他要求"),
            *paragraphs(f"认为不属于本单位对口上报的，请在签收期限内写明依据退回。{KEEP_FROM}"),
            *letter.added(),
        ],
        annexes,
    )


def _chase(letter: Letter, occasion: Occasion, matter: Matter, _: Sequence[Deadline], order: str) -> Written:
    duty, clock = _duty_of(occasion), occasion.clock
    if clock is None:
        raise ValueError("supervision is of a clock")
    told, annexes = problem_of(matter)
    given = f"（{order}）" if order else ""
    late = LATE.get(clock.kind, "办理")
    opening = (
        f"{matter.number}号事项（{_burdens(matter)}）于{letter.say_day(duty.dispatched_at)}交由你单位办理{given}，"
        f"应于{letter.say_day(clock.due_at)}（含）前{late}，逾期至今未办。"
    )
    if occasion.instruction is not None:
        made = occasion.instruction
        because = f"经负责人批示（{letter.say_day(made.decided_at)}，{DECISIONS[made.decision]}），现予督办。"
    else:
        because = f"现列为{LEVELS.get(clock.level, '')}督办。"
    return (
        f"关于{matter.number}号事项的督办单",
        [
            *paragraphs(opening + because),
            heading("一、督办事项"),
            *told,
            heading("二、办理要求"),
            *paragraphs(letter.clear(duty.obligation)),
            heading("三、督办要求"),
            *paragraphs(f"请抓紧{late}，并书面说明逾期原因，写明完成日期。承诺的日期到期仍未兑现的，提高督办级别。"),
            *letter.added(),
            *paragraphs(KEEP_FROM),
        ],
        annexes,
    )


def _burdens(matter: Matter) -> str:
    return "、".join(matter.burdens) or "基层负担"


def _by_when(letter: Letter, occasion: Occasion, clocks: Sequence[Deadline], what: str) -> str:
    """By when to sign for it, while that is still to be done, and to answer."""
    duty = _duty_of(occasion)
    own = [clock for clock in clocks if clock.assignment_id == duty.id and clock.ended_at is None]
    sign = next((clock for clock in own if clock.kind is DeadlineKind.ACCEPTANCE), None)
    signing = f"于{letter.say_day(sign.due_at)}（含）前签收，" if sign else ""
    provisional = PROVISIONAL if duty.due_provisional else ""
    return f"请{signing}于{letter.say_day(duty.due_at)}（含）前{what}{provisional}。"
