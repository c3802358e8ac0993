"""学: from the office's rulings to a model that may add a line, and what a changed pack or model would have decided.

Fitting and replaying take long: no transaction is open meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app.classify import ReportText, Thresholds, classify
from app.classify.backtest import BackTest
from app.classify.learn import SEED, Validation, cross_validate, fit
from app.classify.learned import matter_of
from app.database import Database
from app.directory.city import City
from app.directory.knowledge import Knowledge
from app.directory.learned_models import store_model
from app.directory.linear import LinearModel
from app.ledger.lessons import Lesson, PastReport, read_lessons, read_past_reports
from app.problems import AppError

# Fewer than these teach nothing that holds: reports in all, reports of a line, lines.
LEAST_REPORTS, LEAST_OF_A_LINE, LEAST_LINES = 30, 5, 2


class TooLittleToLearnFrom(AppError):
    status, code = 409, "too_little_to_learn_from"
    title_zh, title_en = "可供学习的裁定太少", "Too little to learn from"

    def __init__(self, reports: int, lines: int) -> None:
        super().__init__(
            f"现有可用线索 {reports} 件、条线 {lines} 个；至少需要 {LEAST_REPORTS} 件、{LEAST_LINES} 个条线，"
            f"每个条线至少 {LEAST_OF_A_LINE} 件。裁定多了再学。",
            f"{reports} usable reports of {lines} lines; at least {LEAST_REPORTS} reports of {LEAST_LINES} lines are "
            f"needed, {LEAST_OF_A_LINE} of each line. Learn again when more has been ruled.",
        )


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model, what it was fitted to and what it was worth. `is_new` is False where the very same one was there."""

    model: LinearModel
    trained_on: dict[str, Any]
    validation: Validation
    is_new: bool


async def learn_from_rulings(
    database: Database, city: City, now: datetime, *, folds: int = 5, seed: int = SEED
) -> Learnt:
    """Fit a model to the ledger and keep it as a candidate. Raises TooLittleToLearnFrom."""
    async with database.snapshot() as session:
        lessons = await read_lessons(session)
    model, trained_on, validation = await asyncio.to_thread(_fit_lessons, lessons, city, folds, seed)
    async with database.write() as session:
        is_new = await store_model(session, model, trained_on=trained_on, validation=asdict(validation), now=now)
    return Learnt(model, trained_on, validation, is_new)


def _fit_lessons(
    lessons: Sequence[Lesson], city: City, folds: int, seed: int
) -> tuple[LinearModel, dict[str, Any], Validation]:
    taught = _as_lines(lessons, city)
    counts = Counter(line for line, _ in taught.values())
    usable = {matter: value for matter, value in taught.items() if counts[value[0]] >= max(folds, LEAST_OF_A_LINE)}
    lines = Counter(line for line, _ in usable.values())
    if len(usable) < LEAST_REPORTS or len(lines) < LEAST_LINES:
        raise TooLittleToLearnFrom(len(usable), len(lines))
    texts, labels = list(usable), [line for line, _ in usable.values()]
    validation = cross_validate(texts, labels, folds=folds, seed=seed)
    model = fit(texts, labels, sharpness=validation.sharpness)
    ruled = sum(was_ruled for _, was_ruled in usable.values())
    trained_on = {
        "reports": len(usable),
        "ruled": ruled,
        "unopposed": len(usable) - ruled,
        "lines": dict(sorted(lines.items())),
        "pack": city.pack.version,
    }
    return model, trained_on, validation


def _as_lines(lessons: Iterable[Lesson], city: City) -> dict[str, tuple[str, bool]]:
    """Each matter once, with its line and whether a person ruled it; what was ruled last stands. What the coordinating
    office or the fallback receiver got, they got for want of another: that teaches no line."""
    found: dict[str, tuple[str, bool]] = {}
    knowledge = city.knowledge
    coordinating = knowledge.group(city.pack.coordinating_line)
    for lesson in lessons:
        department = city.departments.get(lesson.department)
        point = city.points.get(lesson.point)
        if department is None or department.code == city.pack.fallback_receiver:
            continue
        line = knowledge.group(department.line)
        matter = matter_of(ReportText(lesson.text, point.district if point else None, title=lesson.title), knowledge)
        if line != coordinating and not (matter in found and found[matter][1] and not lesson.ruled):
            found[matter] = (line, lesson.ruled)
    return found


async def past_reports(database: Database, city: City) -> AsyncIterator[ReportText]:
    """Every report of the ledger as the classifier gets it; `id` is its number."""
    async with database.read() as session:
        async for report in read_past_reports(session):
            yield as_sent(report, city)


def as_sent(report: PastReport, city: City) -> ReportText:
    """A past report as the classifier gets it."""
    point = city.points.get(report.point)
    return ReportText(
        text=report.text,
        title=report.title,
        district=point.district if point else None,
        unit=point.name if point else None,
        declared_departments=report.declared_departments,
        id=report.number,
    )


def replay(
    reports: Iterable[ReportText], in_force: Knowledge, tried: Knowledge, thresholds: Thresholds, *, examples: int
) -> BackTest:
    """Decide each report under both and add up what differs."""
    result = BackTest(examples)
    for report in reports:
        result.add(report, classify(report, in_force, thresholds), classify(report, tried, thresholds))
    return result
