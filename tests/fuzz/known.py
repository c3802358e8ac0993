"""Who calls, what each is known to have, and real objects in place of invented ones."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.models import Role
from tests.access.scene import DEPARTMENTS, THIRD, Scene

# What a member of a body or a query names, where its name does not say so itself.
REFERENCES: Final[Mapping[str, str]] = {
    "into": "cases", "sessions": "consultations", "session": "consultations", "code": "departments",
    "withdraw": "departments", "proposed_department": "departments", "declared_departments": "departments",
    "owner": "departments", "evidence": "evidence", "receiver": "departments",
}  # fmt: skip
NAMES: Final = ("id", "number", "code")
MOST: Final = 60


@dataclass(slots=True)
class Holder:
    """Somebody with a key, or nobody; `code` is a point's or a department's."""

    name: str
    role: Role | None
    key: str | None = None
    code: str | None = None


@dataclass
class Known:
    """Names of objects by holder and kind, in the order in which they came to be known."""

    by_holder: dict[str, dict[str, dict[str, None]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )

    @classmethod
    def of(cls, scene: Scene) -> "Known":
        """What the scene has, each thing known to its owners and to the office."""
        known = cls()
        for thing in scene.things:
            holders = [f"{role} {half}" for half in thing.owners for role in ("reporter", "department")]
            for holder in (*holders, "office"):
                for name in thing.names:
                    known.note(holder, thing.kind, name)
        for code in (*DEPARTMENTS.values(), THIRD, "CS-MZ"):
            known.note("office", "departments", code)
        return known

    def note(self, holder: str, kind: str, name: str) -> None:
        names = self.by_holder[holder][kind]
        names.pop(name, None)
        names[name] = None
        if len(names) > MOST:
            # Those of the scene stay: what is met later comes and goes.
            del names[list(names)[MOST // 2]]

    def pick(self, dice: random.Random, holder: Holder, kind: str) -> str | None:
        """An object of that kind: mostly one's own, often one that was just dealt with; None where none is known."""
        own = self.by_holder[holder.name].get(kind, {})
        others = self.by_holder["office"].get(kind, {})
        chosen = own if own and dice.random() < 0.8 else others or own
        names = list(chosen)
        return dice.choice(names[-4:] if dice.random() < 0.5 else names) if names else None

    def learn(self, holder: Holder, path: str, body: bytes) -> None:
        """Note every object that a good answer names."""
        try:
            told = json.loads(body)
        except ValueError:
            return
        for kind, name in _named(told, kind_of(path)):
            for each in {holder.name, "office"}:
                self.note(each, kind, name)


def kind_of(path: str) -> str:
    """What a route's path is about, such as `cases`."""
    return (*path.strip("/").split("/"), "")[1]


def kind_of_parameter(path: str, name: str) -> str:
    """What a name in a path stands for: what stands before it says so, or it does itself."""
    if name.endswith("_code"):
        return f"{name.removesuffix('_code')}s"
    return path.partition(f"/{{{name}}}")[0].rpartition("/")[2]


def kind_of_member(name: str, kinds: Mapping[str, Any]) -> str | None:
    """Which kind of object a member of a body names; None where it names none."""
    kind = REFERENCES.get(name, name if name in kinds else f"{name}s")
    return kind if kind in kinds else None


def _named(value: Any, kind: str) -> Iterator[tuple[str, str]]:
    """Kind and name of what an answer names; an object in a list is of the list's kind."""
    if isinstance(value, list):
        for each in value[:20]:
            yield from _named(each, kind)
    elif isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, str | int) and not isinstance(member, bool):
                if name in NAMES:
                    yield kind, str(member)
                elif name in {"case", "report", "assignment", "consultation", "precedent", "department"}:
                    yield f"{name}s", str(member)
            else:
                yield from _named(member, name if isinstance(member, list) else kind)


def with_known(value: Any, dice: random.Random, holder: Holder, known: Known, share: float, name: str = "") -> Any:
    """A copy of a body in which a share of what names an object names one that is there."""
    if isinstance(value, dict):
        return {key: with_known(member, dice, holder, known, share, key) for key, member in value.items()}
    kind = kind_of_member(name, known.by_holder["office"]) if name else None
    if isinstance(value, list):
        if kind and dice.random() < share and all(isinstance(each, str) for each in value):
            picked = (known.pick(dice, holder, kind) for _ in range(dice.randrange(1, 3)))
            return list(dict.fromkeys(each for each in picked if each is not None))
        return [with_known(each, dice, holder, known, share, name) for each in value]
    if kind and isinstance(value, str) and dice.random() < share:
        return known.pick(dice, holder, kind) or value
    return value
