"""The forms by which a department acts on its duty or speaks at a session, read into the shapes of the interface.

Each shape is checked by the interface's own rules; what is wrong is said in the words of the page. No rules here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from app.api import acts
from app.api.consultations import OpinionIn
from app.api.sessions import ResponseIn
from app.dashboard.forms import BadFields, Form
from app.dashboard.language import N_, translator
from app.dashboard.ruling_form import find_department
from app.directory.city import City
from app.problems import InvalidInput

DOCUMENT_ROWS: Final = 3
EMPTY: Final = frozenset({"missing", "string_too_short", "too_short", "enum", "bool_type", "date_type"})

# What a field is called, by act; the order is that of the form.
FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "acceptance": {},
    "return": {
        "reason": N_("退回理由"),
        "explanation": N_("说明"),
        "legal_basis": N_("法律或文件依据"),
        "proposed_department": N_("建议由哪个部门承担"),
    },
    "progress": {"note": N_("办理进展")},
    "feedback": {
        "resolved": N_("办理结果"),
        "measures": N_("整改措施"),
        "public_reply": N_("可公开的答复"),
        "measure_kinds": N_("整改举措"),
        "documents": N_("涉及文件"),
        "completed_on": N_("完成日期"),
        "scope": N_("举一反三范围"),
        "scope_note": N_("举一反三"),
        "hours_saved_per_month": N_("每月减少工时"),
        "internal_account": N_("内部说明"),
        "because": N_("未能解决的原因"),
        "explanation": N_("情况说明"),
        "evidence": N_("佐证材料"),
    },
    "extension": {"reason": N_("延期理由"), "until": N_("希望延至"), "working_days": N_("需要增加的工作日")},
    "forwarding": {"forwarded_to": N_("上报至"), "reference": N_("上报文号"), "forwarded_on": N_("上报日期")},
    "upstream_reply": {
        "agreed": N_("省级是否同意"),
        "answer": N_("省级答复"),
        "public_reply": N_("可公开的答复"),
        "reference": N_("答复文号"),
        "evidence": N_("佐证材料"),
    },
    "supervision_reply": {"explanation": N_("逾期说明"), "promised_on": N_("承诺日期")},
    "opinion": {"position": N_("意见"), "basis": N_("依据"), "cases": N_("事项")},
    "response": {"answer": N_("参会答复"), "deputy": N_("代表"), "reason": N_("不参会的理由")},
}


class BadForm(InvalidInput):
    """What is wrong with a form, a sentence for each field."""

    code = "invalid_fields"


Shape = TypeVar("Shape", bound=BaseModel)


def read_act(kind: str, form: Form, city: City, evidence: Sequence[str] = ()) -> acts.ActIn:
    """What a department says about its duty; `evidence` are files that came with the form. Raises BadForm."""
    said = _READERS[kind](form, city)
    if "evidence" in FIELDS[kind]:
        said["evidence"] = [*form.all("evidence"), *evidence]
    said["version"] = _number(form, "version")
    return _shape(kind, acts.ACTS[kind], said)


def read_opinion(form: Form) -> OpinionIn:
    """What a department says of the cases on a session's agenda. Raises BadForm."""
    return _shape("opinion", OpinionIn, _texts(form, "position", "basis") | {"cases": form.all("case") or None})


def read_response(form: Form) -> ResponseIn:
    """Whether it comes to the session; of deputy and reason only what goes with the answer counts. Raises BadForm."""
    said = _texts(form, "answer", "deputy", "reason")
    said["deputy"] = said["deputy"] if said["answer"] == "deputy" else None
    said["reason"] = said["reason"] if said["answer"] == "declined" else None
    return _shape("response", ResponseIn, said)


def typed_words(kind: str, form: Form) -> list[tuple[str, str]]:
    """What was written in a form, by what the fields are called: shown where the form itself cannot be any more."""
    names = FIELDS[kind]
    written = ((label, "、".join(filter(None, form.all(name)))) for name, label in names.items() if name != "evidence")
    return [(label, text) for label, text in written if text]


# ── by act ──


def _texts(form: Form, *names: str) -> dict[str, Any]:
    """Each field's text; None where it was left empty."""
    return {name: form.get(name) or None for name in names}


def _number(form: Form, name: str) -> Any:
    """A whole number, or the text as it is, for the rules to refuse."""
    text = form.get(name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text or None


def _read_return(form: Form, city: City) -> dict[str, Any]:
    said = _texts(form, "reason", "explanation", "legal_basis")
    proposed = form.get("proposed_department")
    code = find_department(proposed, city) if proposed else None
    if proposed and code is None:
        raise BadFields([N_("建议的部门不在部门目录中，请从列表中选择。")])
    return said | {"proposed_department": code}


def _read_feedback(form: Form, _: City) -> dict[str, Any]:
    said = _texts(form, "measures", "public_reply", "completed_on", "scope", "scope_note", "internal_account")
    said["resolved"] = form.get("resolved") != "no"
    if not said["resolved"]:
        said |= _texts(form, "because", "explanation")
    said["measure_kinds"] = form.all("measure_kinds")
    said["documents"] = _read_documents(form)
    said["hours_saved_per_month"] = _hours(form.get("hours_saved_per_month"))
    return said


def _read_documents(form: Form) -> list[dict[str, Any]]:
    """The rows that name a document."""
    rows = zip(form.all("document_number"), form.all("document_action"), form.all("document_name"), strict=False)
    return [{"number": number, "action": action, "name": name or None} for number, action, name in rows if number]


def _hours(text: str) -> float | str | None:
    try:
        return float(text) if text else None
    except ValueError:
        return text


def _read_extension(form: Form, _: City) -> dict[str, Any]:
    return _texts(form, "reason", "until") | {"working_days": _number(form, "working_days")}


def _read_upstream_reply(form: Form, _: City) -> dict[str, Any]:
    agreed = {"yes": True, "no": False}.get(form.get("agreed"))
    return _texts(form, "answer", "public_reply", "reference") | {"agreed": agreed}


Reader = Callable[[Form, City], dict[str, Any]]
_READERS: Final[Mapping[str, Reader]] = {
    "acceptance": lambda form, city: {},
    "return": _read_return,
    "progress": lambda form, city: _texts(form, "note"),
    "feedback": _read_feedback,
    "extension": _read_extension,
    "forwarding": lambda form, city: _texts(form, "reference", "forwarded_on", "forwarded_to"),
    "upstream_reply": _read_upstream_reply,
    "supervision_reply": lambda form, city: _texts(form, "explanation", "promised_on"),
}


# ── what is wrong ──


def _shape(kind: str, shape: type[Shape], said: Mapping[str, Any]) -> Shape:
    try:
        return shape.model_validate({name: value for name, value in said.items() if value is not None})
    except ValidationError as error:
        raise _explain(kind, error) from None


def _explain(kind: str, error: ValidationError) -> BadForm:
    """One sentence for each field that is wrong, in both languages; never what was entered."""
    faults: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for fault in error.errors():
        label = FIELDS[kind].get(str(fault["loc"][0]), N_("表单"))
        faults.setdefault(label, _say(fault["type"], fault.get("ctx") or {}))
    return BadForm(*("".join(_in(language, faults)) for language in ("zh", "en")))


def _say(kind: str, limits: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if kind in EMPTY:
        return N_("请填写“%(field)s”。"), {}
    if kind == "string_too_long":
        return N_("“%(field)s”不得超过 %(most)s 字。"), {"most": limits["max_length"]}
    return N_("“%(field)s”填写不正确，请核对。"), {}


def _in(language: str, faults: Mapping[str, tuple[str, Mapping[str, Any]]]) -> list[str]:
    say = translator(language)
    space = " " if language == "en" else ""
    return [say(message, field=say(label), **limits) + space for label, (message, limits) in faults.items()]
