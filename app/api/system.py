"""Health and metrics: is the process alive, may it be sent work, what does it count."""

import time
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
)
from pydantic import BaseModel

from app.access.limiter import Kind
from app.api.door import PROBLEM_RESPONSES, get_runtime
from app.deliver import log
from app.deliver.alerts import count_alerts
from app.directory.schema import is_at_head
from app.ledger.seals import last_seal
from app.ledger.search import count_by_status
from app.ledger.supervision import count_quarantined
from app.ledger.sweeps import last_sweep
from app.models import AuditSeal, Sweep
from app.problems import AppError

disable_created_metrics()  # type: ignore[no-untyped-call]
router = APIRouter(tags=["system 运行"], responses=PROBLEM_RESPONSES)
OLDEST_HEARTBEAT_SECONDS = 60.0


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


class ReadyOut(BaseModel):
    ready: bool
    checks: dict[str, bool]


@router.get(
    "/readyz",
    response_model=ReadyOut,
    responses={503: {"description": "not ready; `checks` says what is missing", "model": ReadyOut}},
)
async def readyz(request: Request) -> Response:
    """Ready for work: database, schema at head, a pack loaded, and the worker's loop alive where it runs here."""
    checks = await _checks(request)
    ready = all(checks.values())
    return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)


async def _checks(request: Request) -> dict[str, bool]:
    runtime, worker = get_runtime(request), request.app.state.worker
    checks = {"database": False, "schema": False, "pack": False}
    try:
        await runtime.database.now()
        checks["database"] = True
        checks["schema"] = await is_at_head(runtime.database)
        checks["pack"] = bool(runtime.cities.current.points)
    except AppError:
        pass
    except Exception:  # noqa: S110 — not ready is the answer, whatever the reason
        pass
    if worker is not None:
        checks["worker"] = time.monotonic() - worker.heartbeat < OLDEST_HEARTBEAT_SECONDS
    return checks


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Prometheus text: cases, deliveries, addresses, quarantined clocks, refusals, last reconciliation and seal.

    No text, no reporter. Figures of a reconciliation and of a seal appear with the first one.
    """
    runtime = get_runtime(request)
    registry = CollectorRegistry()
    cases = Gauge("yilong_cases", "Cases by status", ["status"], registry=registry)
    deliveries = Gauge("yilong_deliveries", "Deliveries by status", ["status"], registry=registry)
    quarantined = Gauge(
        "yilong_supervision_quarantined", "Running clocks whose look kept failing; release them", registry=registry
    )
    oldest = Gauge("yilong_delivery_oldest_due_seconds", "Age of the oldest due delivery", registry=registry)
    resting = Gauge("yilong_endpoints_resting", "Addresses that get no calls for a while", registry=registry)
    failing = Gauge(
        "yilong_endpoints_failing", "Addresses by hours failed; 0: gone (410)", ["hours"], registry=registry
    )
    unconfirmed = Gauge("yilong_endpoints_unconfirmed", "Addresses yet to answer their challenge", registry=registry)
    async with runtime.database.read() as session:
        for hours, number in (await count_alerts(session)).items():
            failing.labels(str(hours)).set(number)
        unconfirmed.set(await log.count_unconfirmed(session))
        resting.set(await log.count_resting(session, runtime.clock.now()))
        for status, count in (await count_by_status(session)).items():
            cases.labels(status.value).set(count)
        for delivery_status, count in (await log.count_by_status(session)).items():
            deliveries.labels(delivery_status.value).set(count)
        due = await log.oldest_due(session)
        waiting = await log.oldest_due_by_endpoint(session)
        _add_sweep(registry, await last_sweep(session))
        _add_seal(registry, await last_seal(session))
        quarantined.set(await count_quarantined(session))
    _add_refusals(registry, runtime.limiter.refused)
    if (log_bytes := runtime.database.wal_bytes()) is not None:
        Gauge("yilong_wal_bytes", "Size of SQLite's write-ahead log", registry=registry).set(log_bytes)
    by_address = Gauge(
        "yilong_endpoint_oldest_due_seconds", "Age of an address's oldest due delivery", ["endpoint", "department"],
        registry=registry,
    )  # fmt: skip
    for endpoint, department, moment in waiting:
        by_address.labels(endpoint, department).set(max(0.0, (runtime.clock.now() - moment).total_seconds()))
    oldest.set(max(0.0, (runtime.clock.now() - due).total_seconds()) if due else 0.0)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _add_refusals(registry: CollectorRegistry, refused: Mapping[Kind, int]) -> None:
    """What this process has refused as too many since it started."""
    refusals = Counter("yilong_refusals", "Refused as too many, by this process", ["kind"], registry=registry)
    for kind in Kind:
        refusals.labels(kind.value).inc(refused.get(kind, 0))


def _add_sweep(registry: CollectorRegistry, sweep: Sweep | None) -> None:
    """What the last nightly reconciliation found; nothing before the first, so that no zero is taken for a result."""
    if sweep is None or sweep.finished_at is None:
        return
    figures = (
        ("yilong_reconcile_offenders", "What broke the promise of an answer to every report", sweep.offenders),
        ("yilong_reconcile_reports", "Reports that were reconciled", sweep.reports),
        ("yilong_audit_broken_chains", "Event chains and seals that do not hold", sweep.broken_chains),
        ("yilong_reconcile_last_success_timestamp_seconds", "When it ended", sweep.finished_at.timestamp()),
    )
    for name, meaning, value in figures:
        Gauge(name, f"{meaning}, by the last nightly reconciliation", registry=registry).set(value)


def _add_seal(registry: CollectorRegistry, seal: AuditSeal | None) -> None:
    """The last seal over the audit chains; whoever collects metrics thereby notes down that it was there."""
    if seal is None:
        return
    number = Gauge("yilong_audit_seals", "Seals over the audit chains; never fewer", registry=registry)
    number.set(seal.number)
    made = Gauge("yilong_audit_last_seal_timestamp_seconds", "When the last seal was made", registry=registry)
    made.set(seal.made_at.timestamp())
