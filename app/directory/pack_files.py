"""Reads the files of a pack folder and keeps each value's file, line and field, so that a mistake can be named exactly.

Knows CSV and TOML, nothing of departments. Problems are collected, not raised one by one.
"""

import csv
import hashlib
import io
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One mistake in a pack: file name, line (1-based, 0 = the whole file), field and what to do, in Chinese."""

    file: str
    line: int
    field: str
    message: str


class PackError(ValueError):
    """A pack that cannot be used. `problems` lists every mistake found; `str()` prints one a line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(_describe(problem) for problem in problems))


def _describe(problem: Problem) -> str:
    where = problem.file + (f" 第{problem.line}行" if problem.line else "")
    return f"{where} 字段“{problem.field}”：{problem.message}" if problem.field else f"{where}：{problem.message}"


@dataclass(slots=True)
class Row:
    """One line of a CSV file; `source` collects the problems found in it."""

    file: str
    line: int
    values: dict[str, str]
    source: "PackFolder"

    def text(self, name: str) -> str:
        """The value without surrounding blanks; empty where absent."""
        return self.values.get(name, "")

    def required(self, name: str) -> str:
        """The value; a problem is noted where it is empty."""
        value = self.values.get(name, "")
        if not value:
            self.wrong(name, "不能为空，请填写")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """The parts of a list written as `甲|乙|丙`."""
        return tuple(part.strip() for part in self.values.get(name, "").split("|") if part.strip())

    def yes(self, name: str) -> bool:
        """True for `yes`, false for `no` or empty; anything else is a problem."""
        value = self.values.get(name, "").lower()
        if value not in ("", "yes", "no"):
            self.wrong(name, f"只能写 yes 或 no，现在是“{value}”")
        return value == "yes"

    def number(self, name: str, default: float) -> float:
        """A decimal number; the default where empty."""
        value = self.values.get(name, "")
        if not value:
            return default
        try:
            return float(value)
        except ValueError:
            self.wrong(name, f"应为数字，现在是“{value}”")
            return default

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        """The value, which must be one of `allowed`; otherwise a problem is noted and the first is taken."""
        value = self.values.get(name, "")
        if value not in allowed:
            self.wrong(name, f"只能是 {'、'.join(part or '(空)' for part in allowed)}，现在是“{value}”")
            return allowed[0]
        return value

    def wrong(self, name: str, message: str) -> None:
        """Notes a problem with one field of this line."""
        self.source.problems.append(Problem(self.file, self.line, name, message))


@dataclass(slots=True)
class PackFolder:
    """A pack folder being read."""

    path: Path
    problems: list[Problem] = field(default_factory=list)

    def rows(self, name: str, columns: tuple[str, ...]) -> Iterator[Row]:
        """The lines of a CSV file that must have `columns`. Tolerates a byte order mark, CRLF and empty lines."""
        text = self._read(name)
        if text is None:
            return
        reader = csv.reader(io.StringIO(text, newline=""))
        try:
            header = [cell.strip() for cell in next(reader)]
        except StopIteration:
            self.problems.append(Problem(name, 0, "", "文件是空的，第一行应为列名"))
            return
        missing = [column for column in columns if column not in header]
        if missing:
            self.problems.append(Problem(name, 1, missing[0], f"缺少列 {'、'.join(missing)}，请补上列名"))
            return
        yield from self._body(name, header, reader)

    def _body(self, name: str, header: list[str], reader: Any) -> Iterator[Row]:
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(header):
                self.problems.append(
                    Problem(name, line, "", f"有{len(cells)}格而列名只有{len(header)}个，请检查逗号与引号")
                )
                continue
            padded = [cell.strip() for cell in cells] + [""] * (len(header) - len(cells))
            yield Row(name, line, dict(zip(header, padded, strict=True)), self)

    def settings(self, name: str) -> dict[str, Any]:
        """The content of a TOML file; empty, with a problem noted, where it cannot be read."""
        text = self._read(name)
        if text is None:
            return {}
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self.problems.append(Problem(name, 0, "", f"TOML 语法错误：{error}"))
            return {}

    def fingerprint(self) -> str:
        """Short SHA-256 over all CSV and TOML files, newlines normalised: the same data give the same version."""
        digest = hashlib.sha256()
        for file in sorted(self.path.iterdir()):
            if file.suffix in (".csv", ".toml"):
                body = file.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
                digest.update(file.name.encode() + b"\0" + body + b"\0")
        return digest.hexdigest()[:12]

    def _read(self, name: str) -> str | None:
        file = self.path / name
        if not file.is_file():
            self.problems.append(Problem(name, 0, "", "缺少这个文件，请从已有的资料包复制一份再改"))
            return None
        try:
            text = file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            self.problems.append(Problem(name, 0, "", "不是 UTF-8 编码，请另存为“CSV UTF-8”"))
            return None
        return text.replace("\r\n", "\n").replace("\r", "\n")
