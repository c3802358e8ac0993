"""What a department's page shows of its duty: what it may do now, what it was told, what it said itself. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from app.casefile import ANSWER_CLOCKS
from app.dashboard import labels
from app.dashboard.case_view import spoken
from app.dashboard.event_words import EVENT_TONES
from app.dashboard.feedback_view import FileLink, files_of
from app.dashboard.language import N_
from app.dashboard.words import Clock, Fact, Words
from app.deadlines import RETURN_WITHIN_WORKING_DAYS, due_by
from app.disclosure import day_of
from app.ledger.duties import DutyRecord
from app.lifecycle import ASSIGNMENT, LIVE
from app.models import Act, ActKind, Assignment, AssignmentKind, AssignmentStatus, Deadline, DeadlineKind, Event, Party

A = AssignmentStatus
SENT_BACK: Final = "assignment.returned_to_department"
# What an own act is called: as its event is.
ACT_EVENT: Final[Mapping[ActKind, str]] = {
    ActKind.ACCEPTANCE: "assignment.accepted",
    ActKind.RETURN: "assignment.returned",
    ActKind.PROGRESS: "assignment.progressed",
    ActKind.FEEDBACK: "assignment.responded",
    ActKind.EXTENSION: "assignment.extension_requested",
    ActKind.FORWARDING: "escalation.forwarded",
    ActKind.UPSTREAM_REPLY: "escalation.answered",
    ActKind.SUPERVISION_REPLY: "supervision.replied",
}
RETURN_REFUSED: Final = "assignment.return_refused"


@dataclass
class Entry:
    """One line of a duty's history. Of what the department was told only the day is said: a point may have set it off.

    Attributes:
        own: the department did it.
    """

    at: datetime
    title: str
    tone: str
    own: bool
    facts: list[Fact] = field(default_factory=list)
    files: Sequence[FileLink] = ()


def open_acts(record: DutyRecord, words: Words) -> list[str]:
    """What the department may do with its duty now, by the tables of moves and the stages' own rules."""
    duty, clock = record.duty, answer_clock(record)
    machine = ASSIGNMENT[duty.kind]
    until = due_by(duty.dispatched_at, RETURN_WITHIN_WORKING_DAYS, words.city.calendar).at
    escalated = duty.kind is AssignmentKind.ESCALATION
    answers = machine.allows(duty.status, A.RESPONDED)
    possible = {
        "acceptance": machine.allows(duty.status, A.ACCEPTED),
        "supervision_reply": clock is not None
        and clock.kind in ANSWER_CLOCKS
        and clock.overdue_at is not None
        and clock.promised_until is None,
        "forwarding": escalated and machine.allows(duty.status, A.FORWARDED),
        "upstream_reply": escalated and answers,
        "feedback": not escalated and answers,
        "progress": duty.status in LIVE,
        "extension": clock is not None and duty.extension is None and words.now <= clock.due_at,
        "return": machine.allows(duty.status, A.RETURNED) and words.now <= until,
    }
    return [act for act, is_open in possible.items() if is_open]


def answer_clock(record: DutyRecord) -> Deadline | None:
    """The running clock by which the department has to answer; None where it has nothing to do, or it is paused."""
    own = (c.deadline for c in record.clocks if c.deadline.party is Party.DEPARTMENT)
    return next((clock for clock in own if clock.kind is not DeadlineKind.ACCEPTANCE), None)


def nearest_clock(record: DutyRecord, words: Words) -> Clock:
    """What the light shows."""
    own = [c.deadline for c in record.clocks if c.deadline.party is Party.DEPARTMENT]
    nearest = min(own, key=lambda clock: clock.due_at, default=None)
    return words.clock_of(nearest) if nearest else words.clock(None)


def pause_of(record: DutyRecord, words: Words) -> list[Fact]:
    """What a paused clock waits for; nothing where it runs."""
    pause = next((c.pause for c in record.clocks if c.pause is not None), None)
    if pause is None:
        return []
    return [
        Fact(words.say(N_("等待事由")), words.label(labels.BLOCKER, pause.blocker)),
        Fact(words.say(N_("等待对象")), pause.who),
        Fact(words.say(N_("暂停理由")), pause.why),
        Fact(words.say(N_("保留工作日")), str(pause.remaining_days)),
    ]


def sent_back_with(record: DutyRecord) -> str:
    """What the office says is still missing, while the duty is being done again; else empty."""
    if record.duty.status is not A.REWORKING:
        return ""
    back = [event for event in _of_duty(record) if event.type == SENT_BACK]
    return str(_data(back[-1]).get("comment") or "") if back else ""


def history_of(record: DutyRecord, words: Words) -> list[Entry]:
    """What the department was told of the duty, and what it did itself, in the order in which it came about."""
    zone = words.city.calendar.zone
    told = [
        (
            event.happened_at,
            Entry(
                day_of(event.happened_at, zone),
                words.event(event.type),
                EVENT_TONES.get(event.type, "neutral"),
                own=False,
                facts=_told(_data(event), words),
            ),
        )
        for event in _of_duty(record)
    ]
    said = [(act.done_at, _entry_of(act, words)) for act in record.acts]
    # Of one moment, what was told comes before what was said: nobody answers before being asked.
    return [entry for _, entry in sorted([*told, *said], key=lambda pair: pair[0])]


def _entry_of(act: Act, words: Words) -> Entry:
    kind = ACT_EVENT[act.kind] if act.applied else RETURN_REFUSED
    facts = spoken(act, words)
    if act.kind is ActKind.RETURN:
        facts.insert(0, Fact(words.say(N_("退回理由")), words.label(labels.RETURN_REASON, act.content["reason"])))
        if act.content.get("proposed_department"):
            proposed = words.department(act.content["proposed_department"])
            facts.append(Fact(words.say(N_("建议承办")), proposed))
    for name, label, read in OWN_FACTS:
        if act.content.get(name):
            facts.append(Fact(words.say(label), read(words, act.content[name])))
    tone = EVENT_TONES.get(kind, "neutral")
    return Entry(act.done_at, words.event(kind), tone, own=True, facts=facts, files=files_of(act.content))


def _of_duty(record: DutyRecord) -> list[Event]:
    """What was told of this duty or of its case, not of another duty of the same department."""
    return [
        event for event in record.events if json.loads(event.facts).get("assignment", record.duty.id) == record.duty.id
    ]


def _data(event: Event) -> Mapping[str, Any]:
    """What the department was sent; nothing where it was erased."""
    data: Mapping[str, Any] = json.loads(event.body)["data"] if event.body else {}
    return data


def _told(data: Mapping[str, Any], words: Words) -> list[Fact]:
    """What a message says that people want to read, but for the duty and the words, which stand on the page."""
    parts = {**data, **data.get("deadline", {}), **data.get("pause", {}), **data.get("consultation", {})}
    facts = []
    for name, label, read in TOLD:
        value = parts.get(name)
        if value is not None and value != "":
            facts.append(Fact(words.say(label), read(words, value)))
    return facts


def _yes_or_no(words: Words, value: Any) -> str:
    return words.say(N_("是")) if value else words.say(N_("否"))


def _moment(words: Words, value: Any) -> str:
    return words.moment(value)


def _day(words: Words, value: Any) -> str:
    return words.day(value)


def _text(_: Words, value: Any) -> str:
    return str(value)


OWN_FACTS: Final = (
    ("until", N_("希望延至"), _day),
    ("promised_on", N_("承诺日期"), _day),
    ("reference", N_("文号"), _text),
    ("forwarded_on", N_("上报日期"), _day),
)
TOLD: Final = (
    ("comment", N_("统筹部门意见"), _text),
    ("granted", N_("是否同意延期"), _yes_or_no),
    ("kind", N_("时限"), lambda words, key: words.label(labels.DEADLINE_KIND, key)),
    ("level", N_("督办级别"), _text),
    ("was", N_("原期限"), _day),
    ("due_at", N_("期限"), _day),
    ("reply_by", N_("答复期限"), _day),
    ("blocker", N_("等待事由"), lambda words, key: words.label(labels.BLOCKER, key)),
    ("who", N_("等待对象"), _text),
    ("why", N_("暂停理由"), _text),
    ("until", N_("最迟至"), _day),
    ("because", N_("原因"), lambda words, key: words.label(labels.BECAUSE, key)),
    ("outcome", N_("办理结果"), lambda words, key: words.label(labels.OUTCOME, key)),
    ("merged_into", N_("并入"), _text),
    ("number", N_("会商"), _text),
    ("meeting_at", N_("会议时间"), _moment),
    ("place", N_("地点"), _text),
    ("reason", N_("理由"), _text),
)


def names_on_behalf(duty: Assignment, words: Words) -> str:
    """The provincial departments that a duty is done for."""
    return words.departments(duty.on_behalf_of)
