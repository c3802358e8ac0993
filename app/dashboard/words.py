"""Puts what the ledger holds into words a reader understands: actors, departments, evidence, facts of events. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from app.dashboard import labels
from app.dashboard.language import N_
from app.deadlines import working_days_left
from app.directory.city import City
from app.models import Case, Deadline

SYSTEM: Final = "system"


class Clock(NamedTuple):
    """A light's facts: working days that remain (None: no clock), when it is due, whether that is provisional."""

    remaining: int | None
    due: datetime | None
    provisional: bool


class Fact(NamedTuple):
    """One thing an entry of the timeline says: what it is, and the value as text."""

    label: str
    value: str


@dataclass(frozen=True)
class Words:
    """A reader's language and what is needed to name things in it; `people` are display names by user id."""

    say: Callable[..., str]
    city: City
    now: datetime
    people: Mapping[str, str]

    def label(self, table: Mapping[str, str], key: str) -> str:
        """A label in the reader's language; a key that has none yet is shown as it is."""
        return self.say(table[key]) if key in table else key

    def department(self, code: str) -> str:
        return self.city.names.get(code, code)

    def departments(self, codes: list[str]) -> str:
        return "、".join(self.department(code) for code in codes)

    def actor(self, actor: str) -> str:
        """Who an event names, such as `office:7f3…` or `department:CS-MZ`."""
        kind, _, name = actor.partition(":")
        if kind == "department":
            return self.department(name)
        if kind == "observation_point":
            return self.say(labels.PARTY["observation_point"])
        if kind == "office" and name in self.people:
            return self.people[name]
        return self.say(N_("系统")) if SYSTEM in actor else self.say(labels.PARTY["office"])

    def clock(self, due: datetime | None, provisional: bool = False) -> Clock:
        if due is None:
            return Clock(None, None, False)
        return Clock(working_days_left(self.now, due, self.city.calendar), due, provisional)

    def clock_of_case(self, case: Case, provisional: bool) -> Clock:
        return self.clock(case.due_at, provisional)

    def clock_of(self, deadline: Deadline) -> Clock:
        return self.clock(deadline.due_at, deadline.provisional)

    # ── evidence ──

    def spans(self, decision: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The decision's evidence with readable names, ready to be highlighted and listed."""
        found = []
        for item in decision.get("evidence", []):
            role, _, subject = item["supports"].partition(" ")
            says, about = self.label(labels.SUPPORTS, role), self._subject(subject)
            found.append(
                {
                    "start": item["start"],
                    "end": item["end"] if item.get("field", "text") == "text" else item["start"],
                    "text": item["text"],
                    "rule": self.say(labels.EVIDENCE.get(item["rule"], labels.EVIDENCE_PATTERN)),
                    "supports": f"{says} {about}".strip(),
                    "says": says,
                    "about": about,
                }
            )
        return found

    def _subject(self, subject: str) -> str:
        if subject in labels.SUBJECT:
            return self.say(labels.SUBJECT[subject])
        return self.department(subject)

    # ── events ──

    def facts(self, facts: str) -> list[Fact]:
        """What an event's facts say that people want to read; opaque ids are left out."""
        known = json.loads(facts)
        readers: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
            ("report", N_("线索"), str),
            ("reports", N_("线索"), "、".join),
            ("into", N_("并入"), str),
            ("case", N_("事项"), str),
            ("cases", N_("事项"), "、".join),
            ("split_from", N_("拆分自"), str),
            ("score", N_("相似度"), lambda score: f"{score:.0%}"),
            ("because", N_("依据"), lambda kinds: "、".join(self.label(labels.LIKENESS, kind) for kind in kinds)),
            ("consultation", N_("会商"), str),
            ("category", N_("类别"), lambda key: self.label(labels.CATEGORY, key)),
            ("sources", N_("来源"), self.departments),
            ("department", N_("单位"), self.department),
            ("receivers", N_("承办单位"), self.departments),
            ("lead", N_("牵头单位"), self.department),
            ("supporting", N_("协办单位"), self.departments),
            ("role", N_("角色"), lambda key: self.label(labels.DUTY_ROLE, key)),
            ("outcome", N_("办理结果"), lambda key: self.label(labels.OUTCOME, key)),
            ("moved_from", N_("原会商"), str),
            ("answer", N_("参会答复"), lambda key: self.label(labels.INVITATION_ANSWER, key)),
            ("meeting_at", N_("会议时间"), lambda moment: str(moment)[:16].replace("T", " ")),
            ("previously", N_("原定时间"), lambda moment: str(moment)[:16].replace("T", " ")),
            ("place", N_("地点"), str),
            ("despite_clash", N_("仍安排，与之冲突"), "、".join),
            ("manner", N_("形成方式"), lambda key: self.label(labels.MANNER, key)),
            ("part", N_("承担"), lambda key: self.label(labels.PART, key)),
            ("attendance", N_("出席情况"), lambda key: self.label(labels.ATTENDANCE, key)),
            ("dissent", N_("保留意见"), self.departments),
            ("why", N_("理由"), str),
            ("position", N_("意见"), lambda key: self.label(labels.POSITION, key)),
            ("basis", N_("依据"), str),
            ("reason", N_("退回理由"), lambda key: self.label(labels.RETURN_REASON, key)),
            ("proposed_department", N_("建议承办"), self.department),
            ("suggested", N_("第二意见所指单位"), self.departments),
            ("model", N_("模型"), str),
            ("reference", N_("文号"), str),
            ("forwarded_on", N_("上报日期"), str),
            ("granted", N_("是否同意延期"), self._yes_or_no),
            ("urgency", N_("紧急程度"), lambda key: self.label(labels.URGENCY, key)),
            ("blocker", N_("等待事由"), lambda key: self.label(labels.BLOCKER, key)),
            ("remaining_days", N_("保留工作日"), str),
            ("until", N_("期限"), lambda moment: str(moment)[:10]),
            ("was", N_("原期限"), lambda moment: str(moment)[:10]),
            ("due_at", N_("现期限"), lambda moment: str(moment)[:10]),
            ("completed_on", N_("完成日期"), str),
            ("kind", N_("时限"), lambda key: self.label(labels.DEADLINE_KIND, key)),
            ("level", N_("督办级别"), str),
            ("reply_by", N_("答复期限"), lambda moment: str(moment)[:10]),
            ("promised_on", N_("承诺日期"), str),
            ("decision", N_("批示"), lambda key: self.label(labels.DECIDED, key)),
            ("look_again_on", N_("再次查看"), str),
            ("kinds", N_("时限"), lambda keys: "、".join(self.label(labels.DEADLINE_KIND, key) for key in keys)),
            ("relieved", N_("是否减负"), self._yes_or_no),
            ("agreed", N_("省级是否同意"), self._yes_or_no),
            ("document_changed", N_("文件处理"), str),
            ("relapses", N_("回潮次数"), str),
            ("struck_off_on", N_("原销号日期"), str),
            ("relapsed_as", N_("另立事项"), str),
            ("relapse_of", N_("回潮自"), str),
            ("days", N_("销号后天数"), str),
            ("holds", N_("是否没有反弹"), self._yes_or_no),
            ("round", N_("第几次核实"), str),
            ("because", N_("原因"), self._reasons),
        )
        return [
            Fact(self.say(label), read(known[key]))
            for key, label, read in readers
            if known.get(key) not in (None, [], "")
        ]

    def _reasons(self, value: Any) -> str:
        """Why something stays or was ended: one word or several."""
        return "、".join(self.label(labels.BECAUSE, key) for key in ([value] if isinstance(value, str) else value))

    def _yes_or_no(self, value: object) -> str:
        return self.say(N_("是")) if value else self.say(N_("否"))
