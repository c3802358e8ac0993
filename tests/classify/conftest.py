"""The bundled pack's knowledge, compiled once for all classifier tests."""

import gc
from collections.abc import Iterator

import pytest

from app.directory.knowledge import Knowledge, compile_knowledge
from app.directory.pack import BUNDLED_PACK, load_pack


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return compile_knowledge(load_pack(BUNDLED_PACK))


@pytest.fixture(scope="module", autouse=True)
def set_leftovers_aside() -> Iterator[None]:
    """What tests leave in memory is not searched again by the collector: limits of time are the classifier's alone."""
    yield
    gc.collect()
    gc.freeze()
