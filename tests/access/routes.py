"""Every route of the application as the application itself lists them, with the permission that each declares."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from app.access.principal import PERMISSIONS, Permission
from app.api.door import OpenDoor
from app.dashboard.session import Admit
from app.models import Role

NAMED = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one path; `permissions` are those that it declares, more or less than one being a fault.

    `pages` is what a page needs besides: that the pages it belongs to are the reader's.
    """

    method: str
    path: str
    permissions: frozenset[Permission]
    takes_body: bool
    pages: frozenset[Permission] = frozenset()

    @property
    def is_page(self) -> bool:
        return self.path.startswith("/dashboard")

    @property
    def names(self) -> list[str]:
        """What the path names, such as `number`."""
        return NAMED.findall(self.path)

    @property
    def permission(self) -> Permission:
        (permission,) = self.permissions
        return permission

    def allows(self, role: Role | None) -> bool:
        return role is not None and {self.permission, *self.pages} <= PERMISSIONS[role]

    def at(self, *values: object) -> str:
        """The address with these in place of what the path names."""
        filled = iter(values)
        return NAMED.sub(lambda _: str(next(filled)), self.path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes_of(application: FastAPI) -> list[Route]:
    """All routes, mounted applications among them; HEAD where GET is answers alike and is left out."""
    found = []
    for route in iter_route_contexts(application.routes):
        methods = set(route.methods or {"GET"})
        dependant: Dependant | None = getattr(route, "dependant", None)
        doors = list(_doors(dependant)) if dependant else []
        declared = frozenset(door.permission for door in doors)
        pages = frozenset(door.pages for door in doors if isinstance(door, Admit))
        takes_body = bool(dependant and dependant.body_params)
        for method in sorted(methods - ({"HEAD"} if "GET" in methods else set())):
            found.append(Route(method, route.path or "", declared, takes_body, pages))
    return found


def _doors(dependant: Dependant) -> Iterator[OpenDoor | Admit]:
    if isinstance(dependant.call, OpenDoor | Admit):
        yield dependant.call
    for deeper in dependant.dependencies:
        yield from _doors(deeper)


def undeclared(routes: list[Route], public: Mapping[str, str]) -> list[str]:
    """Routes that neither are public nor declare one permission, public ones that declare any, and stale entries."""
    faults = [str(r) for r in routes if len(r.permissions) != (0 if r.path in public else 1)]
    return faults + [f"no such route: {path}" for path in public if path not in {r.path for r in routes}]
