"""Ways to spoil the headers of a signed message, by the grammar of the signature header. Seeded; nothing is sent."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

Headers = dict[str, str]
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
NAMES: Final = (ID, TIMESTAMP, SIGNATURE)

# What stands between and inside the parts of the grammar, and what does not belong there.
SEPARATORS: Final = (" ", "  ", "\t", ",", ", ", ";", "\n", "\r\n", "\x00", "\u00a0", "\u3000", "|", "")
VERSIONS: Final = ("v1", "v1a", "V1", "v2", "v1 ", "v01", "1", "v", "", "v1\x00", "v１", "v1,v1", "ｖ1", "v1a,v1")
DIGITS: Final = ("１２３", "٣", "²", "०", "1_0", "0x10", "1e3", "+1", "-1", " 1", "1.5", "NaN", "inf", "", "9" * 40)
LONGEST: Final = 10_000
CHARACTERS: Final = "AZaz09+/=-_.,; \t\r\n\x00\x7f\x80\xffé签\ud800\U0001f600"


@dataclass(frozen=True, slots=True)
class Mutation:
    """A spoilt set of headers, and what was done to it."""

    kind: str
    headers: Headers


def mutations(valid: Headers, number: int, *, seed: int) -> Iterator[Mutation]:
    """So many different mutations of a valid message, of all kinds and combinations; none leaves it as it was."""
    chance = random.Random(seed)
    kinds = sorted(_KINDS)
    seen = {tuple(sorted(valid.items()))}
    while number:
        # The kinds that know few ways are soon exhausted alone: half of the messages are spoilt twice or thrice.
        chosen = chance.choices(kinds, k=chance.choice((1, 1, 1, 2, 2, 3)))
        headers = dict(valid)
        for kind in chosen:
            _KINDS[kind](chance, headers)
        spoilt = tuple(sorted(headers.items()))
        if spoilt not in seen:
            seen.add(spoilt)
            number -= 1
            yield Mutation("+".join(chosen), headers)


def _touch(chance: random.Random, text: str) -> str:
    """One character changed, added or left out."""
    place = chance.randrange(len(text) + 1)
    match chance.randrange(3):
        case 0:
            return text[:place] + chance.choice(CHARACTERS) + text[place:]
        case 1:
            return text[:place] + text[place + 1 :]
        case _:
            return text[:place] + chance.choice(CHARACTERS) + text[place + 1 :]


def _character(chance: random.Random, headers: Headers) -> None:
    name = chance.choice(NAMES)
    headers[name] = _touch(chance, headers.get(name, ""))


def _bit(chance: random.Random, headers: Headers) -> None:
    name = chance.choice(NAMES)
    text = headers.get(name) or "A"
    place = chance.randrange(len(text))
    headers[name] = text[:place] + chr(ord(text[place]) ^ (1 << chance.randrange(7))) + text[place + 1 :]


def _missing(chance: random.Random, headers: Headers) -> None:
    headers.pop(chance.choice(NAMES), None)


def _empty(chance: random.Random, headers: Headers) -> None:
    headers[chance.choice(NAMES)] = chance.choice(("", " ", "\x00"))


def _swapped(chance: random.Random, headers: Headers) -> None:
    one, other = chance.sample(NAMES, 2)
    headers[one], headers[other] = headers.get(other, ""), headers.get(one, "")


def _version(chance: random.Random, headers: Headers) -> None:
    _, _, encoded = headers.get(SIGNATURE, "").partition(",")
    headers[SIGNATURE] = f"{chance.choice(VERSIONS)},{encoded}"


def _separator(chance: random.Random, headers: Headers) -> None:
    version, _, encoded = headers.get(SIGNATURE, "").partition(",")
    headers[SIGNATURE] = f"{version}{chance.choice(SEPARATORS)}{encoded}"


def _list(chance: random.Random, headers: Headers) -> None:
    """The signature among others, in a list as a rotation makes them, with good and bad separators."""
    parts = [headers.get(SIGNATURE, "")] * chance.randrange(3)
    for _ in range(chance.randrange(20)):
        filler = "".join(chance.choices("ABCxyz019+/", k=4 * chance.randrange(12))) + chance.choice(("", "", "="))
        parts.append(f"{chance.choice(VERSIONS)},{filler}")
    chance.shuffle(parts)
    headers[SIGNATURE] = chance.choice((" ", " ", *SEPARATORS)).join(parts)[:LONGEST]


def _base64(chance: random.Random, headers: Headers) -> None:
    """The signature's own spelling: padding, alphabet, length."""
    version, _, encoded = headers.get(SIGNATURE, "").partition(",")
    spoilt = chance.choice(
        (
            encoded.rstrip("="),
            encoded + "=",
            encoded + "====",
            "=" + encoded,
            encoded.replace("+", "-").replace("/", "_"),
            encoded[: chance.randrange(len(encoded) + 1)],
            encoded + encoded,
            encoded.swapcase(),
            encoded[:20] + "\n" + encoded[20:],
            encoded[:-2] + chance.choice("ABCDEFGH") + "=",
        )
    )
    headers[SIGNATURE] = f"{version},{spoilt}"


def _number(chance: random.Random, headers: Headers) -> None:
    """The time, as a number that is none, or another one."""
    stamp = headers.get(TIMESTAMP, "0")
    value = int(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) < 20 else 0
    others = (
        *DIGITS,
        f"{value}.0",
        f"{value}.9",
        f" {stamp}",
        f"{stamp} ",
        f"+{stamp}",
        f"0{stamp}",
        f"{value:_}",
        f"{value:e}",
        str(value + chance.choice((-301, -1, 1, 301, 10**9))),
        str(-value),
        hex(value),
    )
    headers[TIMESTAMP] = chance.choice(others)


def _identifier(chance: random.Random, headers: Headers) -> None:
    """The id: too long, with the dot that separates what is signed, with what no id has."""
    known = headers.get(ID, "")
    headers[ID] = chance.choice(
        (
            (known * 200)[:LONGEST],
            f"{known}.",
            f".{known}",
            f"{known}.{headers.get(TIMESTAMP, '')}",
            known.upper(),
            f" {known}",
            f"{known}\x00",
            "编号",
            "msg_" + "x" * 252,
        )
    )


def _long(chance: random.Random, headers: Headers) -> None:
    name = chance.choice(NAMES)
    headers[name] = ((headers.get(name) or "A") * chance.choice((50, 500)))[:LONGEST]


def _boundary(chance: random.Random, headers: Headers) -> None:
    """What is signed is joined by dots: characters moved from one header to the next sign the same bytes."""
    known, stamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    cut = chance.randrange(1, 5)
    headers[ID], headers[TIMESTAMP] = f"{known}.{stamp[:cut]}", stamp[cut:]


_KINDS: Final[dict[str, Callable[[random.Random, Headers], None]]] = {
    "base64": _base64,
    "bit": _bit,
    "boundary": _boundary,
    "character": _character,
    "empty": _empty,
    "identifier": _identifier,
    "list": _list,
    "long": _long,
    "missing": _missing,
    "number": _number,
    "separator": _separator,
    "swapped": _swapped,
    "version": _version,
}
