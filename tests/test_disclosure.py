"""What a department may read: names of the point, telephone, identity and e-mail numbers are masked."""

import pytest

from app.disclosure import disclose_text
from app.masking import MASK, identifying_terms, is_cut_of, mask, reveals

TERMS = identifying_terms(["石板冲村", "示例街道甲", None])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我们石板冲村十个人", f"我们{MASK}十个人"),
        ("石板冲的会计", f"{MASK}的会计"),
        ("打13800138000找我", f"打{MASK}找我"),
        ("打138-0013-8000找我", f"打{MASK}找我"),
        ("身份证43010219900101123X。", f"身份证{MASK}。"),
        ("43010219900101123X的低保", f"{MASK}的低保"),
        ("座机0731-88886666", f"座机{MASK}"),
        ("邮箱li.si@example.com.cn收", f"邮箱{MASK}收"),
        ("身份证430102 1990 0101 1234,住三组", f"身份证{MASK},住三组"),
        ("打1 3 8 0 0 1 3 8 0 0 0找我", f"打{MASK}找我"),
        ("打１３８－００１３－８０００找我", f"打{MASK}找我"),
        ("打+86 138 0013 8000", f"打{MASK}"),
        ("打138\u200b0013\u200b8000", f"打{MASK}"),
        ("座机(0731)88886666转", f"座机{MASK}转"),
        ("座机073188886666", f"座机{MASK}"),
        ("电话:88886666", f"电话:{MASK}"),
        ("微信号是wang_2024a", f"微信号是{MASK}"),
        ("卡号6222021234567890123。", f"卡号{MASK}。"),
        ("邮箱ｌｉ．ｓｉ＠example.com", f"邮箱{MASK}"),
        ("石 板 冲 村的", f"{MASK}的"),
        ("石板　冲的", f"{MASK}的"),
        ("我是石板冲村的王芳,帮我问问", f"我是{MASK}的{MASK},帮我问问"),
        ("我是村会计李四", f"我是村会计{MASK}"),
        ("我是驻村干部张建国。", f"我是驻村干部{MASK}。"),
        ("我是村里的老王。", f"我是村里的{MASK}。"),
        ("村支部书记张伟说报了三遍", f"村支部书记{MASK}说报了三遍"),
        ("张伟书记说报了三遍", f"{MASK}书记说报了三遍"),
        ("去找王主任签字", f"去找{MASK}主任签字"),
        ("联系人：高小明，电话 13800138000", f"联系人：{MASK}，电话 {MASK}"),
        ("联系人:欧阳春花", f"联系人:{MASK}"),
        ("反映人赵敏", f"反映人{MASK}"),
        ("本人姓名:某某某", f"本人姓名:{MASK}"),
        ("我姓刘", f"我姓{MASK}"),
        ("湘民发〔2025〕41号要求填23张表,12345派单", "湘民发〔2025〕41号要求填23张表,12345派单"),
    ],
)
def test_what_identifies_is_masked_and_the_burden_stays(text: str, masked: str) -> None:
    assert mask(text, TERMS) == masked


@pytest.mark.parametrize(
    "text",
    [
        "区民政局、市卫健委和省教育厅各发一张表,书记周报、主任例会都要台账。",
        "我是高新区的,区农业农村局要求每月10日、20日报数。",
        "黄兴镇书记要去林业局开会,区委组织部要300份材料。",
        "会计程序复杂,书记马上就要,主任许多事都要报,村主任周一要去区里。",
        "2025年3月1日至2025年12月31日,报表1 2 3 4 5 6 7 8张,共计20250301份。",
        "联系人:区民政局",
        "万名网格员填表,文化站站长、林业站站长也要填。",
        "12345热线派单每单要求24小时办结,平台编号2025-001-22。",
    ],
)
def test_departments_numbers_of_the_matter_and_ordinary_words_stay(text: str) -> None:
    assert mask(text, TERMS) == text


def test_the_name_of_a_department_is_not_harmed_by_a_point_that_is_called_alike() -> None:
    terms = identifying_terms(["芙蓉社区", "定王台街道"], ["芙蓉区民政局"])
    assert mask("芙蓉区民政局要芙蓉社区报表,定王台也要", terms) == f"芙蓉区民政局要{MASK}报表,{MASK}也要"


def test_masking_what_is_masked_changes_nothing() -> None:
    once = mask("我是石板冲村的王芳,书记张伟13800138000", TERMS)
    assert mask(once, TERMS) == once
    assert not reveals(once, TERMS)


@pytest.mark.parametrize(
    ("shown", "is_cut"),
    [
        ("区局要表,找王芳。", True),
        (f"区局要表,找{MASK}。", True),
        (f"{MASK}要表,找{MASK}", True),
        (f"区局{MASK}", True),
        ("区局要表", True),
        (f"区局要{MASK}一张表。", False),
        ("市局要表,找王芳。", False),
        ("找王芳。", False),
        (f"{MASK}找王芳。区局", False),
    ],
)
def test_departments_read_the_reporters_own_words_or_none(shown: str, is_cut: bool) -> None:
    assert is_cut_of(shown, "区局要表,找王芳。") is is_cut


def test_a_title_is_masked_like_its_text_and_long_texts_are_cut() -> None:
    shown = disclose_text([("石板冲村的表", "表" * 9000, TERMS)])[0]
    assert shown["title"] == f"{MASK}的表"
    assert len(shown["text"] or "") == 4000


def test_a_name_too_short_to_tell_apart_is_not_cut_down() -> None:
    assert identifying_terms(["李村"]) == ["李村"]
