"""佐证材料: a file on a duty, what it is called, how an act refers to it. What is in it, `kinds` has judged.

Names are a stranger's: nothing here trusts them.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.casefile import CaseFile
from app.feedback.kinds import ENDINGS
from app.lifecycle import WITH_DEPARTMENT
from app.models import Act, Assignment, Evidence
from app.problems import Conflict, InvalidInput, NotFound

MOST_FILES: Final = 50
LONGEST_NAME: Final = 120


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
            f"该交办当前状态为“{current}”，本部门没有待反馈的事项，不能上传材料。",
            f"The assignment is “{current}”; no answer of yours is awaited, so no file can be added.",
            current=current,
        )


class UnknownEvidence(InvalidInput):
    code = "unknown_evidence"
    title_zh, title_en = "没有这份材料", "No such evidence"

    def __init__(self) -> None:
        super().__init__(
            "evidence 中有不属于本交办、或已过期清理的材料编号。请先上传，再在反馈中引用。",
            "`evidence` names a file that is not this assignment's or was swept. Upload it first, then refer to it.",
            errors=[{"field": "evidence", "zh": "没有这份材料", "en": "is not known here"}],
        )


@dataclass(slots=True)
class Received:
    """A file that has arrived and lies in the store: the id of its row to be, its size in bytes, its SHA-256, its type.

    Attributes:
        kept: its row is written, and perhaps committed.
    """

    id: str
    size: int
    sha256: str
    media_type: str
    kept: bool = False


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
        id=received.id,
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
