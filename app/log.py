"""Structured logs. Keys are allow-listed: a text, a body, a credential or a signature can never slip into a line."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED_KEYS = frozenset(
    {
        "event", "level", "timestamp", "logger", "exc_type", "where", "trace",
        "method", "path", "status", "milliseconds", "request_id", "remote",
        "case", "report", "assignment", "consultation", "department", "delivery", "endpoint", "attempt", "event_type",
        "count", "reports", "opened", "closed", "offenders", "events", "broken_chains",
        "seal", "hash", "cases", "heads", "unused", "strays", "answers", "shelved",
        "step", "seconds", "hours", "reason", "version", "port", "host", "signal", "code", "database",
    }
)  # fmt: skip


def keep_allowed_keys(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every key that is not on the list, and say how many were dropped."""
    dropped = [key for key in entry if key not in ALLOWED_KEYS]
    for key in dropped:
        del entry[key]
    if dropped:
        entry["count"] = entry.get("count", len(dropped))
    return entry


def describe_exception(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and place: its message may quote what a reporter wrote."""
    error = entry.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        entry["exc_type"] = type(error).__name__
        frames = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}:{code.co_name}")
            trace = trace.tb_next
        entry["trace"] = " > ".join(frames[-8:])
    return entry


def _to_standard_error(*_: Any) -> structlog.PrintLogger:
    """The stream that is standard error now, not the one of the moment of configuring, which may be closed since."""
    return structlog.PrintLogger(sys.stderr)


def configure_logging(level: int = logging.INFO) -> None:
    """Send JSON lines to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            describe_exception,
            keep_allowed_keys,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )


def get_logger() -> Any:
    """The logger of this process; call with an event name and allow-listed keys."""
    return structlog.get_logger()
