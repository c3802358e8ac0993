"""Under which precedents a report falls: rules as tables, and what they do on labelled pairs of our own."""

from typing import Any

import pytest

from app.directory.precedents import PrecedentBook, PrecedentKnown, RulingKnown, cited_in, compile_book
from app.route.likeness import Features, pairs_of
from app.route.precedent import Match, find_precedents, kept_likeness, settlements
from app.route.sketch import keys_of
from tests.route.test_likeness import features, labelled_pairs

DISPUTE = "区民政局、区卫健局、区残联都要求我们在防返贫监测系统里录入同一批困难群众信息,三家口径不一。"


def known(text: str, number: str = "XL-2026-000001", **changes: Any) -> PrecedentKnown:
    given: dict[str, Any] = {"lead": "FR-MZ", "supporting": ("FR-WJ",), "obligations": ()}
    return PrecedentKnown(number=number, likeness=kept_likeness(features(text)), **given | changes)


def matches(text: str, *precedents: PrecedentKnown, of: Features | None = None) -> list[Match]:
    new = of or features(text)
    return find_precedents(text, new, keys_of(new, pairs_of(new.words)), compile_book(precedents))


@pytest.mark.parametrize(
    ("settled", "new", "kind", "where"),
    [
        (DISPUTE, "区民政局每周都要我们登录防返贫监测系统更新台账。", "system", "防返贫监测系统"),
        (DISPUTE, "村里每天都要登录防返贫监测系统补数据,不知道是哪个部门要的。", "system", "防返贫监测系统"),
        (
            "区民政局发的芙民发〔2026〕12号文件要社区填三张表。",
            "芙民发[2026]12号要求区民政局的网格员天天报,谁来管?",
            "document",
            "芙民发[2026]12号",
        ),
        (
            "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。",
            "我们社区人手少。区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。",
            "words",
            "区民政局要求每周报一次独居老人走访台账",
        ),
    ],
)
def test_a_report_falls_under_a_precedent_by(settled: str, new: str, kind: str, where: str) -> None:
    (match,) = matches(new, known(settled))
    assert (match.kind, new[match.start : match.end]) == (kind, where)


@pytest.mark.parametrize(
    ("settled", "new"),
    [
        pytest.param(DISPUTE, "区教育局每周都要我们登录防返贫监测系统更新台账。", id="other source"),
        pytest.param(DISPUTE, "区民政局每周都要我们登录智慧养老平台更新台账。", id="other system"),
        pytest.param(
            "区民政局发的芙民发〔2026〕12号文件要社区在防返贫监测系统填三张表。",
            "区民政局发的芙民发〔2026〕15号文件要社区在防返贫监测系统填三张表。",
            id="same system, other document",
        ),
        pytest.param(
            "区人社局要在湖南就业系统逐人登记,又要在金保系统里重录一遍。",
            "区人社局要在社保认证系统逐人登记,又要在金保系统里重录一遍。",
            id="one system in common, another besides on both sides",
        ),
        pytest.param("区民政局要我们天天登录工作平台填表。", "区民政局又要我们去工作平台打卡。", id="no name at all"),
        pytest.param(
            "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。",
            "区卫健局要求每周报一次独居老人走访台账,还要逐户拍照上传。",
            id="same words, other source",
        ),
        pytest.param("区民政局的《工作方案》要求填表。", "区民政局的《工作方案》让我们开会。", id="same title"),
    ],
)
def test_a_report_does_not_fall_under_the_precedent_of(settled: str, new: str) -> None:
    assert matches(new, known(settled)) == []


def test_a_document_is_surer_than_a_system_and_of_two_as_sure_the_newer_comes_first() -> None:
    text = "区民政局按芙民发〔2026〕12号文件要社区在防返贫监测系统填三张表。"
    by_document = known("区民政局发的芙民发〔2026〕12号文件要社区填表。", "XL-2026-000001")
    older, newer = known(DISPUTE, "XL-2026-000002"), known(DISPUTE, "XL-2026-000003")
    found = [match.precedent.number for match in matches(text, older, by_document, newer)]
    assert found == ["XL-2026-000001", "XL-2026-000003", "XL-2026-000002"]


def test_precedents_that_settle_alike_count_once_and_those_that_do_not_conflict() -> None:
    alike, otherwise = known(DISPUTE, "XL-2026-000002"), known(DISPUTE, "XL-2026-000003", lead="FR-WJ")
    text = "村里每天都要登录防返贫监测系统补数据,不知道是哪个部门要的。"
    assert len(settlements(matches(text, known(DISPUTE), alike))) == 1
    assert len(settlements(matches(text, known(DISPUTE), alike, otherwise))) == 2


def test_of_labelled_pairs_only_those_of_one_matter_or_one_system_share_a_precedent() -> None:
    pairs = [(one, two, same) for one, two, same in labelled_pairs() if features(two).sources]
    found = [(two, match, same) for one, two, same in pairs for match in matches(two, known(one))]
    # The other matter may be one of the same system: what was settled of it is worth knowing.
    assert {match.kind for _, match, same in found if not same} == {"system"}
    assert sum(same for _, _, same in found) > 3 * sum(not same for _, _, same in found)


def test_a_books_version_changes_with_every_change_and_with_nothing_else() -> None:
    one, two = known(DISPUTE), known(DISPUTE, "XL-2026-000002")
    ruled = known(DISPUTE, ruling=RulingKnown("01"))
    versions = {compile_book(entries).version for entries in ([], [one], [two], [one, two], [ruled])}
    assert len(versions) == 5
    assert compile_book([one, two]).version == compile_book([two, one]).version
    assert (PrecedentBook().version, bool(PrecedentBook())) == ("", False)


def test_notes_say_what_was_cited() -> None:
    assert cited_in({"notes": ["low_confidence", "precedent:XL-2026-000001"]}) == ["XL-2026-000001"]
    assert cited_in({}) == []
