"""Finds document numbers (发文字号) and who issued them, by the longest matching prefix. Look-alikes are left out."""

import re
from typing import NamedTuple

from app.directory.knowledge import Issuer, Knowledge

_OPEN, _CLOSE = "〔\\[【(〈《{「", "〕\\]】)〉》}」"
_NUMBER = re.compile(
    rf"([\u4e00-\u9fff]{{2,12}})(?:[{_OPEN}]((?:19|20)(?:\d\d|xx))[{_CLOSE}]?|((?:19|20)\d\d)年?)第?(\d{{1,5}}|xx?)号"
)
_REGISTER = re.compile(r"([a-z]{2,4}(?:pr|cr|dr))-?((?:19|20)\d\d)-?(\d{3,6})")
_LOOK_ALIKE = re.compile(
    r"(?:icp备?|备案?|公网安备|许可证?|申字|证字|民初|民终|刑初|刑终|行初|行终|执|破|字第?|准字|注册|批准文|网安|医广|网文|经营证|检字|认证|保险单|驾字|房权证|不动产权|国用|专利|标准|编号|工单|案)$"
)
_NOT_IN_CODE = frozenset(
    "按照据自从和与及的了是见以个份又有还在把由经对于为根依执行落实这那拿着到凭里指称叫跟同给让被第号文其"
)
_REFERENCE = re.compile(r"(?:字头|的文|文件|\d{1,4}号|号文|那份|这份|打头|开头)")


class DocumentNumber(NamedTuple):
    """A number in the folded text. `issuer` is None where the prefix is unknown or belongs elsewhere."""

    start: int
    end: int
    prefix: str
    issuer: Issuer | None
    listed: bool


def find_numbers(folded: str, knowledge: Knowledge, district: str | None) -> list[DocumentNumber]:
    """All document numbers of a folded text, in order. A colliding prefix counts only in its own district."""
    if "号" not in folded:
        return []
    found = []
    for match in _NUMBER.finditer(folded):
        run = match.group(1)
        if _LOOK_ALIKE.search(run) and not _is_whole_prefix(run, knowledge):
            continue
        known = _known_prefix(run, knowledge, district)
        if known is None and match.group(3):
            continue
        begin, issuer = known if known is not None else (_plain_start(run), None)
        found.append(DocumentNumber(match.start(1) + begin, match.end(), run[begin:], issuer, True))
    return found


def find_references(folded: str, knowledge: Knowledge, district: str | None) -> list[DocumentNumber]:
    """A prefix named without a full number (湘安办字头的明电): tells the issuer, is not itself a number."""
    found = []
    for match in _REFERENCE.finditer(folded):
        run_start = max(0, match.start() - 8)
        run = folded[run_start : match.start()]
        for begin in range(len(run) - 2):
            issuer = knowledge.issuers.get(run[begin:])
            if issuer is not None and _counts_here(issuer, district):
                found.append(DocumentNumber(run_start + begin, match.end(), run[begin:], issuer, False))
                break
    return found


def _known_prefix(run: str, knowledge: Knowledge, district: str | None) -> tuple[int, Issuer | None] | None:
    """Earliest place in the run where a known prefix begins and reaches (nearly) to the bracket; longest there."""
    for begin in range(len(run) - 1):
        for end in range(len(run), max(begin + 1, len(run) - 5), -1):
            issuer = knowledge.issuers.get(run[begin:end])
            if issuer is None or any(char in _NOT_IN_CODE for char in run[end:]):
                continue
            return begin, issuer if _counts_here(issuer, district) else None
    return None


def _is_whole_prefix(run: str, knowledge: Knowledge) -> bool:
    """True for 湘妇字: a known prefix, or one with 字 after it, that only ends like a licence."""
    if not run.endswith("字"):
        return False
    return any(run[begin:] in knowledge.issuers or run[begin:-1] in knowledge.issuers for begin in range(len(run) - 2))


def _counts_here(issuer: Issuer, district: str | None) -> bool:
    return not issuer.elsewhere and (issuer.district is None or issuer.district == district)


def _plain_start(run: str) -> int:
    """Where an unknown prefix begins: after the last character that cannot be part of one, at most 8 characters."""
    start = max((index + 1 for index, char in enumerate(run[:-1]) if char in _NOT_IN_CODE), default=0)
    return max(start, len(run) - 8)
