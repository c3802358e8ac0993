"""A pack with one word more or less, to be tried out and thrown away. Pure; the pack in force is never touched."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeVar

from app.directory.folding import fold_word
from app.directory.pack import NameForm, Pack, Topic, WordGroup
from app.problems import InvalidInput

LONGEST_WORD: Final = 40
Listed = TypeVar("Listed", NameForm, Topic, WordGroup)


class WordKind(StrEnum):
    """What a word can mean: a department, the departments of a line, a matter of a line, a burden."""

    DEPARTMENT = "department"
    LINE = "line"
    TOPIC = "topic"
    BURDEN = "burden"


class BadWord(InvalidInput):
    code = "bad_word"
    title_zh, title_en = "不能这样试改", "This change cannot be tried"


@dataclass(frozen=True, slots=True)
class WordChange:
    """One word put in or taken out. `target`: a department's code, a line, or a burden type's code."""

    kind: WordKind
    word: str
    target: str
    remove: bool = False


def changed_pack(pack: Pack, change: WordChange) -> Pack:
    """The pack with that change; its version says that it is no pack in force. Raises BadWord."""
    word = change.word.strip()
    if not len(fold_word(word)) >= 2 or len(word) > LONGEST_WORD or "|" in word:
        raise BadWord(f"词语须为 2 至 {LONGEST_WORD} 个字。", f"A word has 2 to {LONGEST_WORD} characters.")
    changed = _change(pack, replace(change, word=word))
    if changed is pack:
        said = ("词表里没有这个词，无从删去。", "The word is not there to be taken out.")
        raise BadWord(*(said if change.remove else ("词表里已有这个词。", "The word is there already.")))
    return replace(changed, version=f"{pack.version}-tried")


def _change(pack: Pack, change: WordChange) -> Pack:
    if change.kind is WordKind.DEPARTMENT:
        return _change_department(pack, change)
    lines = {department.line for department in pack.departments}
    if change.kind is WordKind.BURDEN:
        _require(any(kind.code == change.target for kind in pack.burden_types))
        groups = _edited(pack.burden_cues, change, "group", WordGroup(change.target, (change.word,), 1.0))
        return pack if groups is None else replace(pack, burden_cues=groups)
    _require(change.target in lines)
    if change.kind is WordKind.TOPIC:
        topics = _edited(pack.topics, change, "line", Topic((change.word,), change.target, 1.0))
        return pack if topics is None else replace(pack, topics=topics)
    bodies = _edited(pack.bodies, change, "line", NameForm(change.target, "org", (change.word,), None))
    return pack if bodies is None else replace(pack, bodies=bodies)


def _change_department(pack: Pack, change: WordChange) -> Pack:
    old = pack.by_code.get(change.target)
    _require(old is not None)
    if old is None or (change.word in old.short_names) is not change.remove:
        return pack
    kept = tuple(name for name in old.short_names if name != change.word)
    new = replace(old, short_names=kept if change.remove else (*kept, change.word))
    departments = tuple(new if department.code == new.code else department for department in pack.departments)
    return replace(pack, departments=departments, by_code={**pack.by_code, new.code: new})


def _require(known: bool) -> None:
    if not known:
        raise BadWord("没有这个部门、条线或负担类型。", "There is no such department, line or burden type.")


def _edited(listed: Iterable[Listed], change: WordChange, field: str, new: Listed) -> tuple[Listed, ...] | None:
    """The lists of words after the change; None where nothing changes."""
    rows: list[Listed] = list(listed)
    there = [row for row in rows if getattr(row, field) == change.target and change.word in row.words]
    if bool(there) is not change.remove:
        return None
    if not change.remove:
        rows.append(new)
        return tuple(rows)
    return tuple(
        replace(row, words=tuple(word for word in row.words if word != change.word)) if row in there else row
        for row in rows
    )
