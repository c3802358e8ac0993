"""Which sessions could be held as one: without a date, and meeting the same departments. Pure; the office decides."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session that has no date yet, with whom it meets and the numbers of its cases."""

    number: str
    departments: frozenset[str]
    cases: tuple[str, ...]


@dataclass(slots=True)
class Proposal:
    """Sessions to hold as one: the first meets every department of the others, and takes their cases."""

    first: Waiting
    others: list[Waiting] = field(default_factory=list)

    @property
    def departments(self) -> list[str]:
        return sorted(self.first.departments)

    @property
    def cases(self) -> list[str]:
        return sorted(case for session in (self.first, *self.others) for case in session.cases)

    @property
    def same(self) -> bool:
        """Whether all meet just the same departments."""
        return all(other.departments == self.first.departments for other in self.others)


def propose_batches(waiting: Iterable[Waiting]) -> list[Proposal]:
    """Put each session to the smallest other one that meets all its departments; the oldest of equals takes the rest.

    A session stands in one proposal at most, and the largest set of departments leads it.
    """
    proposals: list[Proposal] = []
    for session in sorted(waiting, key=lambda s: (-len(s.departments), s.number)):
        hosts = [p for p in proposals if session.departments <= p.first.departments]
        if hosts:
            min(hosts, key=lambda p: (len(p.first.departments), p.first.number)).others.append(session)
        else:
            proposals.append(Proposal(session))
    for proposal in proposals:
        proposal.others.sort(key=lambda session: session.number)
    return sorted((p for p in proposals if p.others), key=lambda p: p.first.number)
