"""The description of the interface: what the framework makes of the routes, and what it cannot be told by them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from app.api.door import CSRF_HEADER, SAFE_METHODS, SESSION_COOKIE, OpenDoor
from app.problems import MEDIA_TYPE

PROBLEM = "#/components/schemas/Problem"
Security = list[dict[str, list[str]]]
# The key comes last: it is the one that the page of the documentation, which begins with the last, asks people for.
SCHEMES: Final[Mapping[str, dict[str, str]]] = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "登录会话: the cookie of somebody who is signed in on the pages; a browser sends it by itself.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "the session's token, as its pages hold it; beside the cookie, for whatever changes something",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": (
            "签名: Standard Webhooks with the department's secret or key pair, over `webhook-id`, `webhook-timestamp` "
            "and the body; instead of a key."
        ),
    },
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "接口密钥: the key of a point, a department or the office, `yl_…`; what programs come with.",
    },
}
SIGNED: Final = frozenset({"/v1/callbacks/{department_code}"})


class DescribedApp(FastAPI):
    """An application whose description says that problems are `application/problem+json`, and what each call needs."""

    def openapi(self) -> dict[str, Any]:
        """OpenAPI 3.1, made once."""
        known = self.openapi_schema
        if known is None:
            known = super().openapi()
            for operation in (each for path in known["paths"].values() for each in path.values()):
                for answer in operation["responses"].values():
                    content = answer.get("content", {})
                    if content.get("application/json", {}).get("schema") == {"$ref": PROBLEM}:
                        content[MEDIA_TYPE] = content.pop("application/json")
            self._say_who_may_call(known)
        return known

    def _say_who_may_call(self, known: dict[str, Any]) -> None:
        """Declare the ways to show who one is, and at each operation those that open it; none where it is public."""
        known["components"]["securitySchemes"] = dict(SCHEMES)
        closed = {(method, route.path) for route in iter_route_contexts(self.routes) for method in _closed(route)}
        for path, operations in known["paths"].items():
            for method, operation in operations.items():
                operation["security"] = _ways_in(method.upper(), path, (method.upper(), path) in closed)


def _closed(route: Any) -> set[str]:
    """The methods of a route that a door stands before."""
    dependant: Dependant | None = getattr(route, "dependant", None)
    return set(route.methods or ()) if dependant is not None and any(_doors(dependant)) else set()


def _doors(dependant: Dependant) -> Iterator[OpenDoor]:
    if isinstance(dependant.call, OpenDoor):
        yield dependant.call
    for deeper in dependant.dependencies:
        yield from _doors(deeper)


def _ways_in(method: str, path: str, is_closed: bool) -> Security:
    if path in SIGNED:
        return [{"signature": []}]
    if not is_closed:
        return []
    session: dict[str, list[str]] = {"session": []} if method in SAFE_METHODS else {"session": [], "csrf": []}
    return [{"key": []}, session]
