"""Which sessions go together, and what makes a conclusion complete: tables, no database."""

import pytest

from app.consult.conclude import CaseConclusion, IncompleteConclusion, Part, check_conclusions
from app.consult.propose import Waiting, propose_batches
from app.models import Manner


def waiting(number: str, departments: str) -> Waiting:
    return Waiting(number, frozenset(departments.split()), (f"YL-{number}",))


@pytest.mark.parametrize(
    ("sessions", "proposed"),
    [
        (["1 A B", "2 A B"], [("1", ["2"], True)]),
        (["1 A B", "2 A B C"], [("2", ["1"], False)]),
        (["1 A B", "2 B C"], []),
        (["1 A B"], []),
        (["1 A B C D", "2 A B", "3 A B C", "4 E F", "5 E F"], [("1", ["2", "3"], False), ("4", ["5"], True)]),
    ],
)
def test_sessions_that_meet_the_same_departments_or_some_of_them_are_proposed_once(
    sessions: list[str], proposed: list[tuple[str, list[str], bool]]
) -> None:
    found = propose_batches(waiting(number, rest) for number, _, rest in (s.partition(" ") for s in sessions))
    assert [(p.first.number, [o.number for o in p.others], p.same) for p in found] == proposed


LEAD = CaseConclusion([Part("A", True), Part("B", False)])


@pytest.mark.parametrize(
    ("conclusions", "attendance", "adjourns", "named"),
    [
        ({"1": LEAD}, [], False, "2"),
        ({"1": LEAD, "2": LEAD, "3": LEAD}, [], False, "3"),
        ({"1": LEAD, "2": LEAD}, [], True, "—"),
        ({"3": LEAD}, [], True, "3"),
        ({"1": LEAD, "2": CaseConclusion([Part("A", False)])}, [], False, "2"),
        ({"1": LEAD, "2": CaseConclusion([Part("A", True), Part("A", False)])}, [], False, "2"),
        ({"1": LEAD, "2": CaseConclusion([Part("A", True)], Manner.RULED)}, [], False, "2"),
        ({"1": LEAD, "2": CaseConclusion([Part("A", True)], dissent={"Z": "不同意"})}, [], False, "Z"),
        ({"1": LEAD, "2": LEAD}, ["Y"], False, "Y"),
    ],
)
def test_a_conclusion_that_does_not_fit_is_refused_and_says_what(
    conclusions: dict[str, CaseConclusion], attendance: list[str], adjourns: bool, named: str
) -> None:
    with pytest.raises(IncompleteConclusion) as caught:
        check_conclusions(["1", "2"], ["A", "B"], conclusions, attendance, adjourns=adjourns)
    assert named in caught.value.zh
    assert named in caught.value.en


@pytest.mark.parametrize(("numbers", "adjourns"), [(["1", "2"], False), (["1"], True)])
def test_all_of_the_agenda_or_some_with_the_rest_adjourned_is_complete(numbers: list[str], adjourns: bool) -> None:
    ruled = CaseConclusion([Part("A", True), Part("C", False)], Manner.RULED, "未达成一致", {"B": "不同意"})
    said = dict.fromkeys(numbers, ruled)
    check_conclusions(["1", "2"], ["A", "B"], said, ["A", "B"], adjourns=adjourns)
    assert (ruled.role_of("A"), ruled.role_of("C"), ruled.role_of("B")) == ("lead", "supporting", "not_concerned")
