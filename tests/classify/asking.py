"""Short ways to ask the classifier in a test."""

from app.classify import Decision, ReportText, classify
from app.directory.knowledge import Knowledge


def ask(knowledge: Knowledge, text: str, district: str | None = "芙蓉区", title: str | None = None) -> Decision:
    return classify(ReportText(text, district, title=title), knowledge)


def receivers(decision: Decision) -> list[str]:
    return [receiver.code for receiver in decision.receivers]


def sources(decision: Decision) -> list[str]:
    return [source.code for source in decision.sources]


def outcome(decision: Decision) -> tuple[str, str | None, frozenset[str]]:
    """What the policy decided, without the order of receivers."""
    return decision.category.value, decision.reason and decision.reason.value, frozenset(receivers(decision))
