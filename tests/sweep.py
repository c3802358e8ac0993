"""The canary sweep: everything that goes to departments while the tests run is searched for who reported.

Watched are the bodies of events (what webhooks and the feed carry), each call and mail that goes out, each answer to
a department, metrics, and log lines at every level. A hit fails the test during which it was seen; the counts stand at
the end of the run. What is looked for is what the city's own points are called, and a contact and a key's label that
every report and every reporter of the tests carries, each in the forms in which it might slip through.
"""

import base64
import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
import structlog

from app import audit
from app.deliver.ask import Asker
from app.deliver.send import Sender
from app.deliver.smtp import Postman
from app.directory.loading import read_files
from app.directory.pack import BUNDLED_PACK
from app.intake import accept

# As nobody writes them by chance.
CONTACT: Final = "金丝雀甲 19955500171 canary-contact@points.example"
LABEL: Final = "金丝雀钥匙-canary-label"
PIECES: Final = ("金丝雀甲", "19955500171", "canary-contact@points.example", LABEL)
PREFIX: Final = 3
FULL_WIDTH: Final = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
# What answers to everybody, and departments call without a key.
OPEN_PATHS: Final = ("/v1/callbacks/", "/metrics", "/readyz", "/healthz")


def forms_of(token: str) -> dict[str, str]:
    """The forms in which a token might be sent, each with its name: raw, JSON, URL, quoted, hex, base64, full width."""
    data = token.encode()
    forms = {token: "raw", token.translate(FULL_WIDTH): "full width", data.hex(): "hex", data.hex().upper(): "hex"}
    escaped = json.dumps(token)[1:-1]
    forms |= {escaped: "JSON", re.sub(r"\\u[0-9a-f]{4}", lambda m: "\\u" + m[0][2:].upper(), escaped): "JSON"}
    every = "".join(f"%{byte:02X}" for byte in data)
    forms |= dict.fromkeys((quote(token), quote(token).lower(), every, every.lower()), "URL")
    forms |= {every.replace("%", "="): "quoted-printable"}
    for before in range(3):
        # What stands before it shifts the letters; those that are not all its own are left out.
        whole = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        own = whole[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        forms |= {own: "base64", own.replace("+", "-").replace("/", "_"): "base64"}
    return {text: "raw" if text == token else name for text, name in forms.items()}


@dataclass(frozen=True)
class Hit:
    """A token that was found: where, in which form, and what stands around it."""

    channel: str
    token: str
    form: str
    around: str

    def __str__(self) -> str:
        return f"{self.channel}: {self.token!r} ({self.form}) in …{self.around}…"


class Searcher:
    """Finds any of many tokens in any of their forms: one expression over the forms' first letters, then the whole."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = tuple(dict.fromkeys(tokens))
        self.forms: dict[str, tuple[str, str]] = {}
        for token in self.tokens:
            for text, name in forms_of(token).items():
                self.forms.setdefault(text, (token, name))
        self._by_start: dict[str, list[str]] = {}
        for text in self.forms:
            self._by_start.setdefault(text[:PREFIX], []).append(text)
        self._starts = re.compile(_alternation(self._by_start))

    def find(self, text: str) -> Iterator[tuple[str, str, int]]:
        """Token, form and place of each occurrence."""
        at = 0
        while (found := self._starts.search(text, at)) is not None:
            at = found.start()
            for form in self._by_start.get(text[at : at + PREFIX], ()):
                if text.startswith(form, at):
                    yield *self.forms[form], at
            at += 1


def _alternation(starts: Iterable[str]) -> str:
    """The expression for any of these, by common first letters: it gives up on a place after one comparison."""
    branches: dict[str, list[str]] = {}
    for start in sorted(starts):
        branches.setdefault(start[0], []).append(start[1:])
    ended = {first for first, rests in branches.items() if "" in rests}
    parts = [
        re.escape(first) if first in ended else f"{re.escape(first)}(?:{_alternation(rests)})"
        for first, rests in branches.items()
    ]
    return "|".join(parts)


@dataclass
class Sweep:
    """What was searched and found; `counts` are bodies by channel."""

    searcher: Searcher
    counts: Counter[str] = field(default_factory=Counter)
    hits: list[Hit] = field(default_factory=list)

    def look(self, channel: str, *parts: str | bytes) -> None:
        """Search one body with what goes with it."""
        self.counts[channel] += 1
        for part in parts:
            text = part if isinstance(part, str) else part.decode("utf-8", "replace")
            for token, form, at in self.searcher.find(text):
                self.hits.append(Hit(channel, token, form, text[max(0, at - 60) : at + 80]))

    @contextmanager
    def apart(self, searcher: Searcher | None = None) -> Iterator["Sweep"]:
        """Count and search for a while on an account of its own, with further tokens where they are given."""
        counts, hits, known = self.counts, self.hits, self.searcher
        self.counts, self.hits, self.searcher = Counter(), [], searcher or known
        mine = Sweep(self.searcher, self.counts, self.hits)
        try:
            yield mine
        finally:
            self.counts, self.hits, self.searcher = counts, hits, known


@lru_cache(maxsize=1)
def the_sweep() -> Sweep:
    """The one of this process."""
    return Sweep(Searcher([*names_of_points(), *PIECES]))


def names_of_points() -> list[str]:
    """Code, name and township of each point of the bundled pack."""
    rows = list(csv.DictReader(read_files(BUNDLED_PACK)["observation_points.csv"].lstrip("\ufeff").splitlines()))
    return [row[name] for name in ("code", "name", "township") for row in rows if row.get(name)]


async def watch_answer(response: httpx.Response) -> None:
    """Search an answer to a department: its body and its headers."""
    await response.aread()
    the_sweep().look("answers to departments", response.content, *response.headers.values())


async def watch_open_answer(response: httpx.Response) -> None:
    """Search an answer that needs no key."""
    if response.request.url.path.startswith(OPEN_PATHS):
        await response.aread()
        the_sweep().look("answers without a key", response.content)


def watch(plant: bool = True) -> None:
    """Put the watch where everything goes out; `plant` gives each report without a contact one that is looked for."""
    _wrap(audit, "append", _watch_event)
    _wrap(Sender, "call", _watch_call)
    _wrap(Postman, "hand_over", _watch_mail)
    _wrap(Asker, "ask", _watch_question)
    if plant:
        _wrap(accept, "accept_report", _plant_contact)


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    inner = getattr(owner, name)
    setattr(owner, name, around(inner))


def _watch_event(inner: Callable[..., Any]) -> Callable[..., Any]:
    def append(*args: Any, **options: Any) -> Any:
        event = inner(*args, **options)
        if event.body is not None:
            the_sweep().look("events", event.body)
        return event

    return append


def _watch_call(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def call(self: Any, call: Any, now: Any) -> Any:
        the_sweep().look("calls", call.body, call.url, *(value for _, value in call.headers))
        return await inner(self, call, now)

    return call


def _watch_mail(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def hand_over(self: Any, letter: Any, to: Any) -> Any:
        the_sweep().look("mails", letter.text(), letter.heading)
        return await inner(self, letter, to)

    return hand_over


def _watch_question(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def ask(self: Any, body: bytes) -> Any:
        the_sweep().look("questions to a model", body)
        return await inner(self, body)

    return ask


def _plant_contact(inner: Callable[..., Any]) -> Callable[..., Any]:
    def accept_report(batch: Any, submission: Any, **options: Any) -> Any:
        if submission.contact is None:
            submission = accept.Submission(
                **{name: getattr(submission, name) for name in submission.__slots__} | {"contact": CONTACT}
            )
        return inner(batch, submission, **options)

    return accept_report


def watch_logs() -> None:
    """Search every log line at every level, and again after a test has set logging up; what is below a warning is not
    printed.
    """
    known = structlog.get_config()
    if known["processors"][-1] is _search_line:
        return
    structlog.configure(
        processors=[*known["processors"], _search_line], wrapper_class=structlog.make_filtering_bound_logger(0)
    )


def _search_line(_: Any, level: str, line: Any) -> Any:
    the_sweep().look("log lines", str(line))
    if level in {"debug", "info"}:
        raise structlog.DropEvent
    return line


class SweepPlugin:
    """Fails the test during which something was found, and prints the counts at the end of the run."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self.found: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        watch_logs()
        before = len(the_sweep().hits)
        result = yield
        hits = the_sweep().hits[before:]
        if hits:
            pytest.fail("it tells who reported\n" + "\n".join(map(str, hits[:10])), pytrace=False)
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """One of several processes has ended: its part of the account."""
        told: Mapping[str, Any] = getattr(node, "workeroutput", {}).get("sweep", {})
        self.total.update(told.get("counts", {}))
        self.found += told.get("hits", [])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        account = {"counts": dict(the_sweep().counts), "hits": [str(hit) for hit in the_sweep().hits]}
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["sweep"] = account
        else:
            self.total.update(account["counts"])
            self.found += account["hits"]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        searcher = the_sweep().searcher
        told = ", ".join(f"{count} {name}" for name, count in sorted(self.total.items()))
        terminalreporter.write_line(
            f"canary sweep: {len(searcher.tokens)} tokens in {len(searcher.forms)} forms, {self.total.total()} bodies "
            f"searched ({told or 'none'}), {len(self.found)} hits"
        )
        for line in self.found[:20]:
            terminalreporter.write_line(f"  {line}")
