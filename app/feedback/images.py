"""Photographs and scans: the picture is kept bit for bit, what is written about it is not.

Gone are place, time, device, thumbnails and comments, and whatever hangs on behind the picture; only how it is to be
turned stays. Kept is what is on a list, so that a kind of note which nobody thought of is gone too.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final

from app.feedback.refusals import FileDamaged, FileTypeRefused, FileUnfolds

# A telephone's largest picture and an A0 scan at 300 dpi have fewer.
MOST_PIXELS: Final = 200_000_000


def _check_size(width: int, height: int) -> None:
    if not width or not height:
        raise FileDamaged
    if width * height > MOST_PIXELS:
        raise FileUnfolds


# ── JPEG: ISO/IEC 10918-1, markers ──

# A picture that builds up in many steps has a hundred.
MOST_SEGMENTS: Final = 10_000
_SOS, _EOI, _APP0, _APP1, _APP2, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEE
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES: Final = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
# Within a scan 0xFF stands before 0 or a restart marker only.
_SCAN_ENDS: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_ADOBE_BYTES: Final = 12
_ORIENTATION: Final = 0x0112


def keep_jpeg(data: bytes) -> Iterator[bytes]:
    """The pieces of the picture without what is said about it. Raises FileDamaged or FileUnfolds."""
    yield b"\xff\xd8"
    place, seen = 2, set[int]()
    for _ in range(MOST_SEGMENTS):
        marker, payload, after = _segment(data, place)
        seen.add(marker)
        if marker == _EOI:
            if _SOS not in seen or not seen & _FRAMES:
                raise FileDamaged
            yield b"\xff\xd9"
            return
        if marker in _FRAMES:
            if len(payload) < 6:
                raise FileDamaged
            _check_size(*struct.unpack_from(">HH", payload, 1))
        if marker == _SOS:
            found = _SCAN_ENDS.search(data, after)
            if found is None:
                raise FileDamaged
            after = found.start()
            yield data[place:after]
        elif kept := payload if marker in _TABLES | _FRAMES else _kept_of_application(marker, payload):
            yield struct.pack(">BBH", 0xFF, marker, len(kept) + 2) + kept
        place = after
    raise FileDamaged


def _segment(data: bytes, place: int) -> tuple[int, bytes, int]:
    """The marker at a place, what belongs to it, and where the next one stands."""
    while data[place : place + 2] == b"\xff\xff":
        place += 1
    if place + 2 > len(data) or data[place] != 0xFF:
        raise FileDamaged
    marker = data[place + 1]
    if marker == _EOI:
        return marker, b"", place + 2
    if place + 4 > len(data) or marker < 0xC0 or 0xD0 <= marker <= 0xD8:
        raise FileDamaged
    (length,) = struct.unpack_from(">H", data, place + 2)
    after = place + 2 + length
    if length < 2 or after > len(data):
        raise FileDamaged
    return marker, data[place + 4 : after], after


def _kept_of_application(marker: int, payload: bytes) -> bytes:
    """What is needed to show the picture right: density, colours, and which way is up; empty where nothing is."""
    if marker == _APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14:
        return payload[:12] + b"\0\0"
    if marker == _APP1 and payload.startswith(b"Exif\0\0"):
        turned = _orientation(payload[6:])
        entry = struct.pack(">HHHIHHI", 1, _ORIENTATION, 3, 1, turned, 0, 0)
        return b"Exif\0\0MM\0*\0\0\0\x08" + entry if turned else b""
    if marker == _APP2 and payload.startswith(b"ICC_PROFILE\0"):
        return payload
    if marker == _APP14 and payload.startswith(b"Adobe"):
        return payload[:_ADOBE_BYTES]
    return b""


def _orientation(tiff: bytes) -> int:
    """How the picture is to be turned, 2 to 8; 0 where it is upright or nothing is said."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 0
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, directory)
        for number in range(count):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, directory + 2 + 12 * number)
            if tag == _ORIENTATION:
                return value if 2 <= value <= 8 else 0
    except struct.error:
        pass
    return 0


# ── PNG: ISO/IEC 15948, chunks ──

PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs", b"hIST"}
)
# A profile is packed; a real one is smaller than this.
_LARGEST_PROFILE: Final = 64 * 1024


def keep_png(data: bytes) -> Iterator[bytes]:
    """The same of a PNG; an animated one keeps its still picture."""
    yield PNG_START
    place, seen = len(PNG_START), set[bytes]()
    while b"IEND" not in seen:
        if place + 12 > len(data):
            raise FileDamaged
        length, name = struct.unpack_from(">I4s", data, place)
        after = place + 12 + length
        if after > len(data) or not name.isalpha() or (not seen and name != b"IHDR"):
            raise FileDamaged
        if name in _PNG_KEPT or (name == b"iCCP" and length <= _LARGEST_PROFILE):
            chunk = data[place:after]
            if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
                raise FileDamaged
            if name == b"IHDR":
                if seen or length != 13:
                    raise FileDamaged
                _check_size(*struct.unpack_from(">II", chunk, 8))
            yield chunk
        elif name[0] & 0x20 == 0:
            # A part without which the picture cannot be shown, and which nobody knows.
            raise FileDamaged
        seen.add(name)
        place = after
    if b"IDAT" not in seen:
        raise FileDamaged


# ── WebP: RFC 9649, chunks in a RIFF ──

_WEBP_PICTURES: Final = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_WEBP_KEPT: Final = _WEBP_PICTURES | {b"VP8X", b"ALPH", b"ICCP", b"ANIM"}
_WEBP_KEPT_OF_FRAME: Final = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_WEBP_EXIF_OR_XMP: Final = 0x08 | 0x04
_FRAME_HEAD: Final = 16


def keep_webp(data: bytes) -> Iterator[bytes]:
    """The same of a WebP."""
    if data[8:12] != b"WEBP":
        raise FileTypeRefused
    (size,) = struct.unpack_from("<I", data, 4)
    if 8 + size > len(data):
        raise FileDamaged
    kept = b"".join(_webp_chunks(data[12 : 8 + size], _WEBP_KEPT))
    if not any(name in _WEBP_PICTURES for name, _ in _riff(kept)):
        raise FileDamaged
    yield b"RIFF" + struct.pack("<I", len(kept) + 4) + b"WEBP" + kept


def _riff(chunks: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(chunks):
        name, length = struct.unpack_from("<4sI", chunks, place)
        payload = chunks[place + 8 : place + 8 + length]
        if len(payload) < length:
            raise FileDamaged
        yield name, payload
        place += 8 + length + length % 2


def _webp_chunks(chunks: bytes, on_the_list: frozenset[bytes]) -> Iterator[bytes]:
    for name, payload in _riff(chunks):
        if name not in on_the_list:
            continue
        kept = payload
        if name == b"ANMF":
            kept = payload[:_FRAME_HEAD] + b"".join(_webp_chunks(payload[_FRAME_HEAD:], _WEBP_KEPT_OF_FRAME))
        elif name != b"ICCP":
            kept = _checked(name, payload)
        yield name + struct.pack("<I", len(kept)) + kept + b"\0" * (len(kept) % 2)


def _checked(name: bytes, payload: bytes) -> bytes:
    """A chunk whose picture has a size that a reader can open."""
    try:
        if name == b"VP8X":
            payload = bytes([payload[0] & ~_WEBP_EXIF_OR_XMP]) + payload[1:10]
            _check_size(*(int.from_bytes(payload[n : n + 3], "little") + 1 for n in (4, 7)))
        elif name == b"VP8L":
            (bits,) = struct.unpack_from("<I", payload, 1)
            _check_size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        elif name == b"VP8 ":
            _check_size(*(side & 0x3FFF for side in struct.unpack_from("<HH", payload, 6)))
    except (struct.error, IndexError):
        raise FileDamaged from None
    return payload
