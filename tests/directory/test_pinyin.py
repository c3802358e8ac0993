"""拼音: departments are found by initials and by pinyin, with the reading that a character has in that name."""

import sys
from zoneinfo import ZoneInfo

import pytest

from app.deadlines import Calendar
from app.directory.city import City, build_city
from app.directory.loading import read_files
from app.directory.pack import BUNDLED_PACK
from app.directory.pinyin import fold_typed, shorten


@pytest.fixture(scope="module")
def city() -> City:
    return build_city(read_files(BUNDLED_PACK), Calendar({}, "test", ZoneInfo("Asia/Shanghai")))


FOUND = [
    ("smzj", "CS-MZ"), ("minzheng", "CS-MZ"), ("shiminzhengju", "CS-MZ"), ("changshashi minzheng ju", "CS-MZ"),
    ("SMZJ", "CS-MZ"), ("ｓｍｚｊ", "CS-MZ"), ("cssmzj", "CS-MZ"), ("furong", "FR-MZ"), ("frqmzj", "FR-MZ"),
]  # fmt: skip
# What a character is read as depends on its word: 长沙 河长 银行 行政 调查 协调.
READ = [
    ("长沙市民政局", "changshashiminzhengju"), ("省河长办", "shenghezhangban"), ("人民银行", "renminyinhang"),
    ("市行政审批局", "shixingzhengshenpiju"), ("调查总队", "diaochazongdui"),
    ("湖南省优化营商环境协调事务中心", "hunanshengyouhuayingshanghuanjingxietiaoshiwuzhongxin"),
    ("市妇联", "shifulian"), ("市12345", "shi12345"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "code"), FOUND)
def test_a_department_is_found_by_what_is_typed(city: City, typed: str, code: str) -> None:
    assert code in city.spelled_with(typed)


@pytest.mark.parametrize(("name", "reading"), READ)
def test_a_name_is_spelled_as_it_is_said(city: City, name: str, reading: str) -> None:
    named = [d.code for d in city.departments.values() if name in (d.name, *d.short_names)]
    assert named
    assert all(reading in city.spell()[code] for code in named)


def test_every_department_has_a_spelling_in_plain_letters(city: City) -> None:
    for code, keys in city.spell().items():
        assert keys, code
        assert all(key.isascii() and key.isalnum() and key.islower() for key in keys if not key.isdigit()), keys
        line = city.say_spelling(code)
        assert all(any(key in part for part in line.split()) for key in keys)


def test_only_a_whole_name_chooses_and_only_letters_search(city: City) -> None:
    assert city.spelled_as("cssmzj") == ["CS-MZ"]
    assert city.spelled_as("cssmz") == []
    # 市民政局 is what people call those of two county-level cities too, and 市民宗局 has the same initials.
    assert {"CS-MZ", "LYS-MZ", "CS-MZZ"} < set(city.spelled_as("smzj"))
    assert len(city.spelled_with("minzheng")) > 9
    for typed in ("", "民政", "smzj民", "<b>", "123", "%"):
        assert (fold_typed(typed), city.spelled_with(typed)) == ("", [])
    assert fold_typed("lü you") == "lvyou"


def test_the_dictionaries_do_not_stay_in_memory(city: City) -> None:
    city.spell()
    assert not [module for module in sys.modules if module.startswith("pypinyin")]


def test_a_key_within_another_is_said_once() -> None:
    assert shorten(("smzj", "cssmzj", "shiminzhengju", "changshashiminzhengju")) == "changshashiminzhengju cssmzj"
