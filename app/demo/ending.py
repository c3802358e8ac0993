"""When a play that has no end of its own is over."""

import asyncio
import contextlib
import signal


def interrupted() -> asyncio.Event:
    """Set on Ctrl-C, and on SIGTERM."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, ending.set)
    return ending
