"""Evidence with spans in the text as it was sent, and one Chinese sentence per decision for people."""

from app.classify.decision import Category, Decision, Evidence, UnclearReason
from app.classify.findings import Findings, Mention
from app.classify.learned import LEARNED
from app.classify.normalize import Prepared
from app.directory.knowledge import Knowledge

_LINE = "line "
LOW_CONFIDENCE = "low_confidence"
LOW_CONFIDENCE_WORDS = "把握不足，不作猜测"
_ROLE_WORDS = {
    "imposes": "提出要求", "adds": "层层加码", "disputes": "互相推诿", "forwards": "只是转发", "suffers": "同样受累",
    "helps": "帮忙", "channel": "正当渠道", "suggested": "被建议出面", "praised": "被表扬", "place": "只是地点",
    "denied": "被排除", "holds": "只是掌握数据", "ended": "已取消", "cited": "被引为规定", "addressee": "反映对象",
    "named": "只是提到",
}  # fmt: skip
_REASONS: dict[UnclearReason | None, str] = {
    UnclearReason.NO_DEPARTMENT: "文中看不出是哪个部门",
    UnclearReason.TIER_UNKNOWN: "只说到条线，看不出层级",
    UnclearReason.NON_DEPARTMENT_SOURCE: "来源是企业、协会等，不是部门",
    UnclearReason.TOWNSHIP_SOURCE: "来源是本镇街",
    UnclearReason.CONFLICT_OF_INTEREST: "来源是统筹部门自身，须回避",
    UnclearReason.OUT_OF_SCOPE: "不属于基层负担",
}
_CATEGORIES = {
    Category.PROVINCIAL: "省级来源，由对口市直部门上报",
    Category.MUNICIPAL_DISTRICT: "市县来源，直接交办",
    Category.MULTI_DEPARTMENT: "涉及多个条线，提请会商",
    Category.UNCLEAR: "待人工研判",
}


def collect_evidence(prepared: Prepared, findings: Findings, title_length: int) -> tuple[Evidence, ...]:
    """Each mention with its role, then the rules that gave it; spans shifted past the title."""
    found = []
    for mention in findings.mentions:
        if mention.slot in "WX" and not mention.cues:
            continue
        supports = (
            f"{'source' if mention.role in ('imposes', 'adds', 'disputes') else mention.role} {_subject(mention)}"
        )
        found.append(
            _evidence(prepared, mention.origin, mention.start, mention.end, supports, mention.weight, title_length)
        )
        for rule, role, weight, start, end in mention.cues:
            found.append(_evidence(prepared, rule, start, end, f"{role} {_subject(mention)}", weight, title_length))
    for start, end, line, weight in findings.learned:
        found.append(_evidence(prepared, LEARNED, start, end, _LINE + line, weight, title_length))
    return tuple(found)


def _subject(mention: Mention) -> str:
    return (
        mention.code
        or mention.line
        or {"W": "township", "X": "non-department"}.get(mention.slot, mention.tier or "unknown")
    )


def _evidence(
    prepared: Prepared, rule: str, start: int, end: int, supports: str, weight: float, title_length: int
) -> Evidence:
    begin, stop = prepared.span(start, end)
    text = prepared.sent[begin:stop]
    if title_length:
        if begin <= title_length:
            return Evidence(rule, text, 0, 0, supports, round(weight, 2), "title")
        begin, stop = begin - title_length - 1, stop - title_length - 1
    return Evidence(rule, text, begin, stop, supports, round(weight, 2))


def summarise(decision: Decision, knowledge: Knowledge) -> str:
    """One sentence: what was decided and the characters it rests on (1-based, inclusive)."""
    reason = LOW_CONFIDENCE_WORDS if LOW_CONFIDENCE in decision.notes else _REASONS.get(decision.reason, "")
    parts = [_CATEGORIES[decision.category] + (f"（{reason}）" if reason else "")]
    basis = [item for item in decision.evidence if item.supports.startswith("source ") and not item.rule[1:].isdigit()]
    if basis:
        parts.append("依据：" + "、".join(_quote(item) for item in basis[:4]))
    for role in ("forwards", "denied", "suffers", "channel", "suggested"):
        named = [
            item for item in decision.evidence if item.supports.startswith(role + " ") and not item.rule[1:].isdigit()
        ]
        if named:
            parts.append(f"{_ROLE_WORDS[role]}：" + "、".join(dict.fromkeys(f"“{item.text}”" for item in named[:3])))
    learned = [item for item in decision.evidence if item.rule == LEARNED and item.supports.startswith(_LINE)]
    if learned and (decision.receivers or decision.suggestions):
        line = learned[0].supports.removeprefix(_LINE)
        parts.append(f"参照以往裁定，事属{line}：" + "、".join(_quote(item) for item in learned))
    if decision.receivers:
        parts.append("承办：" + "、".join(receiver.name for receiver in decision.receivers))
    return "；".join(parts)


def _quote(item: Evidence) -> str:
    return f"标题“{item.text}”" if item.field == "title" else f"第{item.start + 1}–{item.end}字“{item.text}”"
