"""Reads what a page's form sent: URL-encoded, limited while it streams, text only. Knows no form in particular."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from app.dashboard.language import N_, translator
from app.problems import InvalidInput

LARGEST_FORM: Final = 512 * 1024
MOST_FIELDS: Final = 2000
FORM_TYPE: Final = "application/x-www-form-urlencoded"


class UnreadableForm(InvalidInput):
    code = "unreadable_form"
    title_zh, title_en = "无法读取所提交的表单", "The form cannot be read"

    def __init__(self) -> None:
        message = N_("表单内容无法读取：可能过长，或含有无效字符。请修改后再提交。")
        super().__init__(message, translator("en")(message))


class BadFields(InvalidInput):
    """What is wrong with a form, one sentence for each field; shown above it, the input stays."""

    code = "invalid_fields"

    def __init__(self, messages: Sequence[str]) -> None:
        english = translator("en")
        super().__init__("".join(messages), " ".join(english(message) for message in messages))


@dataclass(frozen=True)
class Form:
    """The fields of one submitted form, in order; a field that was not sent is empty."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """The first value without the blanks around it."""
        return next(iter(self.values.get(name, ())), "").strip()

    def all(self, name: str) -> list[str]:
        """Every value of a field that occurs several times."""
        return [value.strip() for value in self.values.get(name, ())]

    def number(self, name: str, low: int, high: int) -> int | None:
        """A whole number in the range; None where the field is empty. Raises ValueError for anything else."""
        return whole_number(self.get(name), low, high)


def whole_number(text: str, low: int, high: int) -> int | None:
    """A whole number in the range; None for no text. Raises ValueError for anything else."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and low <= int(text) <= high):
        raise ValueError(text)
    return int(text)


async def read_form(request: Request) -> Form:
    """The form in the request's body. Raises UnreadableForm: wrong type, too long, not UTF-8, a NUL."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_FORM:
            raise UnreadableForm
        chunks.append(chunk)
    if kind != FORM_TYPE and (kind or size):
        raise UnreadableForm
    try:
        pairs = parse_qsl(
            b"".join(chunks).decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise UnreadableForm from None
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\x00" in value:
            raise UnreadableForm
        values.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return Form(values)
