"""Chance for one matter: it depends on the seed and the matter only, never on what else happens meanwhile. Pure."""

import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def roll(seed: int, *about: object) -> random.Random:
    """The dice of one matter; `about` are facts that are the same in every run, such as a case's number."""
    return random.Random("/".join(map(str, (seed, *about))))  # noqa: S311 — play, not secrecy


def happens(share: float, seed: int, *about: object) -> bool:
    """Whether something happens that happens in that share of cases."""
    return roll(seed, *about).random() < share


def between(bounds: tuple[float, float], seed: int, *about: object) -> float:
    """A number between the two."""
    return roll(seed, *about).uniform(*bounds)


def weighted(choices: Sequence[tuple[Item, float]], seed: int, *about: object) -> Item:
    """One of the items, each as often as its weight says."""
    items, weights = [item for item, _ in choices], [weight for _, weight in choices]
    return roll(seed, *about).choices(items, weights)[0]
