"""Tells what is no burden on the grassroots: praise, grievance, crime, litigation, faults, own benefit, questions."""

from app.classify.findings import Findings, Mention
from app.classify.roles import SOURCE_ROLES
from app.classify.sources import Suspect

_NEEDED = {
    "grievance": 2.0,
    "crime": 1.8,
    "litigation": 1.6,
    "technical": 1.6,
    "benefit": 1.5,
    "inquiry": 1.5,
    "emergency": 1.4,
}
_SENTENCE_ENDS = "。!?;\n"
_TURNS = ("但是", "但", "可是", "不过", "然而", "就是", "唯独", "偏", "只是")


def mark_praise(folded: str, findings: Findings) -> None:
    """A department in a sentence of praise or relief is praised, unless the sentence also tells what it demands. Where
    the sentence of praise names nobody, it speaks of the sentence before."""
    praising = any(cue.name == "praise" for cue in findings.scopes)
    for cue in findings.scopes:
        if cue.name not in ("praise", "relief") or not praising:
            continue
        start, end = _sentence_around(folded, cue.start, cue.end)
        start = max([start, *(folded.rfind(turn, start, cue.start) for turn in _TURNS)])
        enough = 1.7 if cue.name == "praise" else 1.1
        inside = _sources_between(findings.mentions, start, end)
        if not inside and cue.name == "praise" and start > 1:
            start, end = _sentence_around(folded, start - 2, start - 1)
            inside, enough = _sources_between(findings.mentions, start, end), 0.9
        for mention in inside:
            if mention.votes.get("imposes", 0.0) < enough:
                mention.role = "praised"
                mention.cues.append((f"scope-{cue.name}", "praised", cue.weight, cue.start, cue.end))


def _sentence_around(folded: str, start: int, end: int) -> tuple[int, int]:
    begin = max(folded.rfind(mark, 0, start) for mark in _SENTENCE_ENDS) + 1
    return begin, min((at for mark in _SENTENCE_ENDS if (at := folded.find(mark, end)) >= 0), default=len(folded))


def _sources_between(mentions: list[Mention], start: int, end: int) -> list[Mention]:
    return [m for m in mentions if start <= m.start < end and m.slot not in "WX" and m.role in SOURCE_ROLES]


def out_of_scope(findings: Findings, suspects: list[Suspect], burdens: int) -> float:
    """Confidence (0 to 1) that the report is none of the service's business; 0.0 where it is."""
    scores: dict[str, float] = {}
    for cue in findings.scopes:
        scores[cue.name] = scores.get(cue.name, 0.0) + cue.weight
    praise = scores.get("praise", 0.0) + scores.get("relief", 0.0)
    active = [suspect for suspect in suspects if suspect.active]
    complained = active or (suspects and burdens) or _others_impose(findings)
    if praise >= 2.0 and scores.get("praise") and not complained:
        return min(0.97, 0.8 + 0.05 * praise)
    complaint = sum(min(2.0, mention.votes.get("imposes", 0.0)) for suspect in suspects for mention in suspect.mentions)
    complaint += 0.9 * burdens + 0.5 * len(suspects)
    for group, needed in _NEEDED.items():
        score = scores.get(group, 0.0)
        if score >= needed and score > complaint:
            return min(0.97, 0.7 + 0.1 * (score - complaint))
    return 0.0


def _others_impose(findings: Findings) -> bool:
    return any(m.role in SOURCE_ROLES and m.votes.get("imposes", 0.0) > 1.0 for m in findings.mentions)
