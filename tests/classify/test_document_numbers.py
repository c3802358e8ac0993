"""Document numbers: found as written, issuer by longest prefix, collisions by district, look-alikes left out."""

import pytest

from app.directory.knowledge import Knowledge
from tests.classify.asking import ask

KNOWN = [
    ("湘民发〔2025〕41号", "芙蓉区", "HN-MZ"),
    ("湘建监督[2025]34号", "芙蓉区", "HN-ZJ"),
    ("湘发改价费〔2025〕1187号", "芙蓉区", "HN-FG"),
    ("长政办发〔2025〕39号", "长沙县", "CS-ZB"),
    ("长县政办发〔2025〕15号", "长沙县", "CX-ZB"),
    ("岳政办发〔2025〕2号", "岳麓区", "YL-ZB"),
    ("岳政办发〔2025〕2号", "芙蓉区", None),
    ("宁政发〔2025〕16号", "宁乡市", "NX-ZB"),
    ("宁政发〔2025〕16号", "浏阳市", None),
    ("岳财发〔2025〕3号", "岳麓区", None),
    ("江永民发〔2021〕34号", "芙蓉区", None),
    ("永民发〔2021〕20号", "芙蓉区", None),
    ("国办函〔2026〕12号", "芙蓉区", "HN-ZB"),
    ("民发〔2020〕20号", "芙蓉区", "HN-MZ"),
    ("湘新管发〔2025〕9号", "岳麓区", "YL-ZB"),
    ("湘卫基层发〔2025〕9号", "芙蓉区", "HN-WJ"),
    ("望卫健发〔2025〕9号", "望城区", "WC-WJ"),
    ("长市监〔2025〕33号", "芙蓉区", "CS-SJG"),
]


@pytest.mark.parametrize(("number", "district", "issuer"), KNOWN)
def test_the_issuer_is_told_by_the_longest_prefix(
    number: str, district: str, issuer: str | None, knowledge: Knowledge
) -> None:
    found = ask(knowledge, f"按{number}要求,每周报一张表", district).document_numbers
    assert [(item.text, item.issuer) for item in found] == [(number, issuer)]


@pytest.mark.parametrize(
    "text",
    [
        "页脚写着湘ICP备05005356号",
        "湘卫网申字(2013)第057号",
        "(湘)医广【2013】第13-0731-974号",
        "法院案号(2023)湘01民初123号",
        "营业执照湘公网安备43010202001234号",
        "住在雨花路2025号",
    ],
)
def test_look_alikes_are_no_document_numbers(text: str, knowledge: Knowledge) -> None:
    assert ask(knowledge, f"{text},社区天天被要求填表").document_numbers == ()


def test_blanks_inside_a_number_stay_as_written(knowledge: Knowledge) -> None:
    found = ask(knowledge, "根据湘民发 〔2025〕 31 号,逐户填表").document_numbers
    assert [item.text for item in found] == ["湘民发 〔2025〕 31 号"]


def test_cited_numbers_are_returned_too(knowledge: Knowledge) -> None:
    decision = ask(knowledge, "湘农发〔2025〕26号只要求逢十报送;长沙市农业农村局改成每天报", "浏阳市")
    assert [item.text for item in decision.document_numbers] == ["湘农发〔2025〕26号"]
    assert [receiver.code for receiver in decision.receivers] == ["CS-NY"]
