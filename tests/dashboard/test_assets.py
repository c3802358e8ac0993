"""The vendored files are those of the lock, hash by hash, with their licences; browsers keep only the right version."""

import json
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.dashboard.assets import STATIC_FOLDER, VENDOR_FOLDER, add_static_files, asset, integrity_of, vendor

TEST_VENDOR_FOLDER = Path(__file__).parents[1] / "browser" / "vendor"
FOLDERS = [VENDOR_FOLDER, TEST_VENDOR_FOLDER]
LINES = [
    (folder, line)
    for folder in FOLDERS
    for line in json.loads((folder / "vendor.lock.json").read_text(encoding="utf-8"))["files"]
]
BEYOND_CHROMIUM_109 = re.compile(r"color-mix\(|oklch\(|oklab\(|:has\(|@container|@scope|@layer|^\s*&", re.MULTILINE)


@pytest.mark.parametrize(
    ("folder", "line"), LINES, ids=lambda value: value.get("file", "") if isinstance(value, dict) else ""
)
def test_a_vendored_file_is_what_its_lock_says(folder: Path, line: dict[str, str]) -> None:
    content = (folder / line["file"]).read_bytes()
    assert integrity_of(content) == line["integrity"]
    assert b"sourceMappingURL=" not in content
    assert (folder / "licences" / f"{line['package']}.LICENSE.txt").is_file()


@pytest.mark.parametrize("folder", FOLDERS, ids=["pages", "tests"])
def test_nothing_lies_beside_the_locked_files(folder: Path) -> None:
    locked = {line["file"] for where, line in LINES if where == folder}
    there = {path.name for path in folder.iterdir() if path.is_file()}
    assert there - locked <= {"vendor.lock.json", "README.md"}


def test_our_style_sheets_stay_on_the_floor_of_chromium_109() -> None:
    for path in STATIC_FOLDER.glob("*.css"):
        rules = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not BEYOND_CHROMIUM_109.search(rules), path.name


async def test_a_file_is_kept_for_good_only_under_its_own_version() -> None:
    app = FastAPI()
    add_static_files(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        for known in (vendor("htmx.min.js"), asset("app.css")):
            current = await client.get(known.url)
            assert current.status_code == 200
            assert "immutable" in current.headers["cache-control"]
            other = await client.get(known.url.partition("?")[0] + "?v=000000000000")
            assert other.headers["cache-control"] == "no-cache"
            assert current.headers["content-type"].startswith(("text/javascript", "text/css"))
        assert (await client.get("/dashboard/static/../rendering.py")).status_code == 404


def test_a_file_outside_the_lock_is_refused() -> None:
    with pytest.raises(KeyError):
        vendor("jquery.js")
