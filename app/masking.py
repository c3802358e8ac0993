"""隐去: finds what in a reporter's words tells who wrote them, and puts 〔隐去〕 in its place. Pure.

Names of the reporter's own unit, persons beside a title or an introduction, telephone, identity and account numbers
and mailboxes, in full width and spaced out too. Names of departments are left alone: whom the burden comes from must
stay readable.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

MASK: Final = "〔隐去〕"
_HALF_WIDTH: Final = {code + 0xFEE0: code for code in range(0x21, 0x7F)} | {0x3000: 0x20}
_UNIT_SUFFIXES: Final = ("村委会", "居委会", "社区", "村", "街道", "镇", "乡")

# ── numbers ──

# What people put between digits, and what hides between them.
_GAP: Final = r"[\s\-—–_.·\u200b-\u200d\u2060\ufeff]{0,2}"


def _spaced(*digits: str) -> str:
    return _GAP.join(digits)


_D: Final = r"\d"
_MOBILE: Final = _spaced("1", "[3-9]", *[_D] * 9)
_YEAR: Final = f"(?:{_spaced('1', '9', _D, _D)}|{_spaced('2', '0', _D, _D)})"
_MONTH: Final = f"(?:{_spaced('0', '[1-9]')}|{_spaced('1', '[0-2]')})"
_DAY: Final = f"(?:{_spaced('0', '[1-9]')}|{_spaced('[12]', _D)}|{_spaced('3', '[01]')})"
_IDENTITY: Final = _spaced("[1-9]", *[_D] * 5, _YEAR, _MONTH, _DAY, *[_D] * 3, "[0-9Xx]")
_LANDLINE: Final = rf"\(?0\d{{2,3}}\)?{_GAP}{_spaced(*[_D] * 7)}(?:{_GAP}\d)?"
_NUMBERS: Final = re.compile(
    r"(?=[\d+(])(?:"  # where none can begin, nothing else is tried
    rf"(?<!\d)(?:\+?86{_GAP})?{_MOBILE}(?!\d)"
    rf"|(?<![0-9A-Za-z]){_IDENTITY}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])\d{15,19}[Xx]?(?![0-9A-Za-z])"  # an old identity card, an account
    rf"|(?<!\d){_LANDLINE}(?!\d))"
)
_MAILBOXES: Final = re.compile(r"[A-Za-z0-9_.+-]+\s?@\s?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
# A number of any kind where it is said to be one's own.
_SAID_NUMBERS: Final = re.compile(
    r"(?:电话|手机|座机|固话|微信|扣扣|QQ)(?:号码|号)?[是为::\s]{0,3}"
    rf"(?P<said>[A-Za-z]?\d(?:{_GAP}\d){{5,11}}(?!\d)|[A-Za-z][A-Za-z0-9_-]{{5,19}})",
    re.IGNORECASE,
)

# ── persons ──

_SURNAMES: Final = (
    "王李张刘陈杨黄赵吴周徐孙朱胡郭何林罗郑梁谢宋唐许邓韩冯曹彭曾肖田董潘袁蔡蒋余杜叶程魏苏吕丁沈姚卢姜崔钟谭陆汪"
    "廖范石贾韦夏付傅邹熊孟秦邱侯龙万段雷钱汤尹黎武乔贺赖龚文易马欧聂柳阳"
)
# Of those the ones that no ordinary word begins with: enough before a title, alone.
_SURE: Final = (
    "王李张刘陈杨赵吴徐孙朱胡郭罗郑梁谢宋唐邓韩冯曹彭肖董潘袁蔡蒋杜魏苏吕沈姚卢姜崔谭汪廖贾邹熊孟秦邱侯汤尹黎龚聂"
)
_FURTHER_SURNAMES: Final = "高于任方白江毛金向时安史戴常严覃祝涂阮席阎鲁梅莫华柯葛游温左庞晏粟瞿滕"
# What begins like a surname and is an ordinary word.
_WORDS: Final = (
    "周[一二三四五六日末报期边围转例会知年内]|曾经|许[多可]|何[时况必种人事]|程[序度]|万[元人户份亩名]|段时|文[件字明化书旅体档]|易[地于]"
    "|田[间地亩]|林[业长地场权员]|钱[款物]|雷同|夏[季天]|武[装警]|余[额下名人个位]|马[上路]|黄金|石[油材]|陈[述列]|罗列|郑重|谢谢|范围|胡乱"
    "|欧[洲盟]|阳[光台]|张[贴罗口]|叶[子]|龙头|董事|贺信|付[出款费]|杨梅|李子|姜蒜|钟[头点]|高[度质新龄标频]|安[排全置]|时[间候]|方[案式便法]"
    "|常[态规]|严[格重]|华[为]|任[务何]|向[上下]|金[额融]|白[天]|江[边]"
)
_OF_UNITS: Final = "市区县镇乡村街道社局委办厅处室科站所院校组队部会的了是"
_NOT_IN_NAMES: Final = f"{_OF_UNITS}党支总副第小大名个位要说给问寻"
# A Chinese character that is none of those.
_GIVEN: Final = rf"[^{_NOT_IN_NAMES}\u0000-\u4dff\ua000-\U0010ffff]"
_LOOSE_GIVEN: Final = rf"[^{_OF_UNITS}\u0000-\u4dff\ua000-\U0010ffff]"
_AFTER: Final = r"(?=[^\u4e00-\u9fff]|$|[的是在说讲来和及与称同任报反让叫把被按已也都就这那电手联要给])"
_NAME: Final = rf"(?=[{_SURNAMES}])(?!{_WORDS})[{_SURNAMES}]{_GIVEN}{{1,2}}?"
_ANY_NAME: Final = (
    rf"(?=[{_SURNAMES}{_FURTHER_SURNAMES}])(?!{_WORDS})[{_SURNAMES}{_FURTHER_SURNAMES}]{_LOOSE_GIVEN}{{1,2}}?"
)
_TITLES: Final = "书记|主任|支书|村长|会计|出纳|文书|社长|组长|队长|站长|网格员|网格长|专干|干事|营长|委员|社工|村医"
_LABELS: Final = "联系人|反映人|填报人|报告人|经办人|举报人|投诉人|姓名|署名|落款|我叫|本人叫|名叫|本人"
_PERSONS: Final = (
    re.compile(rf"(?:{_TITLES})[::\s]{{0,2}}(?P<said>{_NAME}){_AFTER}"),
    re.compile(rf"(?P<said>{_NAME})(?=\s?(?:{_TITLES}))"),
    re.compile(rf"(?P<said>[{_SURE}])(?=(?:{_TITLES}))"),
    re.compile(rf"(?:{_LABELS})[::是为叫\s]{{0,3}}(?P<said>{_ANY_NAME}){_AFTER}"),
    re.compile(rf"(?:{_LABELS})\s?[::]\s?(?P<said>{_LOOSE_GIVEN}{{2,4}})(?![\u4e00-\u9fff])"),
    re.compile(rf"我是[^,。;!?、\s]{{0,14}}?(?P<said>{_NAME}|[老小][{_SURNAMES}])(?=[,。;!?、\s(]|$)"),
    re.compile(rf"我姓\s?(?P<said>[{_SURNAMES}{_FURTHER_SURNAMES}])"),
)


def identifying_terms(names: Iterable[str | None], public: Iterable[str] = ()) -> list[str]:
    """The names of points and of their townships, whole and without their suffix, longest first.

    A name without its suffix that is part of a `public` one, such as a department's, tells nobody and stays.
    """
    terms, shared = set(), tuple(public)
    for name in names:
        if not name:
            continue
        terms.add(name)
        for suffix in _UNIT_SUFFIXES:
            bare = name.removesuffix(suffix)
            if bare != name and len(bare) >= 2:
                if not any(bare in known for known in shared):
                    terms.add(bare)
                break
    return in_order(terms)


def in_order(terms: Iterable[str]) -> list[str]:
    """The longest first, so that no other takes a part of it."""
    return sorted(terms, key=lambda t: (-len(t), t))


def mask(text: str, terms: Sequence[str]) -> str:
    """The text with each of the terms, each person and each number of somebody replaced by 〔隐去〕."""
    for _ in range(3):
        spans = _merge(_find(text.translate(_HALF_WIDTH), terms))
        if not spans:
            break
        parts, at = [], 0
        for start, end in spans:
            parts += [text[at:start], MASK]
            at = end
        text = "".join([*parts, text[at:]])
    return text


def reveals(shown: str, terms: Sequence[str]) -> bool:
    """Whether a text still says something that the rules would mask."""
    return mask(shown, terms) != shown


def is_cut_of(shown: str, original: str) -> bool:
    """Whether a text is the original with pieces masked, and perhaps its end left out; nothing is put in between."""
    at = 0
    for index, piece in enumerate(_even(shown).split(MASK)):
        found = _even(original).find(piece, at)
        if found < 0 or (index == 0 and found > 0):
            return False
        at = found + len(piece)
    return True


def _even(text: str) -> str:
    """Forms send other ends of line than were written, and drop blanks at either end."""
    return text.replace("\r\n", "\n").strip()


def _find(folded: str, terms: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Spans in the text as it is folded, character for character; they may overlap."""
    for found in _NUMBERS.finditer(folded):
        yield found.span()
    if "@" in folded:
        for found in _MAILBOXES.finditer(folded):
            yield found.span()
    for expression in (_SAID_NUMBERS, *_PERSONS):
        for found in expression.finditer(folded):
            yield found.span("said")
    if terms:
        for found in _any_of(tuple(terms)).finditer(folded):
            yield found.span()


@lru_cache(maxsize=2048)
def _any_of(terms: tuple[str, ...]) -> re.Pattern[str]:
    """Each of the terms, spaced out too."""
    folded_terms = (term.translate(_HALF_WIDTH) for term in terms)
    return re.compile("|".join(r"[\s\u200b]{0,2}".join(map(re.escape, term)) for term in folded_terms))


def _merge(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, with what touches made one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
