"""Static files of the pages: which there are, their content hashes, and how browsers may cache them.

Vendored files are named by the lock file beside them; nothing is fetched from anywhere at build or run time.
"""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

STATIC_URL = "/dashboard/static"
STATIC_FOLDER = Path(__file__).parent / "static"
VENDOR_FOLDER = STATIC_FOLDER / "vendor"
VERSION_LENGTH = 12


class Asset(NamedTuple):
    """What a `<script>` or `<link>` needs: where the file is, and the hash the browser checks it against."""

    url: str
    integrity: str


def integrity_of(content: bytes) -> str:
    """The `integrity` attribute for these bytes (SHA-384)."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode("ascii")


def _version_of(integrity: str) -> str:
    return hashlib.sha256(integrity.encode("ascii")).hexdigest()[:VERSION_LENGTH]


def _asset(path: str, integrity: str) -> Asset:
    return Asset(f"{STATIC_URL}/{path}?v={_version_of(integrity)}", integrity)


@cache
def _lock() -> dict[str, str]:
    lines = json.loads((VENDOR_FOLDER / "vendor.lock.json").read_text(encoding="utf-8"))["files"]
    return {line["file"]: line["integrity"] for line in lines}


@cache
def vendor(name: str) -> Asset:
    """A vendored file with the hash its lock file records; `KeyError` for a file that is not in the lock."""
    return _asset(f"vendor/{name}", _lock()[name])


@cache
def asset(name: str) -> Asset:
    """One of our own files with the hash of its content, taken once per process."""
    return _asset(name, integrity_of((STATIC_FOLDER / name).read_bytes()))


class VersionedFiles(StaticFiles):
    """Static files: kept for good under the address that carries their own hash, revalidated otherwise.

    During an upgrade an old replica may be asked for a new version: it answers, but nobody keeps the answer.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("v", [""])[0]
        kept = bool(asked) and asked == _served_version(path.replace("\\", "/"))
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return response


def _served_version(path: str) -> str:
    folder, _, name = path.rpartition("/")
    try:
        known = vendor(name) if folder == "vendor" else asset(path)
    except (KeyError, OSError):
        return ""
    return _version_of(known.integrity)


def add_static_files(app: FastAPI) -> None:
    """Serve the folder `static` under `/dashboard/static`."""
    app.mount(STATIC_URL, VersionedFiles(directory=STATIC_FOLDER), name="dashboard-static")
