"""公文: issues official documents on a case or a session, each with its number and in its case's chain; voids them.

What a document says is worked out from what stands there under the lock, and frozen. Who asks for one that was issued
already, by a second click or a moment later, gets that one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.directory.city import City
from app.disclosure import disclose_report
from app.documents import register
from app.documents.occasions import Occasion, occasions_of_case, occasions_of_session
from app.documents.register import Entry, find_valid
from app.documents.session_wording import Topic, word_invitation, word_minutes
from app.documents.sheet import Sheet
from app.documents.wording import Letter, Matter, Text, word_case
from app.flow.desk import Desk
from app.ledger.documents import cases_of, get_document, order_number
from app.ledger.search import CaseRecord, read_record
from app.ledger.sessions import SessionRecord, read_consultation
from app.masking import mask
from app.models import (
    AgendaItem,
    AgendaOutcome,
    Assignment,
    Case,
    Consultation,
    Document,
    DocumentKind,
    Report,
    Urgency,
)
from app.problems import Conflict

MOST_REPORTS: Final = 3


class OccasionPassed(Conflict):
    code = "occasion_passed"
    title_zh, title_en = "所要印发的内容已变化", "What was to be issued has changed"

    def __init__(self) -> None:
        super().__init__(
            "该事项或会商刚有变化，这份公文不能再按原样印发。请重新读取后再办理。",
            "The case or the session has just changed; this document can no longer be issued as it was. Read it again.",
        )


@dataclass(frozen=True, slots=True)
class Added:
    """What the issuer adds: who gets a copy (抄送), and a further paragraph; either may be empty."""

    copies: str = ""
    remarks: str = ""


def occasions_on_case(record: CaseRecord) -> list[Occasion]:
    """What may be issued on a case as it stands."""
    return occasions_of_case(record.case, record.assignments, record.deadlines, record.instructions)


def occasions_on_session(record: SessionRecord) -> list[Occasion]:
    """What may be issued on a session as it stands."""
    return occasions_of_session(record.consultation, [item for item, _ in record.agenda], record.invitations)


def _find(occasions: Sequence[Occasion], key: str) -> Occasion:
    """Raises OccasionPassed."""
    for occasion in occasions:
        if occasion.key == key:
            return occasion
    raise OccasionPassed


# ── what it says ──


async def draft_on_case(
    session: AsyncSession, city: City, now: datetime, record: CaseRecord, key: str, number: str, added: Added
) -> Sheet:
    """What a document on a case says now, under that number. Raises OccasionPassed."""
    occasion = _find(occasions_on_case(record), key)
    letter = _letter(city, now, number, record.reports, added)
    case = record.case
    names = {kind.code: kind.name for kind in city.pack.burden_types}
    matter = Matter(
        case.number,
        [names.get(code, code) for code in case.burden_types],
        case.urgency is Urgency.URGENT,
        _masked(letter, record.reports),
    )
    issued = [f"{kind}:{occasion.duty.id}" for kind in ("assignment", "escalation")] if occasion.duty else []
    return word_case(letter, occasion, matter, record.deadlines, await order_number(session, issued))


async def draft_on_session(
    session: AsyncSession, city: City, now: datetime, record: SessionRecord, key: str, number: str, added: Added
) -> Sheet:
    """What a document on a session says now, under that number. Raises OccasionPassed."""
    occasion = _find(occasions_on_session(record), key)
    held = occasion.kind is DocumentKind.MINUTES
    topics: list[Topic] = []
    reports: list[Report] = []
    for item, case in _concerned(record, held=held):
        known = await read_record(session, case)
        reports += known.reports
        texts = _masked(_letter(city, now, number, known.reports, added), known.reports)
        duties = [duty for duty in known.assignments if duty.consultation_id == record.consultation.id]
        topics.append(Topic(case.number, texts, case.id, item.conclusion, _ordered(duties)))
    letter = _letter(city, now, number, reports, added)
    if held:
        return word_minutes(letter, record.consultation, topics, record.invitations, record.positions)
    return word_invitation(letter, record.consultation, topics, record.invitations)


def _concerned(record: SessionRecord, *, held: bool) -> list[tuple[AgendaItem, Case]]:
    """The agenda that a document is about: what was concluded, or what waits."""
    outcome = AgendaOutcome.CONCLUDED if held else None
    return [(item, case) for item, case in record.agenda if item.outcome is outcome]


def _ordered(duties: Sequence[Assignment]) -> list[Assignment]:
    """The lead's first, then by department."""
    return sorted(duties, key=lambda duty: (duty.role != "lead", duty.department_code, duty.id))


def _letter(city: City, now: datetime, number: str, reports: Sequence[Report], added: Added) -> Letter:
    zone = city.calendar.zone
    return Letter(
        issuer=city.pack.issuer,
        number=number,
        day=now.astimezone(zone).date(),
        zone=zone,
        names=city.names,
        terms=city.terms_of_points(report.observation_point_code for report in reports),
        copies=added.copies,
        remarks=added.remarks,
    )


def _masked(letter: Letter, reports: Sequence[Report]) -> list[Text]:
    """What departments read of the reports anyway."""
    return [disclose_report(report, letter.terms) for report in reports[:MOST_REPORTS]]


# ── issuing ──


async def issue_on_case(desk: Desk, number: str, key: str, added: Added) -> Document:
    """印发 on a case, or the document that was issued for this already. Raises NotFound, MergedAway, OccasionPassed."""
    file = await desk.open_numbered(number)
    known = await find_valid(desk.session, key)
    if known is not None:
        return known
    record = await read_record(desk.session, file.case)
    occasion = _find(occasions_on_case(record), key)
    entry = Entry(occasion.kind, key, number, desk.principal.holder)
    sheet = await draft_on_case(desk.session, desk.city, desk.now, record, key, "", added)
    return await _keep(desk, [file], entry, sheet)


async def issue_on_session(desk: Desk, id_or_number: str, key: str, added: Added) -> Document:
    """印发 on a session, or the document that was issued for this already. Raises NotFound or OccasionPassed."""
    held = key.startswith(f"{DocumentKind.MINUTES}:")
    cases = await _cases_to_lock(desk.session, id_or_number, AgendaOutcome.CONCLUDED if held else None)
    files = [await desk.open_file(case_id) for case_id in cases]
    known = await find_valid(desk.session, key)
    if known is not None:
        return known
    record = await read_consultation(desk.session, id_or_number)
    occasion = _find(occasions_on_session(record), key)
    if {case.id for _, case in _concerned(record, held=held)} != set(cases):
        raise OccasionPassed
    session = record.consultation
    entry = Entry(occasion.kind, key, session.number, desk.principal.holder, session.id)
    sheet = await draft_on_session(desk.session, desk.city, desk.now, record, key, "", added)
    return await _keep(desk, files, entry, sheet)


async def _cases_to_lock(session: AsyncSession, id_or_number: str, outcome: AgendaOutcome | None) -> list[str]:
    """Ids of the cases with that outcome on a session's agenda, by number; nothing is loaded before the lock."""
    rows = await session.scalars(
        select(Case.id)
        .join(AgendaItem, AgendaItem.case_id == Case.id)
        .join(Consultation, Consultation.id == AgendaItem.consultation_id)
        .where(
            (Consultation.id == id_or_number) | (Consultation.number == id_or_number),
            AgendaItem.outcome.is_(None) if outcome is None else AgendaItem.outcome == outcome,
        )
        .order_by(Case.number)
    )
    return list(rows)


async def _keep(desk: Desk, files: Sequence[CaseFile], entry: Entry, sheet: Sheet) -> Document:
    document = await register.issue(files, entry, desk.city.pack.issuer, sheet)
    await _write(desk, files)
    return document


async def _write(desk: Desk, files: Sequence[CaseFile]) -> None:
    """No department is told: what is on paper goes on paper."""
    for file in files:
        await file.batch.write(desk.session)


async def void(desk: Desk, document_id: str, reason: str) -> Document:
    """作废: its number is kept and the sheet says so; another may be issued. Raises NotFound or AlreadyVoided."""
    cases = await cases_of(desk.session, (await get_document(desk.session, document_id)).id)
    files = [await desk.open_file(case_id) for case_id in cases]
    reports = [report for file in files for report in await desk.reports_on(file)]
    terms = desk.city.terms_of_points(report.observation_point_code for report in reports)
    document = await get_document(desk.session, document_id)
    await desk.session.refresh(document)
    register.void(files, document, desk.principal.holder, mask(reason, terms))
    await _write(desk, files)
    return document
