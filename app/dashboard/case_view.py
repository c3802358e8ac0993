"""What the case page shows of a record: stages, duties, one timeline, and what may be done next. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from app.access.principal import Permission, Principal
from app.casefile import ANSWER_CLOCKS
from app.dashboard import labels
from app.dashboard.event_words import EVENT_TONES
from app.dashboard.feedback_view import FileLink, account_of, files_of
from app.dashboard.language import N_
from app.dashboard.supervision_view import is_at_highest_level, supervision_of
from app.dashboard.words import Clock, Fact, Words
from app.ledger.search import CaseRecord
from app.lifecycle import CASE, LIVE, WITH_DEPARTMENT
from app.models import (
    Act,
    ActKind,
    Assignment,
    AssignmentStatus,
    Case,
    CaseOutcome,
    CaseStatus,
    Deadline,
    Delivery,
    Event,
    ExtensionState,
    LookBack,
    Party,
)
from app.supervise.watch import is_quarantined

STAGE_OF: Final[Mapping[CaseStatus, str]] = {
    CaseStatus.TRIAGE: "triage",
    CaseStatus.CONSULTING: "consult",
    CaseStatus.DISPATCHED: "handle",
    CaseStatus.IN_PROGRESS: "handle",
    CaseStatus.AWAITING_PROVINCE: "handle",
    CaseStatus.IN_REVIEW: "review",
    CaseStatus.VERIFYING: "verify",
    CaseStatus.UNRESOLVED: "close",
    CaseStatus.CLOSED: "close",
}
# Which events show that a case has been through a stage.
TRACES: Final[Mapping[str, frozenset[str]]] = {
    "intake": frozenset({"case.opened"}),
    "triage": frozenset({"case.ruled"}),
    "consult": frozenset({"consultation.invited"}),
    "handle": frozenset({"assignment.created", "escalation.created"}),
    "review": frozenset({"feedback.approved"}),
    "verify": frozenset({"verification.asked"}),
    "close": frozenset({"case.struck_off"}),
}
ACT_OF: Final[Mapping[str, ActKind]] = {
    "assignment.returned": ActKind.RETURN,
    "assignment.return_refused": ActKind.RETURN,
    "assignment.progressed": ActKind.PROGRESS,
    "assignment.responded": ActKind.FEEDBACK,
    "escalation.forwarded": ActKind.FORWARDING,
    "escalation.answered": ActKind.UPSTREAM_REPLY,
    "assignment.extension_requested": ActKind.EXTENSION,
    "supervision.replied": ActKind.SUPERVISION_REPLY,
}
SPOKEN: Final[Sequence[tuple[str, str]]] = (
    ("explanation", N_("说明")),
    ("legal_basis", N_("依据")),
    ("note", N_("进展")),
    ("reason", N_("延期理由")),
    ("measures", N_("整改措施")),
    ("answer", N_("省级答复")),
    ("public_reply", N_("可公开的答复")),
    ("internal_account", N_("内部说明")),
    ("forwarded_to", N_("上报至")),
)
ANSWERS: Final = frozenset({ActKind.FEEDBACK, ActKind.UPSTREAM_REPLY})
# What a point does itself; the rest of what its request sets in motion is the system's doing.
BY_THE_POINT: Final = frozenset({"case.opened", "report.joined", "verification.answered", "look_back.answered"})
TOLD_TO_EACH: Final = frozenset(
    {
        "consultation.invited",
        "consultation.concluded",
        "consultation.cancelled",
        "case.closed",
        "case.reopened",
        "assignment.closed",
    }
)


@dataclass
class Entry:
    """One line of the timeline."""

    at: datetime
    title: str
    tone: str
    actor: str
    type: str
    facts: list[Fact] = field(default_factory=list)
    spoken: list[Fact] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)


@dataclass(frozen=True)
class DutyView:
    """A duty as the page shows it: its clock while one runs, and what the department last sent."""

    duty: Assignment
    department: str
    on_behalf_of: str
    clock: Clock
    spoken: list[Fact]
    files: Sequence[FileLink]
    reviewable: bool
    extension: list[Fact]
    supervision: list[Fact]
    pause: list[Fact]
    pausable: bool


@dataclass(frozen=True)
class OpinionView:
    """A second opinion as the page shows it: what the model supposes and the words it quotes, or why there is none.

    `why` is empty where there is a suggestion; `quotes` are the words and where they stand.
    """

    state: str
    why: str
    model: str
    departments: str
    category: str
    quotes: list[Fact]


@dataclass(frozen=True)
class Actions:
    """What this reader may do with the case as it stands."""

    rule: bool
    review: bool
    urge: bool
    convene: bool
    close: bool
    reopen: bool
    leave: bool
    instruct: bool
    release: bool
    merge: bool
    outcomes: tuple[CaseOutcome, ...]

    @property
    def any(self) -> bool:
        ruling = self.rule or self.convene or self.close or self.reopen or self.leave
        return ruling or self.instruct or self.release or self.merge


def actions_for(case: Case, principal: Principal, clocks: Sequence[Deadline] = ()) -> Actions:
    """By the table of moves and the role's permissions."""
    status = case.status
    rules = principal.may(Permission.RULE)
    outcomes: tuple[CaseOutcome, ...] = (CaseOutcome.ANSWERED, CaseOutcome.NOT_A_BURDEN)
    if status is not CaseStatus.TRIAGE:
        outcomes = (*outcomes, CaseOutcome.UNRESOLVED)
    if status is CaseStatus.VERIFYING:
        outcomes = (CaseOutcome.RELIEVED, *outcomes)
    return Actions(
        rule=rules and CASE.allows(status, CaseStatus.DISPATCHED),
        review=principal.may(Permission.REVIEW),
        urge=principal.may(Permission.REVIEW) and case.owner is Party.DEPARTMENT,
        convene=principal.may(Permission.CONVENE)
        and status is not CaseStatus.CONSULTING
        and CASE.allows(status, CaseStatus.CONSULTING),
        close=rules
        and CASE.allows(status, CaseStatus.CLOSED)
        and (status is not CaseStatus.UNRESOLVED or principal.may(Permission.END_UNRESOLVED)),
        reopen=rules and status is CaseStatus.CLOSED and case.merged_into is None,
        leave=rules and CASE.allows(status, CaseStatus.UNRESOLVED),
        instruct=principal.may(Permission.INSTRUCT) and is_at_highest_level(clocks),
        release=rules and any(is_quarantined(clock) for clock in clocks),
        merge=rules and status is not CaseStatus.CLOSED,
        outcomes=outcomes,
    )


def stages_of(record: CaseRecord, words: Words) -> list[dict[str, str]]:
    """The stepper: what the case went through, where it stands, what it never needed."""
    seen = {event.type for event in record.events}
    current = STAGE_OF[record.case.status]
    order = [key for key, _ in labels.STAGES]
    stages = []
    for index, (key, label) in enumerate(labels.STAGES):
        if record.case.status is CaseStatus.CLOSED and key == "close":
            state, note = "done", words.label(labels.OUTCOME, record.case.outcome or "")
        elif key == current:
            state, note = "current", words.say(labels.CASE_STATUS[record.case.status])
        elif index > order.index(current):
            state, note = "ahead", ""
        else:
            state, note = ("done" if seen & TRACES[key] else "skipped"), ""
        if key == "triage" and state == "skipped":
            state, note = "done", words.say(N_("自动分办"))
        stages.append({"label": words.say(label), "state": state, "note": note if note != words.say(label) else ""})
    return stages


def duties_of(record: CaseRecord, words: Words) -> list[DutyView]:
    """Live duties first, each group in the order of dispatch."""
    views = []
    for duty in sorted(record.assignments, key=lambda a: a.status not in LIVE):
        running = [d for d in record.deadlines if d.assignment_id == duty.id and d.ended_at is None]
        nearest = min(running, key=lambda d: d.due_at, default=None)
        acts = [a for a in record.acts if a.assignment_id == duty.id and a.kind in ACT_OF.values()]
        shown = _to_show(duty, acts)
        views.append(
            DutyView(
                duty=duty,
                department=words.department(duty.department_code),
                on_behalf_of=words.departments(duty.on_behalf_of),
                clock=words.clock_of(nearest) if nearest else words.clock(None),
                spoken=spoken(shown, words) if shown else [],
                files=files_of(shown.content) if shown else [],
                reviewable=duty.status is AssignmentStatus.RESPONDED or _reconsiderable(record.case, duty),
                extension=_extension_of(duty, acts, words),
                supervision=supervision_of(duty, record, words),
                pause=_pause_of(duty, record, words),
                pausable=_may_pause(duty, running, words),
            )
        )
    return views


def look_backs_of(record: CaseRecord) -> list[tuple[LookBack, str, str]]:
    """The looks back in order, each with its report's number and the key of how it stands."""
    numbers = {report.id: report.number for report in record.reports}
    return [
        (look, numbers.get(look.report_id, "—"), look.answer or ("asked" if look.asked_at else "planned"))
        for look in record.look_backs
    ]


def _to_show(duty: Assignment, acts: Sequence[Act]) -> Act | None:
    """What the department last sent; once it has answered, its newest answer, whatever it noted afterwards."""
    answers = [act for act in acts if act.kind in ANSWERS] if duty.status not in WITH_DEPARTMENT else []
    return next(reversed(answers or acts), None)


def _reconsiderable(case: Case, duty: Assignment) -> bool:
    """What was accepted may be sent back while the office reviews the case again."""
    return duty.status is AssignmentStatus.APPROVED and case.status is CaseStatus.IN_REVIEW


def _pause_of(duty: Assignment, record: CaseRecord, words: Words) -> list[Fact]:
    """What a paused duty waits for; nothing where its clock runs."""
    if duty.paused_until is None:
        return []
    pause = next(p for p in reversed(record.pauses) if p.assignment_id == duty.id)
    return [
        Fact(words.say(N_("等待事由")), words.label(labels.BLOCKER, pause.blocker)),
        Fact(words.say(N_("等待对象")), pause.who),
        Fact(words.say(N_("暂停理由")), pause.why),
        Fact(words.say(N_("保留工作日")), str(pause.remaining_days)),
    ]


def _may_pause(duty: Assignment, running: Sequence[Deadline], words: Words) -> bool:
    """While the department works and its time is not over; a request for more time is decided first."""
    in_time = any(d.kind in ANSWER_CLOCKS and words.now <= d.due_at for d in running)
    return in_time and duty.extension is not ExtensionState.REQUESTED


def opinion_of(record: CaseRecord, words: Words) -> OpinionView | None:
    """The second opinion on a case; None where nobody asked for one."""
    opinion = record.opinion
    if opinion is None:
        return None
    said = opinion.payload or {}
    return OpinionView(
        state=words.label(labels.OPINION_STATE, opinion.state),
        why=words.label(labels.OPINION_FAULT, opinion.fault) if opinion.fault else "",
        model=opinion.model,
        departments=words.departments(said.get("departments", [])),
        category=words.label(labels.CATEGORY, said["category"]) if said else "",
        quotes=[Fact(_place_of(quote, words), quote["text"]) for quote in said.get("quotes", [])],
    )


def _place_of(quote: Mapping[str, Any], words: Words) -> str:
    if quote["field"] == "title":
        return words.say(N_("标题"))
    return words.say(N_("第 %(first)s–%(last)s 字"), first=quote["start"] + 1, last=quote["end"])


def spoken(act: Act, words: Words) -> list[Fact]:
    """What a department wrote in one act."""
    known = act.content if act.kind is not ActKind.RETURN else {**act.content, "reason": None}
    written = [Fact(words.say(label), str(known[key])) for key, label in SPOKEN if known.get(key)]
    return account_of(act.content, words) + written if act.kind in ANSWERS else written


def _extension_of(duty: Assignment, acts: Sequence[Act], words: Words) -> list[Fact]:
    """What a department that waits for more time wrote and wishes; nothing where nothing is to be decided."""
    if duty.extension is not ExtensionState.REQUESTED:
        return []
    asked = next((act for act in acts if act.kind is ActKind.EXTENSION), None)
    if asked is None:
        return []
    wished = Fact(words.say(N_("希望延至")), words.day(asked.content["until"]))
    return [wished, *spoken(asked, words)]


def timeline_of(record: CaseRecord, deliveries: Sequence[Delivery], words: Words) -> list[Entry]:
    """Every event of the case in order; what several departments were told at once is one line."""
    acts: dict[tuple[str, ActKind], list[Act]] = {}
    for act in record.acts:
        acts.setdefault((act.assignment_id, act.kind), []).append(act)
    rulings = {ruling.id: ruling for ruling in record.rulings}
    entries: list[Entry] = []
    for event in record.events:
        entry = _entry(event, words)
        entry.deliveries = [d for d in deliveries if d.event_id == event.id]
        known: dict[str, Any] = json.loads(event.facts)
        kind = ACT_OF.get(event.type)
        # The first event of a kind on a duty speaks of the first such act, the second of the second.
        done = acts.get((known.get("assignment", ""), kind), []) if kind else []
        if done:
            entry.spoken = spoken(done.pop(0), words)
        if (ruling := rulings.get(known.get("ruling", ""))) is not None:
            entry.spoken = [Fact(words.say(N_("理由")), ruling.reason)]
        if comment := _comment_in(event):
            entry.spoken = [Fact(words.say(N_("审核意见")), comment)]
        last = entries[-1] if entries else None
        if last and event.type in TOLD_TO_EACH and (last.type, last.at) == (entry.type, entry.at):
            _join(last, entry)
        else:
            entries.append(entry)
    return entries


def _comment_in(event: Event) -> str:
    """What the office wrote to the department with a review; nothing where there is none, or where it was erased."""
    comment: str | None = json.loads(event.body)["data"].get("comment") if event.body else None
    return comment or ""


def _entry(event: Event, words: Words) -> Entry:
    actor = words.actor(event.actor)
    if event.actor == "observation_point" and event.type not in BY_THE_POINT:
        actor = words.actor("office:system")
    facts = [fact for fact in words.facts(event.facts) if fact.value != actor]
    if event.department_code and not any(fact.value == words.department(event.department_code) for fact in facts):
        facts.insert(0, Fact(words.say(N_("单位")), words.department(event.department_code)))
    return Entry(
        at=event.happened_at,
        title=words.event(event.type),
        tone=EVENT_TONES.get(event.type, "neutral"),
        actor=actor,
        type=event.type,
        facts=facts,
    )


def _join(line: Entry, another: Entry) -> None:
    """Add what is new in another event of the same kind and moment to a line."""
    said = {(fact.label, fact.value) for fact in line.facts}
    for fact in another.facts:
        if (fact.label, fact.value) in said:
            continue
        place = next((i for i, known in enumerate(line.facts) if known.label == fact.label), None)
        if place is None:
            line.facts.append(fact)
        else:
            line.facts[place] = Fact(fact.label, f"{line.facts[place].value}、{fact.value}")
    line.deliveries += another.deliveries


def people_in(record: CaseRecord) -> set[str]:
    """Ids of the office's people whom the record names."""
    actors = {event.actor.partition(":")[2] for event in record.events if event.actor.startswith("office:")}
    return actors | {ruling.ruled_by.removeprefix("user:") for ruling in record.rulings}
