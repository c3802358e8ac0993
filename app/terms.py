"""办理时限: how many working days each kind of clock has, by the rules that the office has set. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.deadlines import DEFAULT_TERMS
from app.vocabulary import DeadlineKind, Urgency

LONGEST_TERM = 250
ANY = "*"


@dataclass(frozen=True, slots=True)
class TermRule:
    """One rule in force; without a burden type or an urgency it holds for all of them."""

    id: str
    kind: DeadlineKind
    burden_type: str | None
    urgency: Urgency | None
    working_days: int

    @property
    def subject(self) -> str:
        return subject_of(self.kind, self.burden_type, self.urgency)


@dataclass(frozen=True, slots=True)
class Term:
    """A term and the words that say where it comes from."""

    working_days: int
    basis: str


def subject_of(kind: DeadlineKind, burden_type: str | None, urgency: Urgency | None) -> str:
    """What a rule is about, as one text: of each subject one rule at most is in force."""
    return f"{kind}/{burden_type or ANY}/{urgency or ANY}"


@dataclass(frozen=True, slots=True)
class Terms:
    """The rules in force; without any, the defaults."""

    rules: tuple[TermRule, ...] = ()

    def of(
        self, kind: DeadlineKind, burden_types: Iterable[str] = (), urgency: Urgency | None = Urgency.NORMAL
    ) -> Term:
        """The term of that kind for a case. The most specific rule wins.

        Burden type and urgency come first, then burden type, urgency, kind, the default. Of several burden types with a
        rule of their own the shortest term counts; a type without one has no say.
        """
        known = {rule.subject: rule for rule in self.rules}
        urgency = urgency or Urgency.NORMAL

        def rule_for(burden_type: str | None) -> TermRule | None:
            return known.get(subject_of(kind, burden_type, urgency)) or known.get(subject_of(kind, burden_type, None))

        own = [rule for rule in map(rule_for, burden_types) if rule is not None]
        chosen = min(own, key=lambda rule: (rule.working_days, rule.subject)) if own else rule_for(None)
        if chosen is None:
            days = DEFAULT_TERMS[kind]
            return Term(days, f"{days} working days, the default")
        return Term(chosen.working_days, f"{chosen.working_days} working days, rule {chosen.id} ({chosen.subject})")
