"""Bears server processes quickly: everything is imported once, and each process is forked from that.

A child runs the `yilong` command as an operator's process would; only its start is cheaper: modules are loaded and the
bundled pack is compiled already. Orders come as JSON lines on standard input, pids go out. When the input ends, so do
the children.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
from typing import Any


def preload() -> None:
    """Import what a server needs and keep the compiled pack: a kill every second leaves no time for either."""
    for name in ("app.cli", "app.main", "app.worker", "app.runtime", "uvicorn", "uvloop", "httptools", "aiosqlite"):
        importlib.import_module(name)
    from app.directory.city import compile_files
    from app.directory.loading import read_files
    from app.directory.pack import BUNDLED_PACK

    compile_files(tuple(sorted(read_files(BUNDLED_PACK).items())))


def become(order: dict[str, Any]) -> None:
    """Turn into the server that was ordered; does not return."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["yilong", *order["arguments"]]
    from app.cli import main

    code = 1
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def run() -> None:
    preload()
    # Children are reaped by the kernel: a pid that is gone is gone.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    born: list[int] = []
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            become(order)
        born.append(pid)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    for pid in born:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    run()
