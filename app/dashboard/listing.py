"""One page of a list and the state in its address: filters, sort, page, size.

Reads and writes query strings; asks no database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

SIZES: Final = (20, 50, 100)
STATE: Final = frozenset({"page", "size", "sort", "lang"})
LAST_PAGE: Final = 1_000_000
WINDOW: Final = 2

Item = TypeVar("Item")


def _whole_number(value: str | None, default: int) -> int:
    if value is None or not value.isascii() or not value.isdigit() or len(value) > len(str(LAST_PAGE)):
        return default
    return int(value)


@dataclass(frozen=True)
class ListState:
    """What the address says about a list. Nonsense in it counts as absent: an address is not a form."""

    path: str
    filters: tuple[tuple[str, str], ...] = ()
    sort: str = ""
    page: int = 1
    size: int = SIZES[0]

    @classmethod
    def from_query(cls, path: str, query: QueryParams, sorts: Sequence[str] = ()) -> "ListState":
        """Read the state; `sorts` are the allowed keys, the first is the default, a leading `-` means descending."""
        sort = query.get("sort", "")
        if sort.removeprefix("-") not in {key.removeprefix("-") for key in sorts}:
            sort = sorts[0] if sorts else ""
        size = _whole_number(query.get("size"), SIZES[0])
        return cls(
            path=path,
            filters=tuple((name, value) for name, value in query.multi_items() if name not in STATE and value.strip()),
            sort=sort,
            page=min(max(1, _whole_number(query.get("page"), 1)), LAST_PAGE),
            size=size if size in SIZES else SIZES[0],
        )

    def value(self, name: str, default: str = "") -> str:
        """One filter's value, as the query form shows it again."""
        return next((value for key, value in self.filters if key == name), default)

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a filter that can be given more than once."""
        return tuple(value for key, value in self.filters if key == name)

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size

    def url(self, **changes: object) -> str:
        """The address of this list with something changed; whatever changes but the page, it starts at page 1."""
        state: dict[str, object] = {"sort": self.sort, "page": self.page, "size": self.size}
        if set(changes) - {"page"}:
            state["page"] = 1
        filters = [(name, value) for name, value in self.filters if name not in changes]
        filters += [
            (name, str(value)) for name, value in changes.items() if name not in state and value not in (None, "")
        ]
        state |= {name: value for name, value in changes.items() if name in state}
        shown = [(name, str(value)) for name, value in state.items() if value and not self._is_default(name, value)]
        query = urlencode(filters + shown)
        return f"{self.path}?{query}" if query else self.path

    @staticmethod
    def _is_default(name: str, value: object) -> bool:
        return (name == "page" and value == 1) or (name == "size" and value == SIZES[0])

    def sort_url(self, key: str) -> str:
        """The address that sorts by a column: ascending first, then descending."""
        return self.url(sort=f"-{key}" if self.sort == key else key)

    def direction(self, key: str) -> str:
        """The `aria-sort` of a column."""
        known: Mapping[str, str] = {key: "ascending", f"-{key}": "descending"}
        return known.get(self.sort, "none")


@dataclass(frozen=True)
class Listing(Generic[Item]):
    """The rows of one page, how many there are in all, and the state they answer."""

    state: ListState
    items: Sequence[Item]
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.state.size))

    @property
    def first(self) -> int:
        """Position of the first row shown, counted from 1; 0 when there is none."""
        return self.state.offset + 1 if self.items else 0

    @property
    def last(self) -> int:
        return self.state.offset + len(self.items) if self.items else 0

    @property
    def window(self) -> list[int | None]:
        """Page numbers to offer: the ends and those around the current one; None stands for a gap."""
        page = min(self.state.page, self.pages)
        near = range(max(1, page - WINDOW), min(self.pages, page + WINDOW) + 1)
        numbers: list[int | None] = []
        for number in sorted({1, self.pages, *near}):
            if numbers and number - (numbers[-1] or 0) > 1:
                numbers.append(None)
            numbers.append(number)
        return numbers
