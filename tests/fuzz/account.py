"""What a run did and found, counted; findings are told once each, with the command that sends the request again."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.fuzz.judge import Fault
from tests.fuzz.wire import Wire


@dataclass(slots=True)
class Finding:
    """One kind of fault at one operation: the first request that showed it, and how many did."""

    operation: str
    fault: Fault
    holder: str
    how: str
    wire: Wire
    number: int
    times: int = 1

    def __str__(self) -> str:
        detail = "\n    ".join(self.fault.detail.strip().splitlines()[:12])
        first = f"{self.times}×; first request {self.number}, {self.holder}, {self.how}"
        return f"{self.operation}: {self.fault.kind} ({first})\n    {detail}\n    {self.wire.as_curl()[:6000]}"


@dataclass
class Account:
    """Counts of one run on one database."""

    kind: str
    seed: int
    operations: int = 0
    worlds: int = 0
    rounds: int = 0
    seconds: float = 0.0
    ways: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    findings: dict[tuple[str, str, str], Finding] = field(default_factory=dict)
    refusals: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    callers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    ledger: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return self.ways.total()

    @property
    def untried(self) -> list[str]:
        """Operations that were not called by everybody."""
        return [name for name, told in self.callers.items() if told != set(self.roles)]

    @property
    def never_done(self) -> list[str]:
        """Operations that nobody got a 2xx from, with what was said instead."""
        never = [name for name, told in self.statuses.items() if not any(200 <= status < 300 for status in told)]
        return [f"{name} ({_told(self.refusals[name])})" for name in never]

    @property
    def holds(self) -> bool:
        return not self.findings and not self.ledger

    def find(self, operation: str, fault: Fault, holder: str, how: str, wire: Wire) -> None:
        key = (operation, fault.kind, fault.detail.splitlines()[0][:60] if fault.kind.startswith("answers") else "")
        known = self.findings.setdefault(key, Finding(operation, fault, holder, how, wire, self.requests, 0))
        known.times += 1

    def __str__(self) -> str:
        classes: Counter[str] = Counter()
        for told in self.statuses.values():
            for status, times in told.items():
                classes[f"{status // 100}xx"] += times
        slowest = sorted(self.spent, key=lambda name: -self.spent[name])
        lines = [
            f"fuzz {self.kind}, seed {self.seed}: {self.operations} operations, {len(self.roles)} callers, "
            f"{self.requests} requests in {self.seconds:.0f} s, {self.rounds} rounds, {self.worlds} worlds",
            "  answers: " + _told(classes),
            "  requests: " + _told(self.ways),
            "  callers: " + _told(self.roles),
            "  seconds: " + ", ".join(f"{name} {self.spent[name]:.1f}" for name in slowest[:5]),
            f"  never done: {'; '.join(self.never_done) or 'none'}",
            f"  findings: {len(self.findings)}, faults of the ledger: {len(self.ledger)}",
        ]
        return "\n".join([*lines, *(f"  {finding}" for finding in self.findings.values()), *self.ledger[:20]])


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
