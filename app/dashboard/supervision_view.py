"""What the case page shows of supervision: the level a duty stands at, and what became of each promise. Pure."""

from collections.abc import Sequence

from app.dashboard import labels
from app.dashboard.language import N_
from app.dashboard.words import Fact, Words
from app.deadlines import HIGHEST_LEVEL
from app.ledger.search import CaseRecord
from app.ledger.supervision import promises_of
from app.models import Assignment, Deadline


def is_at_highest_level(clocks: Sequence[Deadline]) -> bool:
    """Whether a leader may decide on the case."""
    return any(clock.ended_at is None and clock.level >= HIGHEST_LEVEL for clock in clocks)


def supervision_of(duty: Assignment, record: CaseRecord, words: Words) -> list[Fact]:
    """The level of a duty's running clock, and the department's replies with their promises; nothing where none."""
    clocks = [clock for clock in record.deadlines if clock.assignment_id == duty.id]
    level = max((clock.level for clock in clocks if clock.ended_at is None), default=0)
    facts = [Fact(words.say(N_("督办级别")), words.say(labels.SUPERVISION_LEVEL[str(level)]))] if level else []
    acts = [act for act in record.acts if act.assignment_id == duty.id]
    for promise in promises_of(acts, clocks, words.now):
        became = words.label(labels.PROMISE_STATE, promise.state)
        facts.append(Fact(words.say(N_("承诺日期")), f"{words.day(promise.promised_on)} {became}"))
        facts.append(Fact(words.say(N_("逾期说明")), promise.explanation))
    return facts
