"""The description of the interface: what the framework makes of the routes, and what it cannot be told by them."""

from typing import Any

from fastapi import FastAPI

from app.problems import MEDIA_TYPE

PROBLEM = "#/components/schemas/Problem"


class DescribedApp(FastAPI):
    """An application whose description says that problems are `application/problem+json`."""

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
        return known
