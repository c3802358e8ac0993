"""What is shipped and under which licence: `make licences` writes docs/licences.md, `make sbom` a list of parts.

Read from the lock files, the metadata of what is installed, and the lock of the vendored browser files; asks nobody.
"""

import base64
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
REQUIRED, OPTIONAL = "requirements.txt", "requirements-extras.txt"
LICENCES = ROOT / "docs" / "licences.md"
VENDORED = ROOT / "app" / "dashboard" / "static" / "vendor" / "vendor.lock.json"

# What the service may be given away with: nothing here asks for its source. MPL and LGPL hold for their own files,
# which are shipped unchanged.
ALLOWED: Final = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "LGPL-3.0-only", "MIT", "MIT-0",
        "MPL-2.0", "PSF-2.0", "Zlib",
    }
)  # fmt: skip
# In the words of older packages.
_WORDS: Final = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# Whose metadata does not say which, or which are for other systems only: read in their licence files.
_READ: Final = {
    "colorama": "BSD-3-Clause", "jinja2": "BSD-3-Clause", "scipy": "BSD-3-Clause", "uvloop": "Apache-2.0 OR MIT",
}  # fmt: skip
_PIN: Final = re.compile(r"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)==(?P<version>[0-9][\w.!+]*)(?: ; (?P<marker>.+))?")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Pin:
    """One requirement of a lock file; `marker` says where it is installed at all."""

    name: str
    version: str
    marker: str | None
    hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is shipped. `files`: of a vendored one, each with its integrity."""

    name: str
    version: str
    licence: str
    ecosystem: str
    optional: bool = False
    marker: str | None = None
    files: tuple[tuple[str, str], ...] = ()

    @property
    def reference(self) -> str:
        return f"pkg:{self.ecosystem}/{self.name}@{self.version}"


def read_pins(path: Path) -> Iterator[Pin]:
    """The requirements of a lock file. Raises ValueError for a line that is not an exact version with its hashes."""
    for line in path.read_text(encoding="utf-8").replace(" \\\n", "").splitlines():
        requirement, *hashes = re.split(r"\s+--hash=", line)
        found = _PIN.fullmatch(requirement)
        if not found or not hashes or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", h) for h in hashes):
            raise ValueError(f"{path.name}: {requirement[:80]}")
        yield Pin(found["name"], found["version"], found["marker"], tuple(hashes))


def licence_of(name: str) -> str:
    """The licence of an installed package as an SPDX expression; `unknown` where it does not say."""
    if name in _READ:
        return _READ[name]
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return UNKNOWN
    classified = [c.rpartition(" :: ")[2] for c in said.get_all("Classifier") or [] if c.startswith("License")]
    for candidate in (said["License-Expression"], said["License"], *classified):
        expression = _WORDS.get(candidate or "", candidate or "")
        if is_allowed(expression):
            return expression
    return said["License-Expression"] or UNKNOWN


def is_allowed(expression: str) -> bool:
    """Whether one of the alternatives of an expression consists of allowed licences."""
    return any(set(each.strip(" ()").split(" AND ")) <= ALLOWED for each in expression.split(" OR "))


def shipped() -> list[Part]:
    """All that is pinned at run time, extras included, and the vendored browser files."""
    required = {(pin.name, pin.version) for pin in read_pins(ROOT / REQUIRED)}
    pins = read_pins(ROOT / OPTIONAL)
    parts = [
        Part(p.name, p.version, licence_of(p.name), "pypi", (p.name, p.version) not in required, p.marker) for p in pins
    ]
    return parts + list(_vendored())


def _vendored() -> Iterator[Part]:
    listed = json.loads(VENDORED.read_text(encoding="utf-8"))["files"]
    for name, version, licence in dict.fromkeys((f["package"], f["version"], f["licence"]) for f in listed):
        files = tuple((f["file"], f["integrity"]) for f in listed if f["package"] == name)
        yield Part(name, version, licence, "npm", files=files)


def faults_of(parts: Iterable[Part]) -> list[str]:
    """Parts that must not be shipped as they are."""
    return [f"{p.name} {p.version}: {p.licence}" for p in parts if not is_allowed(p.licence)]


# ── what is written ──


def draw_licences(parts: list[Part]) -> str:
    """The text of docs/licences.md."""
    lines = [
        "# Licences 许可证",
        "",
        "Written by `make licences` from the lock files and the packages' own words; a test compares. The service is",
        "Apache-2.0. None of these asks for the service's source; those of MPL and LGPL are shipped unchanged.",
    ]
    for title, chosen in (
        ("Python packages", [p for p in parts if p.ecosystem == "pypi"]),
        ("Browser files, in `app/dashboard/static/vendor`", [p for p in parts if p.ecosystem == "npm"]),
    ):
        lines += ["", f"## {title}", "", "| package | version | licence | |", "|---|---|---|---|"]
        for part in chosen:
            note = "extra" if part.optional else ", ".join(name for name, _ in part.files)
            lines.append(f"| {part.name} | {part.version} | {part.licence} | {note or part.marker or ''} |")
    return "\n".join(lines) + "\n"


def bill_of(parts: list[Part]) -> dict[str, Any]:
    """The parts in the form of CycloneDX 1.6. It names no moment and no machine: the same pins, the same bytes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = {
        "type": "application",
        "bom-ref": f"pkg:pypi/yilong@{project['version']}",
        "name": project["name"],
        "version": project["version"],
        "licenses": [{"license": {"id": project["license"]}}],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own},
        "components": [_component_of(part) for part in parts],
        "dependencies": [{"ref": own["bom-ref"], "dependsOn": sorted(part.reference for part in parts)}]
        + [{"ref": part.reference, "dependsOn": _needs_of(part, parts)} for part in parts],
    }


def _component_of(part: Part) -> dict[str, Any]:
    compound = " AND " in part.licence or " OR " in part.licence
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": part.reference,
        "name": part.name,
        "version": part.version,
        "scope": "optional" if part.optional else "required",
        "licenses": [{"expression": part.licence} if compound else {"license": {"id": part.licence}}],
        "purl": part.reference,
    }
    if part.marker:
        component["properties"] = [{"name": "yilong:installed-where", "value": part.marker}]
    if part.files:
        component["components"] = [
            {
                "type": "file",
                "bom-ref": f"{part.reference}#{name}",
                "name": name,
                "hashes": [{"alg": "SHA-384", "content": base64.b64decode(integrity[len("sha384-") :]).hex()}],
            }
            for name, integrity in part.files
        ]
    return component


def _needs_of(part: Part, parts: list[Part]) -> list[str]:
    """The parts that a package names itself, but for those of its own extras."""
    try:
        said = requires(part.name) or [] if part.ecosystem == "pypi" else []
    except PackageNotFoundError:
        said = []
    named = [_NAME.match(line) for line in said if "extra ==" not in line]
    names = {re.sub(r"[._-]+", "-", found[0]).lower() for found in named if found}
    return sorted(other.reference for other in parts if other.name in names and other.ecosystem == "pypi")


def main(what: str) -> int:
    parts = shipped()
    if faults := faults_of(parts):
        said = "许可证不明或不在允许之列 unknown licence, or one that is not allowed:"
        sys.stderr.write("\n".join([said, *faults]) + "\n")
        return 1
    if what == "licences":
        LICENCES.write_text(draw_licences(parts), encoding="utf-8")
        return 0
    bill = bill_of(parts)
    target = ROOT / "dist" / f"yilong-{bill['metadata']['component']['version']}.cdx.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(bill, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{target.relative_to(ROOT)}: {len(parts)} parts\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
