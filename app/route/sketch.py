"""The keys under which a report is found by others like it: bands of a MinHash, documents and systems it names. Pure.

The same report gives the same keys in every process and release: they are stored.
"""

from collections.abc import Iterable
from hashlib import blake2b
from zlib import crc32

from app.route.likeness import Features

# Eight bands of two: of pairs that share 0.6 of their words 97 in 100 share a band, of those with 0.35 two in three, of
# those with 0.1 one in thirteen.
BANDS, ROWS = 8, 2
MOST_NAMED = 2
MOST_KEYS = BANDS + 3 * MOST_NAMED
_BINS = BANDS * ROWS
_SPREAD, _MASK = 0x9E3779B1, 0xFFFFFFFF


def keys_of(features: Features, pairs: frozenset[str]) -> list[int]:
    """At most `MOST_KEYS` different 63-bit keys; bands count only together with the sources."""
    with_sources = ",".join(sorted(features.sources))
    keys = [_key("document", name) for name in sorted(features.documents)[:MOST_NAMED]]
    # The last four characters: 防返贫监测系统 and 监测系统 are to meet; the score tells other systems apart.
    named = sorted({name[-4:] for name in features.systems})
    keys += [_key("system", name) for name in named[:MOST_NAMED]]
    # The newest from the same source are compared whatever their words.
    keys += [_key("source", code) for code in sorted(features.sources)[:MOST_NAMED]]
    minima = _minima(pairs)
    if minima:
        bands = (minima[start : start + ROWS] for start in range(0, _BINS, ROWS))
        keys += [_key("band", str(place), with_sources, *map(str, band)) for place, band in enumerate(bands)]
    return list(dict.fromkeys(keys))


def _minima(pairs: Iterable[str]) -> list[int]:
    """MinHash by one permutation: the least hash in each bin; an empty bin takes what the next one has."""
    least = [_MASK + 1] * _BINS
    for pair in pairs:
        value = (crc32(pair.encode("utf-8", "replace")) * _SPREAD) & _MASK
        place, rest = value % _BINS, value // _BINS
        if rest < least[place]:
            least[place] = rest
    filled = [place for place, value in enumerate(least) if value <= _MASK]
    if not filled:
        return []
    for place in range(_BINS):
        if least[place] > _MASK:
            donor = next((p for p in filled if p > place), filled[0])
            least[place] = least[donor]
    return least


def _key(*parts: str) -> int:
    return int.from_bytes(blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=8).digest(), "big") >> 1
