"""Writes docs/lifecycle.md from the tables in app/lifecycle.py: `make diagrams`. A test compares the two."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[1] / "docs" / "lifecycle.md"
sys.path.insert(0, str(TARGET.parents[1]))

from app.deadlines import DEFAULT_TERMS, RETURN_WITHIN_WORKING_DAYS  # noqa: E402 — the repository is put on the path first
from app.lifecycle import ASSIGNMENT, CASE, CONSULTATION, Machine  # noqa: E402
from app.models import AssignmentKind, DeadlineKind  # noqa: E402

WORDS: Mapping[str, str] = {
    "triage": "待分办", "dispatched": "已交办", "in_progress": "办理中", "awaiting_province": "待省级答复",
    "consulting": "会商中", "in_review": "待审核", "verifying": "待核实", "unresolved": "挂账待解", "closed": "已销号",
    "accepted": "已签收", "forwarded": "已上报", "responded": "已反馈", "approved": "审核通过", "returned": "已退回",
    "reworking": "重办中", "superseded": "已改办", "convened": "已召集", "scheduled": "已定会期",
    "concluded": "已形成结论", "cancelled": "已取消",
    "office": "统筹部门", "department": "部门", "observation_point": "观测点",
}  # fmt: skip
CLOCKS: Mapping[DeadlineKind, str] = {
    DeadlineKind.TRIAGE: "分办", DeadlineKind.ACCEPTANCE: "签收", DeadlineKind.FEEDBACK: "反馈",
    DeadlineKind.FORWARDING: "上报", DeadlineKind.CHASE: "跟踪答复", DeadlineKind.REVIEW: "审核",
    DeadlineKind.VERIFICATION: "核实", DeadlineKind.CONSULTATION: "会商", DeadlineKind.REVISIT: "再议",
}  # fmt: skip
INTRODUCTION = """\
# Lifecycle 状态

Written by `make diagrams` from the tables in `app/lifecycle.py`; do not edit it by hand. `app/lifecycle.py` alone
assigns a status, checks each table when it is loaded (every state can be reached; every open state has an owner, a
clock and a way to an end), and refuses any move that is not drawn here with 409 `illegal_move`.

Status is one of four separate fields of a case: *status* says where it is, *outcome* how it ended, *owner* who has to
act, *due_at* by when. A version travels with every row: of two decisions on the same reading, the second gets 409
`stale_version`.
"""


RETURNS = (
    f"A case may be returned once, within {RETURN_WITHIN_WORKING_DAYS} working days of dispatch; the second attempt "
    "opens a consultation of those concerned instead. A return never moves the answer promised to the reporter."
)
EXTENSIONS = (
    "More time may be asked for once, before the deadline: the office grants it (a new clock takes the place of the "
    "old one, which is kept, and the reporters are told) or refuses it (the clock stays)."
)


def draw(machine: Machine[Any], title: str, note: str) -> str:
    """One section: the diagram and the table of a machine, in the order in which its states are declared."""
    order = {state: index for index, state in enumerate(machine.states)}
    lines = [f"## {title}", "", note, "", "```mermaid", "stateDiagram-v2"]
    lines += [f'    state "{WORDS[state]} {state}" as {state}' for state in order]
    lines += [f"    [*] --> {state}" for state in sorted(machine.initial, key=order.__getitem__)]
    moves = sorted(machine.moves, key=lambda move: (order[move[0]], order[move[1]]))
    lines += [f"    {source} --> {target}" for source, target in moves]
    lines += [f"    {state} --> [*]" for state, facts in machine.states.items() if not facts.is_open]
    lines += ["```", "", "| state | 状态 | owner 责任方 | clocks 计时 | may become |", "|---|---|---|---|---|"]
    for state, facts in machine.states.items():
        owner = WORDS[facts.owner] if facts.owner else "—"
        clocks = "、".join(CLOCKS[kind] for kind in CLOCKS if kind in facts.clocks) or "—"
        targets = ", ".join(f"`{target}`" for source, target in moves if source == state) or "—"
        lines.append(f"| `{state}` | {WORDS[state]} | {owner} | {clocks} | {targets} |")
    return "\n".join(lines) + "\n"


def draw_terms() -> str:
    """The table of default terms."""
    lines = ["## Default terms 时限", "", "Working days; a ruling or a conclusion may set another term for the answer"]
    lines[-1] += " (see `decisions/0006`)."
    lines += ["", "| clock | 计时 | working days |", "|---|---|---|"]
    lines += [f"| `{kind}` | {CLOCKS[kind]} | {days} |" for kind, days in DEFAULT_TERMS.items()]
    return "\n".join(lines) + "\n"


def write() -> str:
    """The whole document."""
    sections = [
        INTRODUCTION,
        draw(
            CASE,
            "Case 台账事项",
            "Follows its assignments while a department has it; the office's and the point's states are their own.",
        ),
        draw(
            ASSIGNMENT[AssignmentKind.ASSIGNMENT],
            "Assignment 交办",
            f"The clock starts at dispatch, not when the department signs for it. {RETURNS} {EXTENSIONS}",
        ),
        draw(
            ASSIGNMENT[AssignmentKind.ESCALATION],
            "Escalation 上报",
            "The same, but it is done by carrying the matter upward (`forwarded`) and bringing the answer home.",
        ),
        draw(CONSULTATION, "Consultation 会商", "The conclusion becomes assignments, each with its own deadline."),
        draw_terms(),
    ]
    return "\n".join(sections)


if __name__ == "__main__":
    TARGET.write_text(write(), encoding="utf-8")
