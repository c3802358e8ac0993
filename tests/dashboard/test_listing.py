"""A list's state in its address: read leniently, written back without loss."""

import pytest
from starlette.datastructures import QueryParams

from app.dashboard.listing import Listing, ListState

SORTS = ("-due", "number")


def state(query: str = "") -> ListState:
    return ListState.from_query("/dashboard/ledger", QueryParams(query), SORTS)


def test_an_empty_address_is_the_first_page_in_the_default_order() -> None:
    assert state() == ListState("/dashboard/ledger", (), "-due", 1, 20)


@pytest.mark.parametrize("page", ["0", "-1", "x", "1e9", "九", "٣", "99999999999999999999", ""])
def test_a_nonsensical_page_is_the_first(page: str) -> None:
    assert state(f"page={page}").page == 1


@pytest.mark.parametrize(("query", "size"), [("size=50", 50), ("size=7", 20), ("size=1000000", 20)])
def test_only_offered_sizes_count(query: str, size: int) -> None:
    assert state(query).size == size


@pytest.mark.parametrize(
    ("query", "sort"), [("sort=-number", "-number"), ("sort=password", "-due"), ("sort=--due", "-due")]
)
def test_only_known_columns_sort(query: str, sort: str) -> None:
    assert state(query).sort == sort


def test_filters_keep_every_value_and_drop_blank_ones() -> None:
    read = state("status=open&status=late&text=%20&lang=en&page=2")
    assert read.filters == (("status", "open"), ("status", "late"))
    assert read.values("status") == ("open", "late")
    assert read.value("text") == ""


def test_another_page_keeps_filters_sort_and_size() -> None:
    url = state("text=民政&sort=number&size=50").url(page=3)
    assert url == "/dashboard/ledger?text=%E6%B0%91%E6%94%BF&sort=number&page=3&size=50"


def test_another_filter_or_size_starts_at_the_first_page() -> None:
    read = state("status=open&page=4")
    assert "page=" not in read.url(status="late")
    assert "page=" not in read.url(size=50)
    assert "status=open" not in read.url(status="late")
    assert "status" not in read.url(status=None)


def test_a_column_sorts_up_then_down() -> None:
    assert "sort=number" in state().sort_url("number")
    assert "sort=-number" in state("sort=number").sort_url("number")
    assert state("sort=-number").direction("number") == "descending"
    assert state("sort=number").direction("number") == "ascending"
    assert state().direction("number") == "none"


def test_what_is_written_is_read_back() -> None:
    read = state("text=a%26b%3D%E5%B1%80&sort=number&page=2&size=100")
    assert state(read.url().partition("?")[2]) == read


def test_a_listing_counts_pages_and_rows() -> None:
    listing = Listing(state("page=3"), ["行"] * 5, 45)
    assert (listing.pages, listing.first, listing.last) == (3, 41, 45)
    empty: Listing[str] = Listing(state(), [], 0)
    assert (empty.pages, empty.first, empty.last) == (1, 0, 0)


@pytest.mark.parametrize(
    ("page", "total", "expected"),
    [
        (1, 20, [1]),
        (1, 200, [1, 2, 3, None, 10]),
        (5, 200, [1, None, 3, 4, 5, 6, 7, None, 10]),
        (10, 200, [1, None, 8, 9, 10]),
        (99, 200, [1, None, 8, 9, 10]),
    ],
)
def test_the_pager_offers_the_ends_and_the_neighbours(page: int, total: int, expected: list[int | None]) -> None:
    assert Listing(state(f"page={page}"), ["行"], total).window == expected
