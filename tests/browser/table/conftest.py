"""Sessions and precedents have a town of their own: their tests add cases, and others count them."""

from collections.abc import Iterator

import pytest

from tests.browser.table.scene import Table, serve_table


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    with serve_table(tmp_path_factory.mktemp("table")) as served:
        yield served
