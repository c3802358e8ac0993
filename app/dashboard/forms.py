"""Reads what a page's form sent, limited while it streams: text, or files among texts. Knows none in particular."""

import errno
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from app.dashboard.language import N_, translator
from app.intake.spreadsheet import LARGEST_FILE, SpreadsheetTooLarge
from app.problems import AppError, InvalidInput, StorageFull

LARGEST_FORM: Final = 512 * 1024
MOST_FIELDS: Final = 2000
FORM_TYPE: Final = "application/x-www-form-urlencoded"
UPLOAD_TYPE, FILE_FIELD = "multipart/form-data", "file"
# What stands around the files: boundaries, headers, the other fields.
LARGEST_REST: Final = 64 * 1024
MOST_PARTS: Final = 100


class UnreadableForm(InvalidInput):
    code = "unreadable_form"
    title_zh, title_en = "无法读取所提交的表单", "The form cannot be read"

    def __init__(self) -> None:
        message = N_("表单内容无法读取：可能过长，或含有无效字符。请修改后再提交。")
        super().__init__(message, translator("en")(message))


class FilesTooLarge(InvalidInput):
    code = "files_too_large"
    title_zh, title_en = "文件过大", "The files are too large"

    def __init__(self, largest: int) -> None:
        megabytes = f"{largest / 1024 / 1024:g}"
        super().__init__(
            f"单个文件不得超过 {megabytes} MB。请回到上一页，压缩或拆分后再上传。",
            f"One file may hold {megabytes} MB at most. Go back, compress or split it, then send it again.",
        )


class FileRefused(InvalidInput):
    """One of the files that came with a form; `about` is what it was called. The form stays as it was filled in."""

    code = "file_refused"

    def __init__(self, zh: str, en: str, name: str) -> None:
        super().__init__(zh, en, about=name)


class BadFields(InvalidInput):
    """What is wrong with a form, one sentence for each field; shown above it, the input stays."""

    code = "invalid_fields"

    def __init__(self, messages: Sequence[str]) -> None:
        english = translator("en")
        super().__init__("".join(messages), " ".join(english(message) for message in messages))


@dataclass(frozen=True)
class Form:
    """The fields of one submitted form, in order; a field that was not sent is empty. Close it where it has a file."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Sequence[UploadFile] = ()

    @property
    def file(self) -> UploadFile | None:
        """The one file of a form that has one."""
        return next(iter(self.files), None)

    async def close(self) -> None:
        """Let go of the files, which are gone then."""
        for file in self.files:
            await file.close()

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


async def read_upload(request: Request) -> Form:
    """A form with one spreadsheet, which is on disk and gone when the form is closed.

    Raises SpreadsheetTooLarge, UnreadableForm or StorageFull.
    """
    return await _read_multipart(request, 1, LARGEST_FILE, LARGEST_REST, SpreadsheetTooLarge)


async def read_files(request: Request, most: int, largest: int) -> Form:
    """A form with files, none among them or up to so many, which are on disk and gone when the form is closed.

    Raises FilesTooLarge, UnreadableForm or StorageFull. `largest` is in bytes, of one file.
    """
    return await _read_multipart(request, most, largest, LARGEST_FORM, lambda: FilesTooLarge(largest))


async def _read_multipart(
    request: Request, most: int, largest: int, rest: int, too_large: Callable[[], AppError]
) -> Form:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != UPLOAD_TYPE:
        raise UnreadableForm
    body = _counted(request, most * largest + rest, too_large)
    parser = MultiPartParser(request.headers, body, max_files=most, max_fields=MOST_PARTS, max_part_size=rest)
    try:
        items = (await parser.parse()).multi_items()
    except MultiPartException:
        raise UnreadableForm from None
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull from error
        raise
    values: dict[str, list[str]] = {}
    files = []
    for name, value in items:
        if isinstance(value, UploadFile) and name == FILE_FIELD:
            files.append(value)
        elif isinstance(value, UploadFile):
            await value.close()
        else:
            values.setdefault(name, []).append(value.replace("\x00", "").replace("\r\n", "\n"))
    form = Form(values, files)
    if any((file.size or 0) > largest for file in files):
        await form.close()
        raise too_large()
    return form


async def _counted(request: Request, most: int, too_large: Callable[[], AppError]) -> AsyncGenerator[bytes, None]:
    """The body as it comes, as far as it may go."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise too_large()
        yield chunk
