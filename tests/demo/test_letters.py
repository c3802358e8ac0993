"""What points write: enough of it, in many words, understood about as often as in life, and the same for one seed."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from app.classify import ReportText, classify
from app.deadlines import Calendar
from app.demo.letters import FILES, Letter, LetterBox, read_burdens, read_phrases, write_letter
from app.directory.knowledge import compile_knowledge
from app.directory.pack import BUNDLED_PACK, Pack, load_pack

CALENDAR = Calendar({}, "none", ZoneInfo("Asia/Shanghai"))
MONDAY = date(2025, 9, 1)


@cache
def pack() -> Pack:
    return load_pack(BUNDLED_PACK)


def box(seed: int) -> LetterBox:
    return LetterBox(seed, pack().observation_points, {d.code: d for d in pack().districts})


def letters(seed: int, days: int, per_day: float = 5.0) -> list[tuple[str, Letter]]:
    found = []
    for n in range(days):
        day = MONDAY + timedelta(days=n)
        found += [(moment.isoformat(), letter) for moment, letter in box(seed).day(day, CALENDAR, per_day)]
    return found


def test_there_are_hundreds_of_ways_to_say_it_and_every_type_of_burden_occurs() -> None:
    burdens = [burden for file, _ in FILES for burden in read_burdens(file)]
    sayings = [saying for burden in burdens for saying in burden.say]
    assert len(set(sayings)) == len(sayings) >= 250
    assert {b.type for b in burdens if b.type} == {b.code for b in pack().burden_types}
    assert {b.kind for b in burdens} == {"municipal_district", "provincial", "multi_department", "unclear"}


def test_every_way_to_say_it_can_be_filled_for_a_village_and_a_community() -> None:
    points = {p.kind: p for p in pack().observation_points}
    districts = {d.code: d for d in pack().districts}
    for file, _ in FILES:
        for burden in read_burdens(file):
            for saying in burden.say:
                for point in points.values():
                    letter = write_letter(1, replace(burden, say=(saying,)), point, districts[point.district], 2025)
                    assert not set("{}") & set(letter.text)


def test_every_line_that_a_burden_names_has_its_department() -> None:
    lines = {(d.line, str(d.tier)) for d in pack().departments}
    named = {(b.line, b.tier) for file, _ in FILES for b in read_burdens(file) if b.line}
    assert named <= lines


def test_the_same_seed_writes_the_same_letters_and_another_seed_others() -> None:
    assert letters(1, 10) == letters(1, 10)
    assert letters(1, 10) != letters(2, 10)


def test_there_are_fewer_letters_on_free_days_and_about_as_many_as_wished() -> None:
    counts = Counter(date.fromisoformat(moment[:10]) for moment, _ in letters(3, 140))
    working = sum(n for day, n in counts.items() if day.weekday() < 5) / 100
    free = sum(n for day, n in counts.items() if day.weekday() >= 5) / 40
    assert 3.5 < working < 6
    assert free < working / 2


def test_some_burdens_are_reported_by_several_points_and_some_words_are_passed_on() -> None:
    texts = Counter(letter.text for _, letter in letters(1, 120))
    told = Counter(letter.burden.say for _, letter in letters(1, 3))
    assert max(texts.values()) > 1
    assert max(told.values()) > 1


def test_nearly_all_sayings_are_understood_as_their_author_meant() -> None:
    knowledge = compile_knowledge(pack())
    districts = {d.code: d for d in pack().districts}
    points = pack().observation_points
    burdens = [replace(b, say=(saying,)) for file, _ in FILES for b in read_burdens(file) for saying in b.say]
    outcome: Counter[bool] = Counter()
    for number, burden in enumerate(burdens):
        point = points[number % len(points)]
        letter = write_letter(number, burden, point, districts[point.district], 2025)
        report = ReportText(text=letter.text, district=point.district, unit=point.name)
        outcome[classify(report, knowledge).category == burden.kind] += 1
    assert outcome[True] / outcome.total() >= 0.85


@pytest.mark.parametrize("seed", [1, 7])
def test_decisions_are_as_mixed_as_in_life(seed: int) -> None:
    knowledge = compile_knowledge(pack())
    decided: Counter[str] = Counter()
    for _, letter in letters(seed, 60):
        report = ReportText(text=letter.text, district=letter.point.district, unit=letter.point.name)
        decided[classify(report, knowledge).category] += 1
    share = {category: count / decided.total() for category, count in decided.items()}
    assert 0.12 < share["unclear"] < 0.33
    assert 0.4 < share["municipal_district"] < 0.75
    assert share["provincial"] > 0.06
    assert share["multi_department"] > 0.03


def test_what_is_said_by_the_others_is_there_for_each_reason_to_close() -> None:
    answers = {burden.answer for burden in read_burdens("outside")}
    assert {f"closings_{answer}" for answer in answers} <= set(read_phrases())
