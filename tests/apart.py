"""Runs a coroutine to its end in a thread of its own, for callers that may already be inside an event loop."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any


def run_apart(work: Coroutine[Any, Any, None]) -> None:
    """Run and wait; an error is raised here."""
    errors: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
