"""PDF: whole, readable without a password, and without programs. Pages, signatures and seals stay bit for bit.

Where no signature covers the file, the author's name is blanked out wherever it stands in clear. This is no reader of
PDF: what is packed away in streams stays as it is. Each pattern is bounded: the bytes are a stranger's.
"""

import re
import zlib
from collections.abc import Iterator
from typing import Final

from app.feedback.refusals import FileDamaged, FileLocked, FileTypeRefused, FileUnfolds

# Bytes that packed objects may unfold to, and how many streams of them there may be.
MOST_UNPACKED: Final = 64 * 1024 * 1024
MOST_STREAMS: Final = 10_000
PIECE: Final = 1024 * 1024
# Behind the end stands nothing but blanks.
_END: Final = re.compile(rb"%%EOF[\s\0]*\Z")
_LOCKED: Final = re.compile(rb"/Encrypt\s{0,20}(?:\d{1,10}\s{1,20}\d{1,5}\s{1,20}R|<<)")
_SIGNED: Final = b"/ByteRange"
_PACKED_OBJECTS, _LONGEST_HEAD = b"/ObjStm", 2000
_STREAM: Final = re.compile(rb"stream\r?\n")
_TEXT: Final = rb"\((?:[^()\\]|\\.|\([^()\\]{0,200}\)){0,400}\)"
_AUTHOR: Final = re.compile(
    rb"(/(?:Author|Company|Manager|LastSavedBy)\s{0,20})(" + _TEXT + rb"|<[0-9A-Fa-f\s]{0,2000}>)", re.DOTALL
)
# The same in the description of XML; so many are looked at, each so far.
_XMP: Final = ((b"<dc:creator", b"</dc:creator>"), (b"<pdf:Author", b"</pdf:Author>"))
_MOST_XMP, _LONGEST_XMP = 100, 4000
_WORDS: Final = re.compile(rb"(?<=>)[^<>]+(?=<)")


def _spelt(name: str) -> bytes:
    """A name in any of its spellings: each letter may be written as `#` and its number."""
    return b"".join(b"(?:%c|#%02x|#%02X)" % (ord(c), ord(c), ord(c)) for c in name)


_PROGRAM: Final = re.compile(b"/(?:" + _spelt("JavaScript") + b"|" + _spelt("Launch") + rb")(?![A-Za-z0-9])")


def keep_pdf(data: bytes) -> Iterator[bytes]:
    """The document. Raises FileDamaged, FileLocked, FileTypeRefused or FileUnfolds."""
    end = data.rfind(b"%%EOF")
    if end < 0 or not _END.match(data, end):
        raise FileDamaged
    if _LOCKED.search(data):
        raise FileLocked
    if _PROGRAM.search(data) or any(_PROGRAM.search(objects) for objects in _packed_objects(data)):
        raise FileTypeRefused
    yield data if _SIGNED in data else _without_author(data)


def _packed_objects(data: bytes) -> Iterator[bytes]:
    """The objects that lie packed in streams, where these are packed in the usual way."""
    room, place, end = MOST_UNPACKED, 0, 0
    for _ in range(MOST_STREAMS):
        place = data.find(_PACKED_OBJECTS, place)
        if place < 0:
            return
        place += len(_PACKED_OBJECTS)
        if found := _STREAM.search(data, place, place + _LONGEST_HEAD):
            place = found.end()
            end = end if end >= place else data.find(b"endstream", place)
            if end < 0:
                return
            objects = _unpack(memoryview(data)[place:end], room)
            room -= len(objects)
            yield objects
    raise FileUnfolds


def _unpack(packed: bytes | memoryview, room: int) -> bytes:
    """What a stream unfolds to, as far as it can be read. Raises FileUnfolds where that is more than `room`."""
    unpacker, pieces, size = zlib.decompressobj(), [], 0
    try:
        while piece := unpacker.decompress(packed, PIECE):
            packed, size = unpacker.unconsumed_tail, size + len(piece)
            pieces.append(piece)
            if size > room:
                raise FileUnfolds
    except zlib.error:
        pass
    return b"".join(pieces)


def _without_author(data: bytes) -> bytes:
    """As long as before, so that the places of objects stay true."""
    blanked = bytearray(_AUTHOR.sub(_blank_value, data))
    for opens, closes in _XMP:
        place = 0
        for _ in range(_MOST_XMP):
            place = blanked.find(opens, place)
            if place < 0:
                break
            end = blanked.find(closes, place, place + _LONGEST_XMP)
            if end >= 0:
                end += len(closes)
                blanked[place:end] = _WORDS.sub(lambda found: b" " * len(found[0]), blanked[place:end])
            place += len(opens)
    return bytes(blanked)


def _blank_value(found: re.Match[bytes]) -> bytes:
    return found[1] + found[2][:1] + b" " * (len(found[2]) - 2) + found[2][-1:]
