"""The province: it has no system here; its answers come home through the municipal counterpart. Pure."""

from app.demo.chance import between, happens, weighted
from app.demo.letters import phrase
from app.demo.profiles import PROVINCE_DAYS, PROVINCE_REFUSES


def answers_after_days(seed: int, *about: object) -> float:
    """Working days from forwarding until its answer is there."""
    return between(weighted(PROVINCE_DAYS, seed, "province", *about), seed, "province days", *about)


def answer(seed: int, *about: object) -> tuple[bool, str]:
    """Whether it agrees, and in which words."""
    refuses = happens(PROVINCE_REFUSES, seed, "refused", *about)
    return not refuses, phrase(seed, "refusals" if refuses else "upstream", *about)
