"""The ledger's columns: what each is called, which the list shows, which a file has. Reads an address; asks nothing."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.dashboard.labels import Labels
from app.dashboard.language import N_

# In the order of the list. A file has all of them unless some were chosen.
COLUMNS: Final[Labels] = {
    "number": N_("编号"),
    "text": N_("内容"),
    "status": N_("状态"),
    "outcome": N_("结果"),
    "category": N_("类别"),
    "burden_types": N_("负担类型"),
    "sources": N_("来源"),
    "owner": N_("责任单位"),
    "departments": N_("承办单位"),
    "urgency": N_("紧急程度"),
    "due": N_("时限"),
    "opened": N_("立项日期"),
    "closed": N_("销号日期"),
    "returns": N_("退回次数"),
    "relapses": N_("回潮次数"),
    "points": N_("反映点数（五个及以上）"),
}
ALWAYS: Final = "number"
USUAL: Final = ("number", "text", "status", "owner", "due", "opened")
SORTED: Final[Mapping[str, str]] = {"number": "number", "due": "due", "opened": "opened"}


def read_columns(said: str) -> tuple[str, ...]:
    """The columns that a text names, in the list's order; none where it names none."""
    named = set(said.split(",")) & COLUMNS.keys()
    return tuple(key for key in COLUMNS if key in named | {ALWAYS}) if named else ()


def write_columns(keys: Sequence[str]) -> str:
    """The same as a text for an address; empty for the usual ones."""
    columns = read_columns(",".join(keys))
    return "" if columns == USUAL else ",".join(columns)
