"""拼音: how names are typed without characters: `smzj`, `shiminzhengju` for 市民政局. Pure; once for each pack.

The dictionaries of the library weigh 50 MB and are needed for a moment, so they are let go again afterwards.
"""

import gc
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

from app.directory.folding import fold_word
from app.directory.pack import Department

Names = tuple[tuple[str, ...], ...]
_LIBRARY: Final = "pypinyin"
_BETWEEN: Final = re.compile(r"[\s'’-]+")
_TYPED: Final = re.compile(r"[a-z0-9]*[a-z][a-z0-9]*")
_one_at_a_time = threading.Lock()


def fold_typed(text: str) -> str:
    """What somebody typed as keys are written, `ü` as `v`; empty where it is no pinyin."""
    typed = _BETWEEN.sub("", fold_word(text)).replace("ü", "v")
    return typed if _TYPED.fullmatch(typed) else ""


def spell(departments: Iterable[Department]) -> Mapping[str, tuple[str, ...]]:
    """For each department's code, its name and each short name as initials and in full, all different."""
    known = list(departments)
    keys = _spell(tuple((d.name, *d.short_names) for d in known))
    return dict(zip((d.code for d in known), keys, strict=True))


def has_spelled() -> bool:
    """Whether this process has use for spellings."""
    return _spell.cache_info().currsize > 0


@lru_cache(maxsize=2)
def _spell(names: Names) -> Names:
    with _one_at_a_time:
        from pypinyin import lazy_pinyin

        keys = tuple(_keys_of(group, lazy_pinyin) for group in names)
        del lazy_pinyin
        for module in [m for m in sys.modules if m == _LIBRARY or m.startswith(f"{_LIBRARY}.")]:
            del sys.modules[module]
        gc.collect()
        return keys


def _keys_of(names: Iterable[str], read: Callable[..., list[str]]) -> tuple[str, ...]:
    """Each name's syllables run together, and their first letters; digits stay whole, brackets fall away."""
    keys = []
    for name in names:
        syllables = read(fold_word(name), errors=lambda rest: re.sub(r"[^a-z0-9]", "", rest))
        keys.append("".join(s if s.isdigit() else s[:1] for s in syllables))
        keys.append("".join(syllables))
    return tuple(dict.fromkeys(keys))


@lru_cache(maxsize=4096)
def shorten(keys: tuple[str, ...]) -> str:
    """The keys in one line without those that stand in another: what a list of suggestions looks through."""
    kept: list[str] = []
    for key in sorted(keys, key=len, reverse=True):
        if not any(key in longer for longer in kept):
            kept.append(key)
    return " ".join(kept)
