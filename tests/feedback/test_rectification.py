"""The rules of a department's answer, as tables: dates, documents, and a reason where it is unresolved."""

from datetime import date
from typing import Any

import pytest

from app.feedback.rectification import Because, Document, DocumentAction, Feedback, Measure, describe_document
from app.problems import InvalidInput

TODAY = date(2026, 3, 2)
WITHDRAWN = Document("长民发〔2026〕3号", DocumentAction.WITHDRAWN)
REASON = {"resolved": False, "because": Because.LAW_REQUIRES, "explanation": "法律有规定。"}


def feedback(**more: Any) -> Feedback:
    return Feedback(measures="已取消。", public_reply="已取消。", **more)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"completed_on": TODAY},
        {"document_changed": "长民发〔2026〕3号"},
        {"measure_kinds": [Measure.DOCUMENT_WITHDRAWN], "documents": [WITHDRAWN]},
        {"measure_kinds": [Measure.DOCUMENT_CHANGED], "document_changed": "长民发〔2026〕3号"},
        {"documents": [Document("会议纪要第三次", DocumentAction.ISSUED)]},
        REASON,
    ],
)
def test_a_sound_answer_passes(more: dict[str, Any]) -> None:
    feedback(**more).check(TODAY)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"completed_on": date(2026, 3, 3)}, "completed_in_the_future"),
        ({"measure_kinds": [Measure.DOCUMENT_WITHDRAWN]}, "document_missing"),
        (
            {
                "measure_kinds": [Measure.DOCUMENT_WITHDRAWN],
                "documents": [Document("长民发〔2026〕3号", DocumentAction.ISSUED)],
            },
            "document_missing",
        ),
        ({"documents": [Document("长民发〔2027〕3号", DocumentAction.CHANGED)]}, "document_year_ahead"),
        ({"resolved": False}, "unresolved_reason_unclear"),
        (REASON | {"explanation": "  "}, "unresolved_reason_unclear"),
        (REASON | {"because": None}, "unresolved_reason_unclear"),
        ({"because": Because.OTHER}, "unresolved_reason_unclear"),
        (REASON | {"resolved": True}, "unresolved_reason_unclear"),
    ],
)
def test_an_answer_that_does_not_hold_together_is_refused_with_what_to_do(more: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        feedback(**more).check(TODAY)
    assert refused.value.code == code
    assert refused.value.zh != refused.value.en


@pytest.mark.parametrize(
    ("written", "kept", "usual"),
    [
        ("长民发〔2026〕3号", "长民发〔2026〕3号", True),
        (" 长民发[2026]03号 ", "长民发〔2026〕3号", True),
        ("湘政办发(2025)第12号", "湘政办发〔2025〕12号", True),
        ("长教通【2024】7号", "长教通〔2024〕7号", True),
        ("工作群通知2026-03-01", "工作群通知2026-03-01", False),
        ("〔2026〕3号", "〔2026〕3号", False),
    ],
)
def test_a_documents_number_has_one_spelling_and_an_unknown_form_stays_as_written(
    written: str, kept: str, usual: bool
) -> None:
    described = describe_document(Document(written, DocumentAction.CHANGED))
    assert (described["number"], described["usual_form"]) == (kept, usual)


def test_an_answer_keeps_what_it_always_kept_and_adds_to_it() -> None:
    content = feedback(document_changed="长民发〔2026〕3号", completed_on=TODAY).content()
    assert {
        k: content[k] for k in ("measures", "public_reply", "document_changed", "internal_account", "completed_on")
    } == {
        "measures": "已取消。",
        "public_reply": "已取消。",
        "document_changed": "长民发〔2026〕3号",
        "internal_account": None,
        "completed_on": "2026-03-02",
    }
    assert (content["resolved"], content["documents"], content["because"]) == (True, [], None)
