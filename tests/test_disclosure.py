"""What a department may read: names of the point, telephone, identity and e-mail numbers are masked."""

import pytest

from app.disclosure import MASK, disclose_text, identifying_terms, mask

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
        ("湘民发〔2025〕41号要求填23张表,12345派单", "湘民发〔2025〕41号要求填23张表,12345派单"),
    ],
)
def test_what_identifies_is_masked_and_the_burden_stays(text: str, masked: str) -> None:
    assert mask(text, TERMS) == masked


def test_a_title_is_masked_like_its_text_and_long_texts_are_cut() -> None:
    shown = disclose_text([("石板冲村的表", "表" * 9000, TERMS)])[0]
    assert shown["title"] == f"{MASK}的表"
    assert len(shown["text"] or "") == 4000


def test_a_name_too_short_to_tell_apart_is_not_cut_down() -> None:
    assert identifying_terms(["李村"]) == ["李村"]
