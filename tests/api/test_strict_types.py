"""Kinds of values in bodies: what JSON has for each is taken, what could be made into it is not."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime, Field, ValidationError

from app.api.assignments import ReviewIn
from app.api.door import In
from app.api.reports import BatchIn, ReportIn


class Colour(StrEnum):
    RED = "red"


class Inner(In):
    days: list[date] = Field(default_factory=list)


class Body(In):
    count: Annotated[int, Field(ge=0)] | None = None
    share: float | None = None
    sure: bool | None = None
    day: date | None = None
    moment: AwareDatetime | None = None
    colour: Colour | None = None
    inner: Inner | None = None
    by_name: dict[str, list[int]] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ({"count": 3}, 3),
        ({"count": 3.0}, 3),
        ({"share": 2}, 2.0),
        ({"share": 0.5}, 0.5),
        ({"sure": False}, False),
        ({"day": "2026-03-02"}, date(2026, 3, 2)),
        ({"moment": "2026-03-02T09:00:00+08:00"}, datetime(2026, 3, 2, 1, tzinfo=UTC)),
        ({"colour": "red"}, Colour.RED),
        ({"inner": {"days": ["2026-03-02"]}}, Inner(days=[date(2026, 3, 2)])),
        ({"by_name": {"a": [1]}}, {"a": [1]}),
        ({"count": None}, None),
    ],
)
def test_what_json_has_for_a_kind_is_taken(sent: dict[str, Any], taken: Any) -> None:
    (name,) = sent
    assert getattr(Body.model_validate(sent), name) == taken


@pytest.mark.parametrize(
    "sent",
    [
        {"count": "3"}, {"count": True}, {"count": 3.5}, {"count": -1}, {"share": "0.5"}, {"share": True}, {"sure": 1},
        {"sure": "true"}, {"sure": "yes"}, {"day": 0}, {"day": "0"}, {"day": 1.5}, {"day": True}, {"day": "20260302"},
        {"day": "2026-03-02T00:00:00"}, {"moment": 1772413200}, {"moment": "1772413200"},
        {"moment": "2026-03-02T09:00:00"}, {"colour": 0}, {"inner": {"days": [20514]}}, {"by_name": {"a": ["1"]}},
    ],
)  # fmt: skip
def test_what_could_be_made_into_a_kind_is_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Body.model_validate(sent)


def test_it_holds_for_the_bodies_of_the_interface_and_says_what_is_wrong() -> None:
    for shape, body in (
        (ReportIn, {"text": "填表", "occurred_on": 0}),
        (BatchIn, {"reports": [{"text": "填表", "occurred_on": 0}]}),
        (ReviewIn, {"accepted": "yes"}),
    ):
        with pytest.raises(ValidationError) as refused:
            shape.model_validate(body)
        (fault,) = refused.value.errors()
        assert fault["type"] in {"date_type", "bool_type"}


def test_the_description_is_the_same_as_before() -> None:
    shape = Body.model_json_schema()["properties"]
    assert shape["day"]["anyOf"] == [{"type": "string", "format": "date"}, {"type": "null"}]
    assert shape["count"]["anyOf"] == [{"type": "integer", "minimum": 0}, {"type": "null"}]
