"""What is wrong with an answer: a defect, a body or a type beside the description, a door that stood open, an echo."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from requests import PreparedRequest
from schemathesis import Case
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as described

from app.problems import MEDIA_TYPE
from tests.fuzz.hostile import CANARY
from tests.fuzz.wire import Answer

load_all_checks()
CONFORM = [
    not_a_server_error,
    described.status_code_conformance,
    described.content_type_conformance,
    described.response_headers_conformance,
    described.response_schema_conformance,
]
# Of a request that is sent as it was generated: what is not allowed is refused, by method, header and body.
REFUSE = [described.negative_data_rejection, described.missing_required_header, described.unsupported_method]
SLOW = 10.0


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` says what is wrong in a word or two, `detail` the rest."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What was asked: `allowed` says whether the caller may, `whole` that the bytes are those that were generated,
    `elsewhere` that path or method may lead to another operation or to none.
    """

    case: Case[Any]
    request: PreparedRequest
    allowed: bool
    whole: bool
    elsewhere: bool


def faults_of(sent: Sent, answer: Answer) -> Iterator[Fault]:
    """Everything that is wrong with one answer."""
    if answer.raised or answer.status >= 500 or not answer.status:
        yield Fault(f"answers {answer.status or 'nothing'}", answer.raised or _start_of(answer))
        return
    if answer.seconds > SLOW:
        yield Fault("slow", f"{answer.seconds:.1f} s")
    if answer.status >= 400:
        yield from _faults_of_problem(answer)
    elif not sent.allowed and not sent.elsewhere:
        yield Fault("lets in", f"{answer.status} to somebody without permission")
    if sent.elsewhere:
        return
    if answer.status < 400 and str(answer.status) not in sent.case.operation.responses.status_codes:
        yield Fault("undescribed status", str(answer.status))
    try:
        refuse = REFUSE if sent.whole and not _is_null(sent.case) else []
        sent.case.validate_response(answer.for_checks(sent.request), checks=[*CONFORM, *refuse])
    except FailureGroup as group:
        for failure in group.exceptions:
            yield Fault(failure.title, failure.message)
    if "json" in answer.header("content-type"):
        yield from _faults_of_json(answer)


def _is_null(case: Case[Any]) -> bool:
    """An optional body may be null, which the generator takes for a bad one all the same."""
    return case.body is None and not any(body.is_required for body in case.operation.body)


def _faults_of_problem(answer: Answer) -> Iterator[Fault]:
    """RFC 9457, with the status that was answered and nothing of what was sent."""
    if CANARY in answer.body.decode("utf-8", "replace") or CANARY in json.dumps(answer.headers):
        yield Fault("echoes", _start_of(answer))
    if answer.header("content-type") != MEDIA_TYPE:
        yield Fault("no problem document", f"{answer.status} {answer.header('content-type')}")
        return
    try:
        problem = json.loads(answer.body)
    except ValueError:
        yield Fault("no problem document", _start_of(answer))
        return
    if problem.get("status") != answer.status or not problem.get("detail") or not problem.get("code"):
        yield Fault("wrong problem document", _start_of(answer))


def _faults_of_json(answer: Answer) -> Iterator[Fault]:
    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        json.loads(answer.body, parse_constant=refuse)
    except ValueError as error:
        yield Fault("no strict JSON", f"{error}: {_start_of(answer)}")


def _start_of(answer: Answer) -> str:
    return answer.body[:300].decode("utf-8", "replace")
