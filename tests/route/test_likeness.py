"""When two reports tell of the same burden: rules as tables, and precision on labelled pairs of our own.

`families.jsonl`: each line is one burden in several wordings (`same`), and others that look like it (`other`): another
system, department, document, period or object in the same template.
"""

import itertools
import json
from functools import cache
from pathlib import Path

import pytest

from app.classify import ReportText, classify
from app.classify import Thresholds as Deciding
from app.directory.knowledge import Knowledge, compile_knowledge
from app.directory.loading import pack_from_files, read_files
from app.directory.pack import BUNDLED_PACK
from app.route.likeness import Features, Thresholds, compare, pairs_of, read_features
from app.route.sketch import MOST_KEYS, keys_of
from app.route.wording import documents_in, plain, systems_in

HERE = Path(__file__).parent
CORPUS = HERE.parent / "classify" / "corpus"
USUAL = Thresholds()
BASE = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"


@cache
def knowledge() -> Knowledge:
    return compile_knowledge(pack_from_files(read_files(BUNDLED_PACK)))


@cache
def features(text: str, district: str = "芙蓉区") -> Features:
    """As intake reads a report."""
    made = classify(ReportText(text=text, district=district), knowledge(), Deciding())
    return read_features(
        text,
        places=(),
        sources=[s.code for s in made.sources],
        burdens=[b.code for b in made.burden_types],
        documents=[n.text for n in made.document_numbers],
        systems=[e.text for e in made.evidence if e.rule == "system" and e.field == "text"],
    )


def labelled_pairs() -> list[tuple[str, str, bool]]:
    pairs = []
    for line in (HERE / "families.jsonl").read_text(encoding="utf-8").splitlines():
        family = json.loads(line)
        pairs += [(one, two, True) for one, two in itertools.combinations(family["same"], 2)]
        pairs += [(one, two, False) for one in family["same"] for two in family["other"]]
    return pairs


def measure(threshold: float) -> tuple[float, float]:
    """Precision and recall on the labelled pairs."""
    pairs = [(compare(features(two), features(one)).score >= threshold, same) for one, two, same in labelled_pairs()]
    hits = sum(found and same for found, same in pairs)
    return hits / sum(found for found, _ in pairs), hits / sum(same for _, same in pairs)


def test_what_joins_by_itself_is_the_same_burden_on_the_labelled_pairs() -> None:
    pairs = labelled_pairs()
    assert len(pairs) >= 150
    assert min(sum(same for *_, same in pairs), sum(not same for *_, same in pairs)) >= 75
    precision, recall = measure(USUAL.join)
    assert precision >= 0.99
    assert recall >= 0.3


def test_what_is_suggested_finds_most_wordings_of_a_burden() -> None:
    precision, recall = measure(USUAL.suggest)
    assert recall >= 0.85
    assert precision >= 0.45


def test_no_two_of_the_classifiers_different_reports_join() -> None:
    """Each of them was written as a burden of its own; every eighth, for time."""
    lines = [line for path in sorted(CORPUS.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()][::8]
    rows = [json.loads(line) for line in lines]
    read = [features(row["text"], row["district"]) for row in rows]
    joined = [
        (one.words, two.words)
        for one, two in itertools.combinations(read, 2)
        if one.sources == two.sources and compare(one, two).score >= USUAL.join
    ]
    assert joined == []


JOINS = {
    "an opening and a plea": f"反映一个问题:{BASE}请领导帮助解决,谢谢。",
    "other words for week and report": BASE.replace("每周", "每个星期").replace("报一次", "报送1次"),
    "a clause about the own place": f"{BASE}我们村有326户。",
}
STAYS_APART = {
    "another period": BASE.replace("每周", "每月"),
    "another object": BASE.replace("独居老人", "残疾人"),
    "another department": BASE.replace("区民政局", "区卫健局"),
    "it was called off": f"{BASE}该要求已取消。",
    "another clause in place of one": BASE.replace("还要逐户拍照上传", "还要老人签字"),
}


@pytest.mark.parametrize("text", JOINS.values(), ids=JOINS)
def test_an_edited_copy_is_above_the_threshold_for_joining(text: str) -> None:
    assert compare(features(text), features(BASE)).score >= USUAL.join


@pytest.mark.parametrize("text", STAYS_APART.values(), ids=STAYS_APART)
def test_the_same_template_about_another_thing_stays_below_it(text: str) -> None:
    assert compare(features(text), features(BASE)).score < USUAL.join


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("区民政局要求在养老服务系统里逐户录入。", "区民政局要求在殡葬管理系统里逐户录入。"),
        ("按照湘民发〔2025〕12号,省民政厅要村里建纸质档案。", "按照湘民发〔2025〕21号,省民政厅要村里建纸质档案。"),
        ("第3号通知,区住建局又要物业台账。", "第4号通知,区住建局又要物业台账。"),
        ("区发改局按《关于开展节约用电活动的通知》要承诺书。", "区发改局按《关于开展光盘行动的通知》要承诺书。"),
    ],
    ids=["system", "number", "ordinal", "title"],
)
def test_another_system_or_document_is_not_even_suggested(one: str, two: str) -> None:
    assert compare(features(two), features(one)).score < USUAL.suggest


def test_evidence_names_document_and_system_with_their_place_in_the_text() -> None:
    text = "省民政厅湘民发〔2025〕12号又要在养老服务系统里重录。"
    found = compare(features(text), features("湘民发〔2025〕12号要求养老服务系统重新录入一遍,省民政厅盯得紧。"))
    spans = {reason.kind: text[reason.start : reason.end] for reason in found.reasons if reason.end}
    assert spans == {"document": "湘民发〔2025〕12号", "system": "养老服务系统"}
    assert found.score >= USUAL.suggest


def test_likeness_is_between_nothing_and_one_and_the_same_both_ways() -> None:
    texts = [text for one, two, _ in labelled_pairs()[:60] for text in (one, two)]
    for one, two in itertools.pairwise(texts):
        there, back = compare(features(one), features(two)).score, compare(features(two), features(one)).score
        assert there == back
        assert 0 <= there <= 1


def test_a_place_of_the_reporter_does_not_count_and_wording_is_one() -> None:
    assert plain("韶馨社区每个礼拜照相三次。", ["韶馨社区"]) == plain("每周拍照3次", [])
    assert plain("二十七项、三百零五户", []) == "27项|305户"


def test_names_are_found_where_they_stand() -> None:
    text = "天天登录“阳光村务”平台,又下载湘易办APP,还有个系统。"
    found = systems_in(text, ["湘易办"])
    assert {name: text[slice(*span)] for name, span in found.items()} == {
        "湘易办": "湘易办",
        "阳光村务平台": "阳光村务”平台",
    }
    assert list(documents_in("见《关于减负的通知》", ())) == ["关于减负的通知"]


def test_keys_are_the_same_in_every_process_and_few() -> None:
    read = features("省民政厅湘民发〔2025〕12号又要在养老服务系统里重录。")
    keys = keys_of(read, pairs_of(read.words))
    assert len(keys) == len(set(keys)) <= MOST_KEYS
    assert all(0 <= key < 2**63 for key in keys)
    fixed = Features("村要报表", sources=frozenset({"FR-MZ"}), burdens=frozenset({"FORMS"}))
    assert keys_of(fixed, pairs_of(fixed.words))[0] == FIRST_KEY


# As stored: a change of this number makes every key in use worthless.
FIRST_KEY = 7388293163172478076


def test_nine_in_ten_wordings_that_are_worth_suggesting_share_a_key() -> None:
    """A search sees only what shares a key."""
    shared = []
    for one, two, same in labelled_pairs():
        if same and compare(features(two), features(one)).score >= USUAL.suggest:
            keys = [set(keys_of(features(text), pairs_of(features(text).words))) for text in (one, two)]
            shared.append(bool(keys[0] & keys[1]))
    assert sum(shared) / len(shared) >= 0.9


def test_a_threshold_of_one_or_more_never_joins() -> None:
    assert Thresholds().joins
    assert not Thresholds(join=1).joins
