#!/usr/bin/env python3
"""Re-creates the vendored browser assets and their lock files from npm packages.

For maintainers, by hand, with npm on the path: never part of a build, a test or a start of the service.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "app/dashboard/static/vendor"
TESTS = ROOT / "tests/browser/vendor"
SOURCE_MAP_COMMENT = re.compile(rb"\n?(//|/\*)# sourceMappingURL=\S+?(\s*\*/)?\s*$")


@dataclass(frozen=True)
class Package:
    """One npm package: the files taken from it, and the licence texts kept beside them."""

    name: str
    version: str
    licence: str
    files: tuple[str, ...]
    licence_files: tuple[str, ...]
    folder: Path = PAGES


PACKAGES = (
    Package("htmx.org", "2.0.11", "0BSD", ("dist/htmx.min.js",), ("LICENSE",)),
    Package("idiomorph", "0.8.0", "0BSD", ("dist/idiomorph-ext.min.js",), ("LICENSE",)),
    Package(
        "bootstrap",
        "5.3.9",
        "MIT",
        ("dist/css/bootstrap.min.css", "dist/js/bootstrap.bundle.min.js"),
        ("LICENSE",),
    ),
    Package(
        "swagger-ui-dist",
        "5.35.0",
        "Apache-2.0",
        ("swagger-ui.css", "swagger-ui-bundle.js"),
        ("LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"),
    ),
    Package(
        "echarts", "6.1.0", "Apache-2.0", ("dist/echarts.common.min.js",), ("LICENSE", "NOTICE", "licenses/LICENSE-d3")
    ),
    Package("axe-core", "4.14.1", "MPL-2.0", ("axe.min.js",), ("LICENSE", "LICENSE-3RD-PARTY.txt"), TESTS),
)


def integrity_of(content: bytes) -> str:
    """The value of an `integrity` attribute for these bytes."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode("ascii")


def fetch(package: Package, work: Path) -> dict[str, bytes]:
    """The wanted members of a package's tarball, by their path in it."""
    command = ["npm", "pack", "--silent", "--pack-destination", str(work), f"{package.name}@{package.version}"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    tarball = work / printed.stdout.strip().splitlines()[-1]
    members: dict[str, bytes] = {}
    with tarfile.open(tarball) as archive:
        for path in (*package.files, *package.licence_files):
            member = archive.extractfile(f"package/{path}")
            if member is None:
                raise SystemExit(f"{package.name}@{package.version} has no file {path}")
            members[path] = member.read()
    return members


def write_package(package: Package, members: dict[str, bytes]) -> list[dict[str, str]]:
    """Writes one package's files without their source-map comments; returns its lines of the lock file."""
    lines = []
    for path in package.files:
        content = SOURCE_MAP_COMMENT.sub(b"\n", members[path])
        target = package.folder / Path(path).name
        target.write_bytes(content)
        lines.append(
            {
                "file": target.name,
                "package": package.name,
                "version": package.version,
                "licence": package.licence,
                "integrity": integrity_of(content),
            }
        )
    licences = package.folder / "licences"
    licences.mkdir(parents=True, exist_ok=True)
    for path in package.licence_files:
        (licences / f"{package.name}.{Path(path).name.removesuffix('.txt')}.txt").write_bytes(members[path])
    return lines


def main() -> int:
    """Fetches every package and rewrites both vendor folders and their lock files."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    locks: dict[Path, list[dict[str, str]]] = {}
    with tempfile.TemporaryDirectory() as work:
        for package in PACKAGES:
            sys.stdout.write(f"{package.name} {package.version}\n")
            package.folder.mkdir(parents=True, exist_ok=True)
            locks.setdefault(package.folder, []).extend(write_package(package, fetch(package, Path(work))))
    for folder, lines in locks.items():
        text = json.dumps({"files": sorted(lines, key=lambda line: line["file"])}, indent=2)
        (folder / "vendor.lock.json").write_text(text + "\n", encoding="utf-8")
        sys.stdout.write(f"wrote {(folder / 'vendor.lock.json').relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
