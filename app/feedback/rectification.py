"""整改: what a department says it did, or why it cannot: measures, documents, scope; the account apart from the reply.

The shapes and their rules, pure. It stores nothing and moves nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from app.problems import InvalidInput

# 发文字号: who issued it, the year in brackets of any kind, the number, as in 长政办发〔2026〕15号.
_NUMBER = re.compile(
    r"(?P<issuer>[\u4e00-\u9fff]{1,15})\s*[〔\[［【(（〈]\s*(?P<year>(?:19|20)\d{2})\s*[〕\]］】)）〉]\s*第?\s*(?P<serial>\d{1,5})\s*号"
)


class Measure(StrEnum):
    """整改举措: what was done about the burden."""

    DOCUMENT_WITHDRAWN = "document_withdrawn"
    DOCUMENT_CHANGED = "document_changed"
    FORM_OR_REPORT_DROPPED = "form_or_report_dropped"
    FREQUENCY_REDUCED = "frequency_reduced"
    MERGED_OR_DATA_SHARED = "merged_or_data_shared"
    SYSTEM_CLOSED_OR_SIMPLIFIED = "system_closed_or_simplified"
    INSPECTION_CANCELLED = "inspection_cancelled"
    SIGNBOARD_REMOVED = "signboard_removed"
    STAFF_RETURNED = "staff_returned"
    DUTY_TAKEN_BACK = "duty_taken_back"
    EXPLAINED_NO_CHANGE = "explained_no_change"
    OTHER = "other"


class DocumentAction(StrEnum):
    """What happened to a document."""

    WITHDRAWN = "withdrawn"
    CHANGED = "changed"
    ISSUED = "issued"


class Scope(StrEnum):
    """举一反三: how far the measure reaches."""

    THIS_POINT = "this_point"
    DISTRICT = "district"
    CITY = "city"
    PROVINCE = "province"


class Because(StrEnum):
    """Why a burden cannot be lifted for now."""

    UPSTREAM_RULE = "upstream_rule"
    LAW_REQUIRES = "law_requires"
    NEEDS_PROVINCE = "needs_province"
    NEEDS_FUNDS = "needs_funds"
    OTHER = "other"


NEEDED_ACTION = {
    Measure.DOCUMENT_WITHDRAWN: DocumentAction.WITHDRAWN,
    Measure.DOCUMENT_CHANGED: DocumentAction.CHANGED,
}


class CompletedInFuture(InvalidInput):
    code = "completed_in_the_future"
    title_zh, title_en = "完成日期晚于今天", "The date of completion lies in the future"

    def __init__(self) -> None:
        super().__init__(
            "完成日期(completed_on)不能晚于今天。尚未完成的，请先登记办理进展或申请延期。",
            "`completed_on` cannot be later than today. Report progress or ask for more time while it is not done.",
            errors=[{"field": "completed_on", "zh": "不能晚于今天", "en": "cannot be later than today"}],
        )


class DocumentMissing(InvalidInput):
    code = "document_missing"
    title_zh, title_en = "缺少文件文号", "The document's number is missing"

    def __init__(self, action: str) -> None:
        super().__init__(
            "举措为废止或修改文件的，请在 documents 中写明文号及处理方式。",
            f"A document that was {action} has to be named in `documents` with its number and that action.",
            errors=[{"field": "documents", "zh": "缺少文号", "en": f"name the document that was {action}"}],
        )


class DocumentYearAhead(InvalidInput):
    code = "document_year_ahead"
    title_zh, title_en = "文号年份有误", "The document's year is wrong"

    def __init__(self) -> None:
        super().__init__(
            "文号中的年份晚于今年。请核对后重新填写。",
            "The year in a document's number lies in the future. Check the number.",
            errors=[{"field": "documents", "zh": "年份晚于今年", "en": "the year lies in the future"}],
        )


class ReasonUnclear(InvalidInput):
    code = "unresolved_reason_unclear"
    title_zh, title_en = "未能解决的原因不明确", "Why it is unresolved is not clear"

    def __init__(self) -> None:
        super().__init__(
            "未能解决的（resolved 为 false），须选择原因(because)并写明情况说明(explanation)；已解决的不填这两项。",
            "Where `resolved` is false, give `because` and `explanation`; leave both out where it is resolved.",
            errors=[{"field": "because", "zh": "与 resolved 不符", "en": "does not fit `resolved`"}],
        )


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was withdrawn, changed or issued; `number` as its department writes it."""

    number: str
    action: DocumentAction
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """整改反馈. `public_reply` alone goes to the reporters; all else stays with the office.

    `resolved` is False where the burden cannot be lifted, `because` and `explanation` say why.
    """

    measures: str
    public_reply: str
    document_changed: str | None = None
    internal_account: str | None = None
    completed_on: date | None = None
    measure_kinds: Sequence[Measure] = ()
    documents: Sequence[Document] = ()
    scope: Scope | None = None
    scope_note: str | None = None
    hours_saved_per_month: float | None = None
    resolved: bool = True
    because: Because | None = None
    explanation: str | None = None

    def check(self, today: date) -> None:
        """Raises CompletedInFuture, DocumentMissing, DocumentYearAhead or ReasonUnclear."""
        if self.completed_on is not None and self.completed_on > today:
            raise CompletedInFuture
        said = bool(self.because) and bool(self.explanation and self.explanation.strip())
        if said is self.resolved or (self.resolved and (self.because or self.explanation)):
            raise ReasonUnclear
        actions = {document.action for document in self.documents}
        for kind in self.measure_kinds:
            needed = NEEDED_ACTION.get(kind)
            if needed and needed not in actions and not self.document_changed:
                raise DocumentMissing(needed)
        for document in self.documents:
            known = _NUMBER.fullmatch(document.number.strip())
            if known and int(known["year"]) > today.year:
                raise DocumentYearAhead

    def content(self) -> dict[str, Any]:
        """What the act keeps; the first five members are as they always were."""
        return {
            "measures": self.measures,
            "public_reply": self.public_reply,
            "document_changed": self.document_changed,
            "internal_account": self.internal_account,
            "completed_on": self.completed_on.isoformat() if self.completed_on else None,
            "measure_kinds": list(dict.fromkeys(self.measure_kinds)),
            "documents": [describe_document(document) for document in self.documents],
            "scope": self.scope,
            "scope_note": self.scope_note,
            "hours_saved_per_month": self.hours_saved_per_month,
            "resolved": self.resolved,
            "because": self.because,
            "explanation": self.explanation,
        }


def describe_document(document: Document) -> dict[str, Any]:
    """A document as the act keeps it: a number of the usual form in its one spelling, any other as it was written."""
    known = _NUMBER.fullmatch(document.number.strip())
    number = f"{known['issuer']}〔{known['year']}〕{int(known['serial'])}号" if known else document.number.strip()
    return {"number": number, "usual_form": known is not None, "action": document.action, "name": document.name}


def document_line(feedback: Feedback) -> str | None:
    """The documents in one line, for the record; the word of an older sender where there is no list."""
    numbers = [describe_document(document)["number"] for document in feedback.documents]
    return "、".join(numbers) or feedback.document_changed
