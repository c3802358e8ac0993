"""What a decision means in duties: who receives, in which role, on whose behalf. Pure. Source: the routing policy."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.vocabulary import AssignmentKind, AssignmentRole

OBLIGATIONS = {
    AssignmentKind.ASSIGNMENT: (
        "请核实所反映的负担，限期整改，反馈整改措施、涉及文件的修改或废止情况，以及可公开的答复。"
    ),
    AssignmentKind.ESCALATION: "请将所反映的负担上报省级对口部门，登记上报文号与日期，跟踪并带回省级部门的答复。",
}


@dataclass(frozen=True, slots=True)
class Duty:
    """What one department is to do.

    Attributes:
        on_behalf_of: provincial departments it stands for; where there are any, the duty is an escalation.
        term: working days for the answer; None for the office's usual term.
    """

    department: str
    role: AssignmentRole
    on_behalf_of: tuple[str, ...] = ()
    obligation: str | None = None
    term: int | None = None

    @property
    def kind(self) -> AssignmentKind:
        return AssignmentKind.ESCALATION if self.on_behalf_of else AssignmentKind.ASSIGNMENT

    @property
    def wording(self) -> str:
        return self.obligation or OBLIGATIONS[self.kind]


def order_duties(duties: Sequence[Duty]) -> list[Duty]:
    """The lead first, then by code; exactly one department leads, with all its duties: the first, if none was named."""
    ordered = sorted(duties, key=lambda d: (d.role is not AssignmentRole.LEAD, d.department))
    return [
        Duty(
            d.department,
            AssignmentRole.LEAD if d.department == ordered[0].department else AssignmentRole.SUPPORTING,
            d.on_behalf_of,
            d.obligation,
            d.term,
        )
        for d in ordered
    ]
