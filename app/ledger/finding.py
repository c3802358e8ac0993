"""Full-text search: which cases contain all the words of a question, the same on both databases. Reads only.

An index finds the reports that have a word's tokens; that they follow one another is asked of SQLite's index, which
keeps their places exactly, and on PostgreSQL of the words themselves: there an index forgets places in long texts.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Boolean, ColumnElement, String, literal, select, union
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.bigrams import asked_for, may_go_on
from app.directory.serials import CASE
from app.models import Case, ReportWords

_NUMBER: Final = re.compile(rf"{CASE.lower()}(\d{{0,4}})(\d*)")
_SERIAL: Final = re.compile(r"\d{6,10}")


class _Holds(FunctionElement[bool]):
    """A report's words hold the tokens of one word, one after another.

    Its clauses: the question to SQLite's index, that to PostgreSQL's, and where there are several, what they make.
    """

    type = Boolean()
    name = "holds"
    inherit_cache = True

    def self_group(self, against: Any = None) -> "_Holds":
        """As it is: compared with 1, as SQLite would have it, no index is used."""
        return self


@compiles(_Holds, "sqlite")
def _ask_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    phrase = compiler.process(element.clauses.clauses[0], **options)
    return f"report_words.id IN (SELECT rowid FROM report_words_index WHERE report_words_index MATCH {phrase})"  # noqa: S608


@compiles(_Holds, "postgresql")
def _ask_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    _, tokens, *followed = (compiler.process(clause, **options) for clause in element.clauses.clauses)
    found = f"array_to_tsvector(string_to_array(report_words.words, ' ')) @@ CAST({tokens} AS tsquery)"
    return " AND ".join([f"({found}", *(f"strpos(report_words.words, {what}) > 0" for what in followed)]) + ")"


def _holds(tokens: Sequence[str]) -> ColumnElement[bool]:
    more = may_go_on(tokens[-1])
    phrase = f'"{" ".join(tokens)}"' + (" *" if more else "")
    all_of_them = " & ".join(f"'{token}'" for token in tokens) + (":*" if more else "")
    followed = [literal(" " + " ".join(tokens))] if len(tokens) > 1 else []
    return _Holds(literal(phrase), literal(all_of_them), *followed)


class _InOrder(FunctionElement[str]):
    """A case's id by which SQLite looks nothing up: it goes through the cases in their order and stops at enough."""

    type = String()
    name = "in_order"
    inherit_cache = True


@compiles(_InOrder)
def _as_it_is(_: Any, __: Any, **___: Any) -> str:
    return "cases.id"


@compiles(_InOrder, "sqlite")
def _for_no_index(_: Any, __: Any, **___: Any) -> str:
    return "+cases.id"


def contain(question: str, *, in_order: bool = False) -> list[ColumnElement[bool]]:
    """As conditions of a query over cases: each word of the question is in a report of the case, or is its number.

    `in_order`: many are found and only the first of an order are wanted.

    A merged case has the reports that came with it, wherever they are now. A question without words asks nothing.
    """
    case_id: Any = _InOrder() if in_order else Case.id
    return [case_id.in_(_cases_with(tokens)) for tokens in asked_for(question)]


def _cases_with(tokens: Sequence[str]) -> Any:
    found = select(ReportWords.case_id, ReportWords.came_from).where(_holds(tokens)).cte()
    ways = [select(found.c.case_id), select(found.c.came_from).where(found.c.came_from.is_not(None))]
    if pattern := _number_like(tokens):
        ways.append(select(Case.id).where(Case.number.like(pattern)))
    return union(*ways)


def _number_like(tokens: Sequence[str]) -> str | None:
    """What a case's number is like if this is one, or its beginning, or its serial; None where it cannot be."""
    if len(tokens) > 1:
        return None
    if named := _NUMBER.fullmatch(tokens[0]):
        year, serial = named.groups()
        return f"{CASE}-{year}" + (f"-{serial}%" if serial else "%")
    return f"%-{tokens[0]}" if _SERIAL.fullmatch(tokens[0]) else None
