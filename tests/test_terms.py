"""Which term applies, as a table: the most specific rule wins, of several burden types the shortest term."""

import pytest

from app.deadlines import DEFAULT_TERMS
from app.terms import TermRule, Terms
from app.vocabulary import DeadlineKind, Urgency

F, N, U = DeadlineKind.FEEDBACK, Urgency.NORMAL, Urgency.URGENT


def rule(days: int, burden_type: str | None = None, urgency: Urgency | None = None, kind: DeadlineKind = F) -> TermRule:
    return TermRule(f"r{days}", kind, burden_type, urgency, days)


EVERY = (rule(20), rule(8, urgency=U), rule(12, "FORMS"), rule(4, "FORMS", U), rule(30, "MEETINGS"))


@pytest.mark.parametrize(
    ("rules", "burden_types", "urgency", "days"),
    [
        ((), ["FORMS"], N, 15),
        ((rule(20),), [], N, 20),
        ((rule(3, kind=DeadlineKind.TRIAGE),), [], N, 15),
        (EVERY, [], N, 20),
        (EVERY, [], U, 8),
        (EVERY, ["FORMS"], N, 12),
        (EVERY, ["FORMS"], U, 4),
        (EVERY, ["MEETINGS"], N, 30),  # a longer term of its own is its own
        (EVERY, ["MEETINGS"], U, 30),  # the burden type comes before the urgency
        (EVERY, ["FORMS", "MEETINGS"], N, 12),
        (EVERY, ["MEETINGS", "FORMS"], U, 4),
        (EVERY, ["MEETINGS", "UNHEARD_OF"], N, 30),  # without a rule of its own a type has no say
        (EVERY, ["UNHEARD_OF"], U, 8),
        ((rule(2, urgency=N),), [], N, 2),
        ((rule(2, urgency=N),), [], U, 15),
    ],
)
def test_the_most_specific_rule_gives_the_term(
    rules: tuple[TermRule, ...], burden_types: list[str], urgency: Urgency, days: int
) -> None:
    assert Terms(rules).of(F, burden_types, urgency).working_days == days
    assert Terms(rules[::-1]).of(F, burden_types[::-1], urgency).working_days == days


@pytest.mark.parametrize("kind", DEFAULT_TERMS)
def test_without_rules_every_kind_has_its_default(kind: DeadlineKind) -> None:
    term = Terms().of(kind)
    assert (term.working_days, term.basis) == (DEFAULT_TERMS[kind], f"{DEFAULT_TERMS[kind]} working days, the default")


def test_the_basis_names_the_rule() -> None:
    assert Terms(EVERY).of(F, ["FORMS"], U).basis == "4 working days, rule r4 (feedback/FORMS/urgent)"
    longest = TermRule("0" * 32, DeadlineKind.CONSULTATION, "B" * 40, U, 250)
    assert len(Terms((longest,)).of(DeadlineKind.CONSULTATION, ["B" * 40], U).basis) <= 120
