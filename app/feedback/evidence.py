"""佐证材料: which files are taken, by what they contain and never by their name; how an act refers to them.

Names and bytes are a stranger's: nothing is unpacked, and nothing here trusts the declared type.
"""

import re
import struct
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.casefile import CaseFile
from app.lifecycle import WITH_DEPARTMENT
from app.models import Act, Assignment, Evidence, new_id
from app.problems import AppError, Conflict, InvalidInput, NotFound

MOST_FILES: Final = 50
LONGEST_NAME: Final = 120
# A real document has a few dozen parts; a directory of this many bytes lists some thousands.
LARGEST_DIRECTORY: Final = 256 * 1024
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_STARTS: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_PACKAGES: Final = (
    (frozenset({"[Content_Types].xml", "word/document.xml"}), _OFFICE + "wordprocessingml.document"),
    (frozenset({"[Content_Types].xml", "xl/workbook.xml"}), _OFFICE + "spreadsheetml.sheet"),
    (frozenset({"OFD.xml"}), "application/ofd"),
)
ENDINGS: Final = {
    "application/pdf": (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/webp": (".webp",),
    _OFFICE + "wordprocessingml.document": (".docx",),
    _OFFICE + "spreadsheetml.sheet": (".xlsx",),
    "application/ofd": (".ofd",),
}


class FileTypeRefused(AppError):
    status, code = 415, "file_type_refused"
    title_zh, title_en = "不接受这种文件", "This kind of file is not taken"

    def __init__(self) -> None:
        super().__init__(
            "只接受 PDF、PNG、JPEG、WebP、DOCX、XLSX、OFD 文件,以文件内容为准,不含宏。请转换格式后再上传。",
            "PDF, PNG, JPEG, WebP, DOCX, XLSX and OFD are taken, judged by content and without macros. "
            "Convert the file, then send it again.",
        )


class FileEmpty(InvalidInput):
    code = "file_empty"
    title_zh, title_en = "文件为空", "The file is empty"

    def __init__(self) -> None:
        super().__init__("上传的文件没有内容。请重新选择文件。", "The file has no content. Choose it again.")


class FileTooLarge(AppError):
    status, code = 413, "file_too_large"
    title_zh, title_en = "文件过大", "The file is too large"

    def __init__(self, limit: int) -> None:
        megabytes = limit / 1024 / 1024
        super().__init__(
            f"单个文件不得超过 {megabytes:g} MB。请压缩或拆分后再上传。",
            f"One file may hold {megabytes:g} MB at most. Compress or split it.",
            limit=limit,
        )


class TooManyFiles(Conflict):
    code = "too_many_files"
    title_zh, title_en = "材料过多", "Too many files"

    def __init__(self) -> None:
        super().__init__(
            f"每件交办最多上传 {MOST_FILES} 个文件。请合并后再提交。",
            f"An assignment may have {MOST_FILES} files at most. Merge some of them.",
        )


class NoEvidenceNow(Conflict):
    code = "no_evidence_now"
    title_zh, title_en = "现在不能上传材料", "No evidence can be added now"

    def __init__(self, current: str) -> None:
        super().__init__(
            f"该交办当前状态为“{current}”,本部门没有待反馈的事项,不能上传材料。",
            f"The assignment is “{current}”; no answer of yours is awaited, so no file can be added.",
            current=current,
        )


class UnknownEvidence(InvalidInput):
    code = "unknown_evidence"
    title_zh, title_en = "没有这份材料", "No such evidence"

    def __init__(self) -> None:
        super().__init__(
            "evidence 中有不属于本交办、或已过期清理的材料编号。请先上传,再在反馈中引用。",
            "`evidence` names a file that is not this assignment's or was swept. Upload it first, then refer to it.",
            errors=[{"field": "evidence", "zh": "没有这份材料", "en": "is not known here"}],
        )


@dataclass(frozen=True, slots=True)
class Received:
    """A file that has arrived whole: where it waits, its size in bytes, its SHA-256 and what it is."""

    path: Path
    size: int
    sha256: str
    media_type: str


def judge_type(path: Path) -> str:
    """The media type by content: its head and a package's list of names; unpacks nothing. Raises FileTypeRefused."""
    with path.open("rb") as file:
        head = file.read(16)
    for start, media_type in _STARTS:
        if head.startswith(start):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    names = _names_in(path) if head[:4] == b"PK\x03\x04" else frozenset()
    if not any(name.lower().endswith("vbaproject.bin") for name in names):
        for parts, media_type in _PACKAGES:
            if parts <= names:
                return media_type
    raise FileTypeRefused


def _names_in(path: Path) -> frozenset[str]:
    """The names in a package's directory; none where the directory is larger than a document's could be."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_557))
        tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) - end < 22 or _END_64 in tail:
        return frozenset()
    (directory,) = struct.unpack_from("<I", tail, end + 12)
    if directory > LARGEST_DIRECTORY:
        return frozenset()
    try:
        with zipfile.ZipFile(path) as package:
            return frozenset(package.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return frozenset()


def clean_name(name: str, media_type: str) -> str:
    """A harmless file name: no folders, control or direction characters, and the ending of what the file is."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(c for c in last if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    kept = re.sub(r'[<>:"|?*;%]', "_", kept).rstrip(" .")
    endings = ENDINGS[media_type]
    stem = next((kept[: -len(e)] for e in endings if kept.lower().endswith(e)), kept).strip(" .")
    return (stem[:LONGEST_NAME] or "evidence") + endings[0]


async def add_evidence(file: CaseFile, assignment: Assignment, received: Received, name: str) -> Evidence:
    """Put a file on a duty that waits for its department. Raises NoEvidenceNow or TooManyFiles."""
    if assignment.status not in WITH_DEPARTMENT:
        raise NoEvidenceNow(assignment.status)
    count = select(func.count()).select_from(Evidence).where(Evidence.assignment_id == assignment.id)
    if (await file.session.scalar(count) or 0) >= MOST_FILES:
        raise TooManyFiles
    evidence = Evidence(
        id=new_id(),
        assignment_id=assignment.id,
        name=clean_name(name, received.media_type),
        media_type=received.media_type,
        size=received.size,
        sha256=received.sha256,
        uploaded_by=file.actor,
        uploaded_at=file.now,
    )
    file.batch.add(evidence)
    return evidence


async def find_attached(file: CaseFile, assignment: Assignment, ids: Sequence[str]) -> list[Evidence]:
    """The files that an act refers to, kept from the sweep by their lock. Raises UnknownEvidence."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return []
    rows = await file.session.scalars(
        select(Evidence).where(Evidence.id.in_(wanted), Evidence.assignment_id == assignment.id).with_for_update()
    )
    found = {row.id: row for row in rows}
    if set(wanted) != set(found):
        raise UnknownEvidence
    return [found[key] for key in wanted]


def attach(act: Act, attached: Sequence[Evidence]) -> None:
    """From now on the files belong to that act, or to the earlier one that named them first."""
    for evidence in attached:
        evidence.act_id = evidence.act_id or act.id


def describe_evidence(evidence: Evidence) -> dict[str, Any]:
    """A file as its act keeps it and as the API shows it."""
    return {
        "id": evidence.id,
        "name": evidence.name,
        "media_type": evidence.media_type,
        "size": evidence.size,
        "sha256": evidence.sha256,
    }


def commit_to(attached: Sequence[Evidence]) -> list[dict[str, Any]]:
    """What the chain keeps of them: enough to prove a file, nothing of its words."""
    return [{"sha256": evidence.sha256, "size": evidence.size} for evidence in attached]


async def get_evidence(session: AsyncSession, principal: Principal, evidence_id: str) -> Evidence:
    """One file's row, for the office and for the department whose duty it is on; raises NotFound."""
    statement = select(Evidence).where(Evidence.id == evidence_id)
    if not principal.is_office:
        own = select(Assignment.id).where(Assignment.department_code == principal.department)
        statement = statement.where(Evidence.assignment_id.in_(own))
    found: Evidence | None = await session.scalar(statement)
    if found is None:
        raise NotFound
    return found


async def unused_before(session: AsyncSession, moment: datetime, limit: int) -> list[Evidence]:
    """Files that nothing refers to and that were uploaded before then."""
    rows = await session.scalars(
        select(Evidence)
        .where(Evidence.act_id.is_(None), Evidence.uploaded_at < moment)
        .order_by(Evidence.uploaded_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(rows)
