"""What the documents on a session say: 会商通知 and 会商纪要. Pure.

Every department that was invited reads the whole of it: of the reports it has masked words, cut short.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.documents.sheet import Annex, Block, Sheet, heading, paragraphs, subheading, table
from app.documents.wording import Letter, Text
from app.models import (
    Assignment,
    AssignmentRole,
    Attendance,
    Consultation,
    DocumentKind,
    Invitation,
    Position,
    StatedPosition,
)

POSITIONS: Final[Mapping[str, str]] = {
    Position.LEAD: "愿意牵头",
    Position.SUPPORTING: "愿意协办",
    Position.NOT_CONCERNED: "不涉及本部门",
}
ATTENDED: Final[Mapping[str | None, str]] = {
    Attendance.PRESENT: "出席",
    Attendance.DEPUTY: "代表出席",
    Attendance.ABSENT: "缺席",
}
PARTS: Final[Mapping[str, str]] = {AssignmentRole.LEAD: "牵头", AssignmentRole.SUPPORTING: "协办"}
MANNERS: Final[Mapping[str, str]] = {
    "agreed": "经会商，各单位达成一致意见。",
    "ruled": "经会商，各单位未达成一致意见，由统筹部门裁定。",
}
LONGEST_TOPIC: Final = 100
MOST_TOPICS_IN_BODY: Final = 3
NUMERALS: Final = "零一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class Topic:
    """A case on the agenda: its masked words, and of minutes what was concluded and which duties came of it."""

    number: str
    texts: Sequence[Text]
    case_id: str = ""
    conclusion: Mapping[str, Any] | None = None
    duties: Sequence[Assignment] = ()

    @property
    def short(self) -> str:
        """What it is about, on one or two lines."""
        first = self.texts[0] if self.texts else {"title": None, "text": ""}
        said = " ".join((first["title"] or first["text"] or "").split())
        return said if len(said) <= LONGEST_TOPIC else f"{said[: LONGEST_TOPIC - 2]}……"


def word_invitation(
    letter: Letter, session: Consultation, topics: Sequence[Topic], seats: Sequence[Invitation]
) -> Sheet:
    """会商通知: when and where, on what, who comes, what to bring."""
    if session.meeting_at is None:
        raise ValueError("a meeting without a date calls nobody")
    long = f"，会期约{session.minutes_long}分钟" if session.minutes_long else ""
    agenda, annexes = _agenda(topics)
    seated = [
        f"{letter.name(seat.department_code)}（代表{letter.list_names(seat.on_behalf_of)}）"
        if seat.on_behalf_of
        else letter.name(seat.department_code)
        for seat in seats
    ]
    body = [
        *paragraphs(f"为统筹解决有关基层负担事项，定于近期召开会商（编号{session.number}）。现将有关事项通知如下。"),
        heading("一、会议时间"),
        *paragraphs(f"{letter.say_moment(session.meeting_at)}{long}。"),
        heading("二、会议地点"),
        *paragraphs(f"{letter.clear(session.place or '另行通知')}。"),
        heading("三、会商议题"),
        *agenda,
        heading("四、参会单位"),
        *paragraphs("、".join(seated) + "。"),
        heading("五、有关要求"),
        *paragraphs("1.请熟悉情况、能够表态的负责同志参会；不能参会的，请委托代表，并在会前答复。"),
        *paragraphs("2.请会前就每个议题提出本单位意见（牵头、协办或不涉及）及其依据。"),
        *paragraphs(
            f"3.本次会商应于{letter.say_day(session.due_at)}（含）前形成结论，逐一明确牵头单位、协办单位和时限。"
        ),
        *letter.added(),
    ]
    return Sheet(
        kind=DocumentKind.INVITATION,
        mark=letter.issuer.name,
        number=letter.number,
        title="关于召开基层负担事项会商的通知",
        addressee=letter.list_names([seat.department_code for seat in seats]),
        blocks=body,
        signer=letter.issuer.name,
        dated=letter.day.isoformat(),
        copies=letter.clear(letter.copies),
        annexes=annexes,
    )


def word_minutes(
    letter: Letter,
    session: Consultation,
    topics: Sequence[Topic],
    seats: Sequence[Invitation],
    positions: Sequence[StatedPosition],
) -> Sheet:
    """会商纪要: who came, what each said, what was concluded, and a row for each department with its deadline."""
    met = session.meeting_at or session.concluded_at
    if met is None or not session.minutes:
        raise ValueError("there are no minutes of a session that was not held")
    where = f"在{letter.clear(session.place)}" if session.place else ""
    opening = f"{letter.say_moment(met)}，{letter.issuer.name}{where}召集会商（编号{session.number}），"
    body = [
        *paragraphs(f"{opening}研究{len(topics)}个事项。现将会商情况和议定事项纪要如下。"),
        heading("一、会商情况"),
        *paragraphs(letter.clear(session.minutes)),
        heading("二、各单位意见"),
        *_positions(letter, topics, positions),
        heading("三、议定事项"),
    ]
    for index, topic in enumerate(topics, 1):
        body += _concluded(letter, index, topic)
    body += letter.added()
    body += _attendance(letter, topics, seats)
    return Sheet(
        kind=DocumentKind.MINUTES,
        mark=f"{letter.issuer.name}会商纪要",
        number=letter.number,
        title="基层负担事项会商纪要",
        addressee="",
        blocks=body,
        signer=letter.issuer.name,
        dated=letter.day.isoformat(),
        copies=letter.clear(letter.copies) or letter.list_names([seat.department_code for seat in seats]),
        sealed=False,
    )


def _agenda(topics: Sequence[Topic]) -> tuple[list[Block], list[Annex]]:
    """A few topics stand in the body, many in an annex."""
    if len(topics) <= MOST_TOPICS_IN_BODY:
        lines = [f"{index}.{topic.number}号事项：{topic.short}" for index, topic in enumerate(topics, 1)]
        return paragraphs("\n".join(lines)), []
    rows = [[str(index), topic.number, topic.short] for index, topic in enumerate(topics, 1)]
    listed = Annex("会商议题清单", [table(["序号", "事项编号", "反映的问题"], rows)])
    return paragraphs(f"共{len(topics)}个事项，见附件。"), [listed]


def _positions(letter: Letter, topics: Sequence[Topic], positions: Sequence[StatedPosition]) -> list[Block]:
    numbers = {topic.case_id: topic.number for topic in topics}
    rows = [
        [
            numbers[said.case_id],
            letter.name(said.department_code),
            POSITIONS[said.position],
            letter.clear(said.basis),
        ]
        for said in sorted(positions, key=lambda said: (numbers.get(said.case_id, ""), said.department_code))
        if said.case_id in numbers
    ]
    if not rows:
        return paragraphs("各单位会前未在系统内提出书面意见。")
    return [table(["事项编号", "单位", "意见", "依据"], rows)]


def _concluded(letter: Letter, index: int, topic: Topic) -> list[Block]:
    """One case: what it is about, how it was concluded, the decision rows, what is reserved."""
    known = topic.conclusion or {}
    blocks = [subheading(f"（{to_numeral(index)}）{topic.number}号事项"), *paragraphs(f"反映：{topic.short}")]
    blocks += paragraphs(MANNERS.get(known.get("manner", ""), ""))
    if known.get("reason"):
        blocks += paragraphs(f"裁定理由：{letter.clear(known['reason'])}")
    rows = [
        [
            letter.name(duty.department_code),
            PARTS[duty.role],
            letter.clear(duty.obligation),
            letter.say_day(duty.due_at),
        ]
        for duty in topic.duties
    ]
    blocks.append(table(["单位", "承担", "办理要求", "完成时限"], rows))
    if known.get("not_concerned"):
        blocks += paragraphs(f"不涉及本事项的单位：{letter.list_names(known['not_concerned'])}。")
    for said in known.get("dissent", []):
        blocks += paragraphs(f"{letter.name(said['department'])}保留意见：{letter.clear(said['words'])}")
    return blocks


def _attendance(letter: Letter, topics: Sequence[Topic], seats: Sequence[Invitation]) -> list[Block]:
    """出席, as the conclusion keeps it: one line for each way of attending."""
    kept: dict[str, str | None] = {}
    for topic in topics:
        kept |= (topic.conclusion or {}).get("attendance", {})
    by_way: dict[str, list[str]] = {}
    for seat in seats:
        way = ATTENDED.get(kept.get(seat.department_code), "出席情况未记录")
        by_way.setdefault(way, []).append(letter.name(seat.department_code))
    order = [*ATTENDED.values(), "出席情况未记录"]
    lines = [f"{way}：{'、'.join(by_way[way])}。" for way in order if way in by_way]
    return paragraphs("\n".join(lines))


def to_numeral(number: int) -> str:
    """1 to 99 in Chinese: 一, 十, 二十一."""
    tens, ones = divmod(number, 10)
    front = "" if tens == 0 else "十" if tens == 1 else f"{NUMERALS[tens]}十"
    return front + (NUMERALS[ones] if ones or not tens else "")
