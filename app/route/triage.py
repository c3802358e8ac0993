"""分办: the office's ruling on a case, kept beside the machine's decision and never over it."""

from collections.abc import Sequence

from app.casefile import CaseFile
from app.models import Ruling, Urgency, new_id
from app.route.policy import Duty


def record_ruling(
    file: CaseFile,
    *,
    ruled_by: str,
    category: str,
    duties: Sequence[Duty],
    reason: str,
    overrules: bool,
    urgency: Urgency | None = None,
    precedent: str | None = None,
) -> Ruling:
    """Keep what the office decided and why; by a standing ruling, with the number of its precedent."""
    ruling = Ruling(
        id=new_id(),
        case_id=file.case.id,
        ruled_by=ruled_by,
        category=category,
        receivers=[{"code": d.department, "role": d.role} for d in duties],
        reason=reason,
        overrules=overrules,
        ruled_at=file.now,
    )
    file.batch.add(ruling)
    facts = {
        "ruling": ruling.id,
        "category": category,
        "receivers": [d.department for d in duties],
        "overrules": overrules,
    }
    further = {"urgency": urgency, "precedent": precedent}
    file.record("case.ruled", facts | {key: said for key, said in further.items() if said})
    return ruling
