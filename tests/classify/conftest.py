"""The bundled pack's knowledge, compiled once for all classifier tests."""

import pytest

from app.directory.knowledge import Knowledge, compile_knowledge
from app.directory.pack import BUNDLED_PACK, load_pack


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return compile_knowledge(load_pack(BUNDLED_PACK))
