"""Reports: sending them, reading what became of them, saying whether the burden is really gone."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import BaseModel, Field

from app.access.principal import Permission
from app.api.clusters import ReasonOut, to_reasons
from app.api.door import Door, In, Out, door, make_router, thresholds_of
from app.close.reply import describe_pause
from app.directory.city import City
from app.flow.desk import Desk
from app.flow.look_back import answer_look_back
from app.flow.receive import Reading, Receipt, read, receive
from app.flow.verification import answer_verification
from app.intake.accept import LONGEST_TEXT, Submission
from app.ledger.reports import ReportRecord
from app.ledger.reports import get_report as find_record
from app.models import Blocker, CaseStatus, LookBackAnswer, ReplyKind, VerificationStatus
from app.problems import AppError

router = make_router("reports 线索")
LARGEST_BATCH = 500
Number = Annotated[str, Path(max_length=24)]


class ReportIn(In):
    """A burden in plain words. `text` is the one required field."""

    text: str = Field(min_length=1, max_length=LONGEST_TEXT, description="what the burden is, in your own words")
    title: str | None = Field(None, max_length=200)
    occurred_on: date | None = None
    declared_departments: list[Annotated[str, Field(max_length=20)]] = Field(default_factory=list, max_length=20)
    hours_per_month: float | None = Field(None, ge=0, le=10_000)
    contact: str | None = Field(None, max_length=200, description="kept encrypted, never shown to a department")

    def to_submission(self) -> Submission:
        return Submission(
            text=self.text,
            title=self.title,
            occurred_on=self.occurred_on,
            hours_per_month=self.hours_per_month,
            declared_departments=tuple(self.declared_departments),
            contact=self.contact,
        )


class ReceiverOut(Out):
    code: str
    name: str
    role: str


class DecisionOut(Out):
    """The decision as the contract has it; `evidence` points at characters of the text that was sent."""

    category: str
    route: str
    reason: str | None
    sources: list[dict[str, Any]]
    receivers: list[ReceiverOut]
    burden_types: list[dict[str, Any]]
    document_numbers: list[dict[str, Any]]
    confidence: float
    suggestions: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    knowledge_version: str
    summary: str
    certificates: list[dict[str, Any]] = Field(
        default_factory=list, description="certificates a village must not be asked for, with the proper channel"
    )
    notes: list[str] = Field(default_factory=list)


class ClassificationOut(DecisionOut):
    """A decision with the `id` that was sent for it; null where none was."""

    id: str | None


class ReceiptOut(Out):
    """What the reporter is told at once."""

    report: str
    case: str
    joined: bool = Field(description="whether the report joined a case that was open already")
    reopened: bool = Field(False, description="the report brought a struck-off case back; it keeps its number")
    relapse_of: str | None = Field(None, description="the struck-off case that this new one follows")
    joined_because: list[ReasonOut] = Field(description="why it joined; spans index your own text, nothing of others'")
    status: CaseStatus
    decision: DecisionOut
    due_at: datetime | None = Field(description="when the next step is due")
    due_provisional: bool = Field(description="a day in between was only assumed: its year is not announced yet")
    ruled_by: str | None = Field(description="`precedent XL-…`: a standing ruling dispatched it as that was settled")


class ReplyOut(Out):
    kind: ReplyKind
    text: str
    sent_at: datetime


class LookBackOut(Out):
    """回头看: asked of a point some weeks after its case was struck off; does the relief hold?"""

    days: int = Field(description="how long after the case was struck off: 30 or 90 calendar days")
    due_at: datetime
    asked_at: datetime | None
    answer_by: datetime | None = Field(description="until then an answer counts; silence is no answer, nobody reminds")
    answer: LookBackAnswer | None
    ended_at: datetime | None
    open: bool = Field(description="waits for `POST …/look-back`")


class UpstreamOut(Out):
    """上报: a department has carried the matter to the province, whose answer is awaited."""

    department: str
    forwarded_on: date
    reference: str
    forwarded_to: str


class MeasureOut(Out):
    """What a point is asked about: who did it, what kind of measure, and what it wrote for the reporters."""

    department: str
    measures: list[str]
    completed_on: date | None
    public_reply: str


class WaitOut(Out):
    """What a paused clock waits for, in words that a reporter may read."""

    kind: Blocker
    until: datetime = Field(description="at the latest; then the clock goes on by itself")
    text: str


class ReportOut(Out):
    """A report and what became of it."""

    report: str
    case: str
    received_at: datetime
    status: CaseStatus
    due_at: datetime | None = Field(description="when the next step is due")
    due_provisional: bool = Field(description="a running clock rests on days that are not announced yet")
    waiting_for: list[WaitOut] = Field(description="what the departments' clocks are paused for")
    answer_due_at: datetime | None = Field(description="by when an answer was promised; a return never moves it")
    verification: VerificationStatus
    responsible: list[str]
    explanation: str
    replies: list[ReplyOut]
    look_backs: list[LookBackOut] = Field(description="the point's looks back at this case, oldest first")
    awaiting_province: list[UpstreamOut] = Field(default_factory=list, description="since when, with which reference")
    asked_about: list[MeasureOut] = Field(default_factory=list, description="while the point is asked to verify")


class BatchIn(In):
    reports: list[ReportIn] = Field(min_length=1, max_length=LARGEST_BATCH)


class BatchEntryOut(Out):
    """One entry's outcome: a receipt or a problem, never both."""

    index: int
    receipt: ReceiptOut | None = None
    problem: dict[str, Any] | None = None


class BatchOut(Out):
    results: list[BatchEntryOut]


class VerificationIn(In):
    relieved: bool = Field(description="负担是否真的减下来")
    comment: str | None = Field(None, max_length=2000)


class LookBackIn(In):
    holds: bool = Field(description="负担减下来以后有没有反弹: true, where it did not come back")
    comment: str | None = Field(None, max_length=2000, description="kept for the office, never sent to a department")


def to_receipt_out(receipt: Receipt, provisional: bool, names: Mapping[str, str]) -> ReceiptOut:
    return ReceiptOut(
        report=receipt.report.number,
        case=receipt.case.number,
        joined=receipt.joined,
        reopened=receipt.reopened,
        relapse_of=receipt.relapse_of,
        joined_because=to_reasons([reason.to_dict() for reason in receipt.joined_because], names),
        status=receipt.case.status,
        decision=DecisionOut.model_validate(receipt.report.decision),
        due_at=receipt.case.due_at,
        due_provisional=provisional,
        ruled_by=receipt.ruled_by,
    )


async def _receive(desk: Desk, body: ReportIn, reading: Reading | None = None) -> ReceiptOut:
    receipt = await receive(desk, body.to_submission(), reading)
    return to_receipt_out(receipt, receipt.provisional, desk.city.names)


@router.post("/reports", status_code=201, response_model=ReceiptOut)
async def post_report(body: ReportIn, at: Annotated[Door, door(Permission.SEND_REPORTS)]) -> Response:
    """Send a report. The answer says at once who is responsible, why, and by when."""
    reading = _read_ahead(at, body)
    return await at.write(lambda desk: _receive(desk, body, reading), status=201, together=True)


def _read_ahead(at: Door, body: ReportIn) -> Reading | None:
    """Before the transaction, which others wait for; whatever is wrong with the report is answered within it."""
    city, point = at.runtime.cities.current, at.principal.observation_point or ""
    try:
        return read(city, thresholds_of(at.runtime), body.to_submission(), point)
    except AppError:
        return None


@router.post("/reports/batch", response_model=BatchOut)
async def post_batch(body: BatchIn, at: Annotated[Door, door(Permission.SEND_REPORTS)]) -> Response:
    """Send up to 500 reports; each is its own: a faulty one stops none of the others."""

    async def receive_each(desk: Desk) -> BaseModel:
        results = []
        await desk.numbers.reserve_for(len(body.reports), desk.now)
        for index, entry in enumerate(body.reports):
            try:
                async with desk.session.begin_nested():
                    receipt = await _receive(desk, entry)
                results.append(BatchEntryOut(index=index, receipt=receipt))
            except AppError as error:
                results.append(BatchEntryOut(index=index, problem=error.to_problem()))
        return BatchOut(results=results)

    return await at.write(receive_each)


@router.get("/reports/{number}")
async def get_report(number: Number, at: Annotated[Door, door(Permission.READ_REPORTS)]) -> ReportOut:
    """What became of a report. A reporter reads its own point's only."""
    async with at.read() as session:
        record = await find_record(session, at.principal, number)
    return to_report_out(record, at.runtime.cities.current)


def to_report_out(record: ReportRecord, city: City) -> ReportOut:
    report, case = record.report, record.case
    receivers = report.decision.get("receivers", [])
    responsible = [r["name"] for r in receivers]
    if case.owner_department and case.owner_department not in {r["code"] for r in receivers}:
        responsible = [city.names.get(case.owner_department, case.owner_department)]
    return ReportOut(
        report=report.number,
        case=case.number,
        received_at=report.received_at,
        status=case.status,
        due_at=case.due_at,
        due_provisional=record.provisional,
        waiting_for=[
            WaitOut(kind=kind, until=until, text=describe_pause(kind, until, city.calendar.zone))
            for kind, until in record.waiting_for
        ],
        answer_due_at=case.answer_due_at,
        verification=report.verification,
        responsible=responsible,
        explanation=report.decision.get("summary", ""),
        replies=[ReplyOut.model_validate(r) for r in record.replies],
        look_backs=[
            LookBackOut.model_validate(
                {name: getattr(q, name, None) for name in LookBackOut.model_fields}
                | {"open": q.asked_at is not None and q.ended_at is None}
            )
            for q in record.look_backs
        ],
        awaiting_province=[
            UpstreamOut(
                department=city.names.get(duty.department_code, duty.department_code),
                **{key: act.content[key] for key in ("forwarded_on", "reference", "forwarded_to")},
            )
            for duty, act in record.forwardings
        ],
        asked_about=[
            MeasureOut(
                department=city.names.get(duty.department_code, duty.department_code),
                measures=act.content.get("measure_kinds", []),
                completed_on=act.content.get("completed_on"),
                public_reply=act.content["public_reply"],
            )
            for duty, act in record.measures
        ],
    )


@router.post("/reports/{number}/verification", response_model=ReportOut)
async def post_verification(
    number: Number, body: VerificationIn, at: Annotated[Door, door(Permission.ANSWER_VERIFICATION)]
) -> Response:
    """Say whether the burden is really gone. One no sends the case back to the department."""

    async def answer(desk: Desk) -> BaseModel:
        await answer_verification(desk, number, relieved=body.relieved, comment=body.comment)
        await desk.session.flush()
        return to_report_out(await find_record(desk.session, desk.principal, number), desk.city)

    return await at.write(answer)


@router.post("/reports/{number}/look-back", response_model=ReportOut)
async def post_look_back(
    number: Number, body: LookBackIn, at: Annotated[Door, door(Permission.ANSWER_VERIFICATION)]
) -> Response:
    """Answer a look back. Where the burden has come back, the case is back on the ledger at once."""

    async def answer(desk: Desk) -> BaseModel:
        await answer_look_back(desk, number, holds=body.holds, comment=body.comment)
        await desk.session.flush()
        return to_report_out(await find_record(desk.session, desk.principal, number), desk.city)

    return await at.write(answer)
