"""The shape of a decision, the office's threshold, suggestions, summaries, the title, declared departments."""

from app.classify import Category, Decision, ReportText, Route, Thresholds, UnclearReason, classify
from app.directory.knowledge import Knowledge
from tests.classify.asking import ask, receivers, sources

KEYS = ["id", "category", "route", "reason", "sources", "receivers", "burden_types", "document_numbers", "confidence",
        "suggestions", "evidence", "knowledge_version", "summary", "notes",
        "certificates"]  # fmt: skip


def test_the_json_shape_is_the_contracts(knowledge: Knowledge) -> None:
    shape = classify(ReportText("省民政厅要求每天报表", "芙蓉区", id="A1"), knowledge).to_dict()
    assert list(shape) == KEYS
    assert shape["id"] == "A1"
    assert shape["sources"][0].keys() == {"code", "name", "tier", "line", "confidence"}
    assert shape["receivers"] == [{"code": "CS-MZ", "name": "长沙市民政局", "role": "lead"}]
    assert shape["evidence"][0] == {
        "rule": "short-name", "text": "省民政厅", "start": 0, "end": 4, "supports": "source HN-MZ", "weight": 2.6,
    }  # fmt: skip


def test_a_decision_survives_the_round_trip(knowledge: Knowledge) -> None:
    decision = ask(knowledge, "区民政局、区残联各要一张表", title="重复填表")
    assert Decision.from_dict(decision.to_dict()) == decision


def test_an_unclear_decision_names_nobody_and_suggests(knowledge: Knowledge) -> None:
    decision = ask(knowledge, "民政口要求每天去独居老人家里拍照")
    assert decision.reason is UnclearReason.TIER_UNKNOWN
    assert (decision.sources, decision.receivers) == ((), ())
    assert [suggestion.receivers for suggestion in decision.suggestions][:1] == [("FR-MZ",)]


def test_a_conflict_of_interest_names_its_organization_department(knowledge: Knowledge) -> None:
    decision = ask(knowledge, "区委组织部的党员系统天天要打卡")
    assert (decision.category, decision.route) == (Category.UNCLEAR, Route.TRIAGE)
    assert sources(decision) == ["FR-ZZ"]
    assert decision.receivers == ()


def test_a_report_that_is_out_of_scope_has_no_burden_types(knowledge: Knowledge) -> None:
    decision = ask(knowledge, "想问一下社区的证明怎么办理,需要什么材料")
    assert decision.reason is UnclearReason.OUT_OF_SCOPE
    assert decision.burden_types == ()


def test_below_the_offices_threshold_a_report_goes_to_triage_with_the_decision_suggested(knowledge: Knowledge) -> None:
    report = ReportText("市民政局要求每天报表", "芙蓉区")
    decision = classify(report, knowledge, Thresholds(decide=0.999))
    assert decision.category is Category.UNCLEAR
    assert decision.notes == ("low_confidence",)
    assert decision.suggestions[0].receivers == ("CS-MZ",)


def test_the_summary_quotes_the_characters_it_rests_on(knowledge: Knowledge) -> None:
    summary = ask(knowledge, "省民政厅要求填表,区民政局转发").summary
    assert "第1–4字“省民政厅”" in summary
    assert "只是转发：“区民政局”" in summary
    assert "承办：长沙市民政局" in summary


def test_the_title_can_name_the_department(knowledge: Knowledge) -> None:
    decision = ask(knowledge, "每天一张,一户一页,报到半夜", title="关于区民政局报表过多的反映")
    assert receivers(decision) == ["FR-MZ"]
    assert {item.field for item in decision.evidence} == {"title"}


def test_a_ticked_department_counts_only_where_the_text_names_nobody(knowledge: Knowledge) -> None:
    silent = ReportText("每天一张表,一户一页", "芙蓉区", declared_departments=("FR-MZ",))
    assert receivers(classify(silent, knowledge)) == ["FR-MZ"]
    spoken = ReportText("区残联每天一张表,一户一页", "芙蓉区", declared_departments=("FR-MZ",))
    assert receivers(classify(spoken, knowledge)) == ["FR-CL"]
    unknown = ReportText("每天一张表,一户一页", "芙蓉区", declared_departments=("NO-SUCH",))
    assert classify(unknown, knowledge).category is Category.UNCLEAR


def test_a_provincial_lead_comes_before_the_district_in_support(knowledge: Knowledge) -> None:
    text = ReportText("省民政厅要求录系统,区民政局又要我们另报一份纸质表", "芙蓉区")
    decision = classify(text, knowledge, Thresholds(decide=0.0))
    assert [(receiver.code, receiver.role.value) for receiver in decision.receivers] == [
        ("CS-MZ", "lead"),
        ("FR-MZ", "supporting"),
    ]
    assert decision.category is Category.PROVINCIAL


def test_certificates_on_the_list_are_noted_with_their_number(knowledge: Knowledge) -> None:
    decision = ask(knowledge, "区民政局要求社区开亲属关系证明,还要写婚姻状况")
    by_number = {certificate.number: certificate for certificate in knowledge.pack.certificates}
    assert {(c.name, c.proper_channel) for c in decision.certificates} == {
        (by_number[c.number].name, by_number[c.number].proper_channel) for c in decision.certificates
    }
    assert len(decision.certificates) == 2
    named = [by_number[note.removeprefix("certificate:")].name for note in decision.notes]
    assert named == ["亲属关系证明", "婚姻状况证明"]
    assert ask(knowledge, "区民政局要求社区每天报表").notes == ()


def test_a_burden_cites_the_rule_it_breaks(knowledge: Knowledge) -> None:
    rules = {kind.code: kind.rule for kind in knowledge.pack.burden_types}
    found = ask(knowledge, "区民政局要求社区每天报表,报迟的在群里通报排名").burden_types
    assert found
    assert all(burden.rule == rules[burden.code] for burden in found)


def test_an_uneven_second_source_makes_the_decision_unsure(knowledge: Knowledge) -> None:
    even = ask(knowledge, "区民政局要求每天报表,区残联要求每天报数")
    assert receivers(even) == ["FR-MZ", "FR-CL"]
    assert even.confidence < ask(knowledge, "区民政局要求每天报表").confidence
