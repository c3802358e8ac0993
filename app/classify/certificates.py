"""Finds certificates that a village must not be asked for. The pack's list says who is responsible instead."""

from app.classify.decision import CertificateFound
from app.directory.knowledge import Knowledge

_ENDING = "证明"


def find_certificates(folded: str, knowledge: Knowledge) -> tuple[CertificateFound, ...]:
    """Those of `certificates.csv` that the text names (亲属关系证明, or 亲属关系 … 证明), in the list's order."""
    if _ENDING not in folded and "盖章" not in folded:
        return ()
    return tuple(
        CertificateFound(certificate.number, certificate.name, certificate.proper_channel)
        for certificate in knowledge.pack.certificates
        if any(stem in folded for stem in _stems(certificate.name))
    )


def _stems(name: str) -> list[str]:
    """What people say of an item's name: without 证明, brackets and 居民."""
    plain = name.partition("(")[0].partition("（")[0].removesuffix(_ENDING)
    return [stem for stem in {plain, plain.removeprefix("居民")} if len(stem) >= 3] or [plain + _ENDING]
