"""Full-text search: which cases contain all the words of a question, the same on both databases. Reads only.

An index finds the reports that have a word's tokens; that they follow one another is asked of SQLite's index, which
keeps their places exactly, and on PostgreSQL of the words themselves: there an index forgets places in long texts.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, intersect, literal, select, union
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.bigrams import asked_for, may_go_on
from app.directory.serials import CASE
from app.models import Case

_NUMBER: Final = re.compile(rf"{CASE.lower()}(\d{{0,4}})(\d*)")
_SERIAL: Final = re.compile(r"\d{6,10}")


class _Here(FunctionElement[str]):
    """As rows: under which case each report lies whose words hold the tokens of one word, one after another.

    Its clauses: the question to SQLite's index, that to PostgreSQL's, and where there are several, what they make.
    """

    name = "here"
    inherit_cache = True


class _Before(FunctionElement[str]):
    """As rows: from under which case each such report has moved, where it has."""

    name = "before"
    inherit_cache = True


# SQLite would fetch the wide row of each report that was found; the index that is named has all that is asked.
@compiles(_Here, "sqlite")
def _find_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    phrase = _written(element, compiler, **options)[0]
    found = "report_words_index CROSS JOIN report_words INDEXED BY ix_report_words_id_case_id"
    here = f"report_words.id = report_words_index.rowid AND report_words_index MATCH {phrase}"
    return f"(SELECT case_id FROM {found} WHERE {here})"  # noqa: S608


@compiles(_Before, "sqlite")
def _find_moved_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    phrase = _written(element, compiler, **options)[0]
    found = f"(SELECT rowid FROM report_words_index WHERE report_words_index MATCH {phrase})"  # noqa: S608
    moved = "report_words INDEXED BY ix_report_words_came_from WHERE came_from IS NOT NULL"
    return f"(SELECT came_from AS case_id FROM {moved} AND +id IN {found})"  # noqa: S608


@compiles(_Here, "postgresql")
def _find_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"(SELECT case_id FROM report_words WHERE {_ask_postgresql(element, compiler, **options)})"  # noqa: S608


@compiles(_Before, "postgresql")
def _find_moved_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    holds = _ask_postgresql(element, compiler, **options)
    return f"(SELECT came_from AS case_id FROM report_words WHERE came_from IS NOT NULL AND {holds})"  # noqa: S608


def _ask_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    _, tokens, *followed = _written(element, compiler, **options)
    found = f"array_to_tsvector(string_to_array(words, ' ')) @@ CAST({tokens} AS tsquery)"
    return " AND ".join([found, *(f"strpos(words, {what}) > 0" for what in followed)])


def _written(element: Any, compiler: Any, **options: Any) -> list[str]:
    options = {name: value for name, value in options.items() if name != "asfrom"}
    return [compiler.process(clause, **options) for clause in element.clauses.clauses]


def _asked(tokens: Sequence[str]) -> list[ColumnElement[str]]:
    """What is asked of the words of a report: the clauses of the two."""
    more = may_go_on(tokens[-1])
    phrase = f'"{" ".join(tokens)}"' + (" *" if more else "")
    all_of_them = " & ".join(f"'{token}'" for token in tokens) + (":*" if more else "")
    followed = [literal(" " + " ".join(tokens))] if len(tokens) > 1 else []
    return [literal(phrase), literal(all_of_them), *followed]


def contain(question: str) -> list[ColumnElement[bool]]:
    """As conditions of a query over cases: each word of the question is in a report of the case, or is its number.

    A merged case has the reports that came with it, wherever they are now. A question without words asks nothing.
    """
    return [Case.id.in_(_cases_with(tokens)) for tokens in asked_for(question)]


def found_by(question: str) -> CTE:
    """The ids of the cases that a question with words finds, each once, for a statement that asks of them twice."""
    words = [select(_cases_with(tokens).subquery().c.case_id) for tokens in asked_for(question)]
    found = words[0] if len(words) == 1 else intersect(*words)
    return found.cte("found").prefix_with("MATERIALIZED", dialect="postgresql")


def is_among(found: CTE) -> ColumnElement[bool]:
    """As a condition: a case is one of those that were found. As no database takes it for a way to look cases up.

    PostgreSQL keeps them in a table of hashes if they fit, as by its estimate a million do (see `database`).
    """
    return Case.id.in_(select(found.c.case_id)).is_(True)


def _cases_with(tokens: Sequence[str]) -> Any:
    ways: list[Any] = [select(kind(*_asked(tokens)).table_valued("case_id").c.case_id) for kind in (_Here, _Before)]
    if pattern := _number_like(tokens):
        ways.append(select(Case.id.label("case_id")).where(Case.number.like(pattern)))
    return union(*ways)


def _number_like(tokens: Sequence[str]) -> str | None:
    """What a case's number is like if this is one, or its beginning, or its serial; None where it cannot be."""
    if len(tokens) > 1:
        return None
    if named := _NUMBER.fullmatch(tokens[0]):
        year, serial = named.groups()
        return f"{CASE}-{year}" + (f"-{serial}%" if serial else "%")
    return f"%-{tokens[0]}" if _SERIAL.fullmatch(tokens[0]) else None
