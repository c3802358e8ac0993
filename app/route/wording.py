"""How a report's text is brought into one wording, and what it names: documents, systems, periods, counts. Pure.

The lists are Chinese office language, not a city's: no department or place stands here.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise

from app.directory.folding import BLANK, DROP, fold

CLAUSE = "|"
NEGATIONS = (
    "不再",
    "没有再",
    "不用",
    "不要求",
    "取消",
    "停止",
    "停报",
    "已停",
    "暂停",
    "免报",
    "叫停",
    "整改完",
    "减掉",
)

_SAME_WORDS: tuple[tuple[str, str], ...] = (
    (r"每一?个?(?:星期|礼拜)|每一周|一个?(?:星期|礼拜)(?!前|后)|周周", "每周"),
    (r"每一?个月|月月", "每月"),
    (r"每一?天|天天|日日", "每日"),
    (r"每一?个?季度|季季", "每季"),
    (r"每一年|年年", "每年"),
    (r"我们?的?(?:村|社区)里?|本(?:村|社区)|咱们?(?:村|社区)|村委会|居委会|村\(社区\)|村、?社区|社区|村里|村上", "村"),
    (r"报送|上报|填报|呈报|报上去|报上来", "报"),
    (r"上传|传上去", "传"),
    (r"照相|拍相片|拍照片|拍照", "拍照"),
    (r"台帐", "台账"),
    (r"填写|填一?份", "填"),
    (r"表格", "表"),
    (r"要求|必须|需要|须", "要"),
    (r"手机软件|应用程序|手机应用", "app"),
    (r"微信工作群|微信群|工作群", "群"),
    (r"群里面?", "群"),
    (r"没有", "没"),
    (r"居民", "群众"),
    (r"村干部|社区干部|社工|基层干部", "干部"),
)
_WORDING = re.compile("|".join(f"({pattern})" for pattern, _ in _SAME_WORDS))
_BREAKS = re.compile(r"[,,;;::。.!!??\n、()《》“”\[\]]+")
_NO_WORD = re.compile(r"[\W_]+")
# What a sentence can do without: politeness, and where the writer stands.
_EMPTY = re.compile(
    r"(?:请|恳请|希望|盼|望)(?:上级|领导|有关部门|市里|区里|统筹部门|贵办|你们)?(?:能|能够)?(?:予以|给予|尽快|早日|帮忙|帮助|协调)?"
    r"(?:协调|解决|核实|减负|处理|整改|减少|答复|取消|关注|研究)*(?:一下|为感|为谢)?"
    r"|谢谢您?|感谢(?:关注|支持|理解)?|尊敬的?|请合并|特此反映|情况如下|现反映如下|现将情况反映如下|反映如下|(?:我村|我社区|现)?反映(?:一个|个)?(?:问题|情况)"
    r"|(?:尊敬的)?领导(?:您)?好|(?:各位)?领导|你好|您好|基层负担(?:太|很)?重|负担(?:太|很)?重|实在(?:太|很)?累|苦不堪言|(?:确实|实在)(?:是)?(?:吃不消|没办法|受不了)|意见很大|怨言很大"
)
_PARTICLES = re.compile("[的了呢吗吧啊呀哦嘛噻咯哒啦都也还又再才很太]|就(?![业医诊读近地])|[这那](?!么)")
_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_COUNT = re.compile(
    r"([零一二两三四五六七八九十百千]+)"
    r"(?=多?[次份张个项遍轮天回名人户本块种套类栋家页条场单件分小公盒只处点周月岁元万级拨])"
)
_ORDINAL = re.compile(r"第(\d+)(?=[号张批期版条类项份])")
_PERIOD = re.compile(r"每(?:日|周|月|季|年|半年|半月|旬)")
_TITLE = re.compile(r"《([^《》\n]{4,40})》")
_NOUN = "系统|平台|app|小程序|公众号|信息库|数据库"
_SYSTEM = re.compile(rf"[“‘【]?([\u4e00-\u9fffa-z0-9]{{2,14}})[”’】]?(?:手机)?({_NOUN})")
_BEFORE_NAME = re.compile(
    "^.*(?:登录|登陆|下载|注册|安装|打开|使用|录入|录进|填到|填进|传到|导入|要求|每天|每周|每月|一个|这个|那个|各个"
    "|[在用到装进往上填录从叫是要的和与把由搞开点里又另有个])"
)


def plain(text: str, places: Iterable[str]) -> str:
    """One wording for one thing: folded, without `places`, politeness and particles; clauses parted by `|`."""
    folded = fold(text).replace(DROP, "").replace(BLANK, "")
    for place in places:
        folded = folded.replace(fold(place), "")
    folded = _WORDING.sub(lambda found: _SAME_WORDS[(found.lastindex or 1) - 1][1], folded)
    folded = _COUNT.sub(lambda found: str(_number(found[1])), folded)
    folded = _PARTICLES.sub("", _EMPTY.sub("", folded))
    clauses = (_NO_WORD.sub("", clause) for clause in _BREAKS.split(folded))
    return CLAUSE.join(clause for clause in clauses if len(clause) > 1)


def clauses_of(text: str) -> list[tuple[int, int]]:
    """Where the clauses of a text as sent stand."""
    breaks = [(0, 0), *(found.span() for found in _BREAKS.finditer(fold(text))), (len(text), len(text))]
    return [(end, start) for (_, end), (start, _) in pairwise(breaks) if start - end > 1]


def _number(written: str) -> int:
    """A Chinese number up to 9999: 二十七 is 27, 三百零五 is 305."""
    total, digit = 0, 0
    for char in written:
        if char in _UNITS:
            total, digit = total + (digit or 1) * _UNITS[char], 0
        else:
            digit = _DIGITS[char]
    return total + digit


def documents_in(text: str, known: Iterable[str] = ()) -> Mapping[str, tuple[int, int]]:
    """Documents, each with where it stands: the numbers that the classifier knows, and titles in 《》."""
    folded = fold(text)
    found = _known_in(folded, known)
    for match in _TITLE.finditer(folded):
        found[_NO_WORD.sub("", match[1])] = (match.start(1), match.end(1))
    return found


def _known_in(folded: str, names: Iterable[str]) -> dict[str, tuple[int, int]]:
    starts = {name: folded.find(name) for name in map(fold, names)}
    return {_NO_WORD.sub("", name): (at, at + len(name)) for name, at in starts.items() if at >= 0}


def systems_in(text: str, known: Iterable[str] = ()) -> Mapping[str, tuple[int, int]]:
    """Systems, platforms and apps by name, each with where it stands; one that is only called 系统 has no name."""
    folded = fold(text)
    found = _known_in(folded, known)
    for match in _SYSTEM.finditer(folded):
        start = match.start(1) + _length_of(_BEFORE_NAME, match[1])
        if match.end(1) - start >= 2 and not any(s < match.end() and start < e for s, e in found.values()):
            found[folded[start : match.end(1)] + match[2]] = (start, match.end())
    return found


def _length_of(before: re.Pattern[str], run: str) -> int:
    match = before.match(run)
    return match.end() if match else 0


@lru_cache(maxsize=1024)
def periods_in(words: str) -> frozenset[str]:
    return frozenset(_PERIOD.findall(words))


@lru_cache(maxsize=1024)
def ordinals_in(words: str) -> frozenset[str]:
    """Which form, batch or notice: 第3张."""
    return frozenset(_ORDINAL.findall(words))
