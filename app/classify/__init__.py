"""分 Reads a report and decides who is responsible, by which route and why. Pure: text and tables in, Decision out."""

from app.classify.decide import classify
from app.classify.decision import (
    BurdenFound,
    Category,
    Decision,
    Evidence,
    NumberFound,
    Receiver,
    ReportText,
    Role,
    Route,
    Source,
    Suggestion,
    Thresholds,
    UnclearReason,
)

__all__ = [
    "BurdenFound",
    "Category",
    "Decision",
    "Evidence",
    "NumberFound",
    "Receiver",
    "ReportText",
    "Role",
    "Route",
    "Source",
    "Suggestion",
    "Thresholds",
    "UnclearReason",
    "classify",
]
