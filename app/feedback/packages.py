"""DOCX, XLSX and OFD: zip packages, put together anew from the members that their directory names.

Members are copied as they are packed; who wrote the file, for which company and with what is made empty. What stands
between the members, before or behind them is left out. Nothing is unpacked to disk.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from app.feedback.refusals import FileDamaged, FileLocked, FileTypeRefused, FileUnfolds

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
WORD: Final = _OFFICE + "wordprocessingml.document"
SHEET: Final = _OFFICE + "spreadsheetml.sheet"
OFD: Final = "application/ofd"
_CONTENT_TYPES: Final = "[Content_Types].xml"
_KINDS: Final = (
    (frozenset({_CONTENT_TYPES, "word/document.xml"}), WORD),
    (frozenset({_CONTENT_TYPES, "xl/workbook.xml"}), SHEET),
    (frozenset({"OFD.xml"}), OFD),
)
START: Final = b"PK\x03\x04"
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
# A real document has a few dozen parts; a directory of this many bytes lists some thousands.
LARGEST_DIRECTORY: Final = 256 * 1024
MOST_UNPACKED: Final = 200 * 1024 * 1024
# Text packs to a twentieth, a sheet of equal rows to a hundredth; below the first bound nobody is harmed.
HARMLESS: Final = 20 * 1024 * 1024
LARGEST_RATIO: Final = 200
LARGEST_TEXT: Final = 1024 * 1024
PIECE: Final = 1024 * 1024
_LOCKED, _UTF8 = 0x1, 0x800
_PACKINGS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_LOCAL, _CENTRAL = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I")
# Members that bring a program along, by name in small letters.
_PROGRAM: Final = re.compile(r"vba(project|data)|activex|\.(exe|dll|js|vbs|hta|jar|bat|cmd|ps1|lnk|scr)$")
_PROGRAM_TYPES: Final = re.compile(rb"macroenabled|vbaproject|activex", re.IGNORECASE)
_META: Final = "http://schemas.openxmlformats.org/"
# What an office package says of its author, made empty.
_EMPTY: Final = {
    "docprops/core.xml": f'<cp:coreProperties xmlns:cp="{_META}package/2006/metadata/core-properties"/>',
    "docprops/app.xml": f'<Properties xmlns="{_META}officeDocument/2006/extended-properties"/>',
    "docprops/custom.xml": f'<Properties xmlns="{_META}officeDocument/2006/custom-properties"/>',
}
_OFD_AUTHOR: Final = re.compile(rb"(<(?:\w+:)?(?:Author|Creator)>)[^<]*(?=<)")


def keep_package(file: BinaryIO) -> tuple[str, Iterator[bytes]]:
    """The kind of a package, and the pieces of it that are kept.

    Raises FileTypeRefused, FileDamaged, FileLocked or FileUnfolds.
    """
    size = _refuse_odd_directory(file)
    try:
        with zipfile.ZipFile(file) as package:
            members = package.infolist()
            media_type = _kind_of(members)
            _refuse_hostile(members, size, package.start_dir)
            for member in members:
                _unfold(file, member)
            if media_type != OFD and _PROGRAM_TYPES.search(_text_of(package, _CONTENT_TYPES)):
                raise FileTypeRefused
            changed = _without_author(package, media_type)
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError, struct.error):
        raise FileDamaged from None
    return media_type, _put_together(file, members, changed)


def _refuse_odd_directory(file: BinaryIO) -> int:
    """The size of a file whose directory is as large as a document's may be; it is read only afterwards."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) - end < 22:
        raise FileDamaged
    (directory,) = struct.unpack_from("<I", tail, end + 12)
    if _END_64 in tail or directory > LARGEST_DIRECTORY:
        raise FileTypeRefused
    return size


def _kind_of(members: list[zipfile.ZipInfo]) -> str:
    names = [member.filename for member in members]
    for parts, media_type in _KINDS:
        if parts <= set(names) and not any(_PROGRAM.search(name.lower()) for name in names):
            return media_type
    raise FileTypeRefused


def _refuse_hostile(members: list[zipfile.ZipInfo], size: int, directory: int) -> None:
    """Nothing is locked, said twice, outside of the package, on top of another, or larger than it may be."""
    if any(member.flag_bits & _LOCKED for member in members):
        raise FileLocked
    names = {member.filename.lower() for member in members}
    if len(names) != len(members) or any(_leads_out(member.orig_filename) for member in members):
        raise FileDamaged
    if any(member.compress_type not in _PACKINGS for member in members):
        raise FileDamaged
    places = sorted((member.header_offset, member.compress_size) for member in members)
    ends = [place for place, _ in places[1:]] + [directory]
    if any(place + _LOCAL.size + packed > end for (place, packed), end in zip(places, ends, strict=True)):
        raise FileDamaged
    unpacked = sum(member.file_size for member in members)
    if unpacked > MOST_UNPACKED or (unpacked > HARMLESS and unpacked > LARGEST_RATIO * size):
        raise FileUnfolds


def _leads_out(name: str) -> bool:
    return name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/") or ":" in name


def _unfold(file: BinaryIO, member: zipfile.ZipInfo) -> None:
    """Unpack a member piece by piece and throw it away: it is no larger than it says, and what its check sum says."""
    packed, size, check = _packed(file, member), 0, 0
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    stored = member.compress_type == zipfile.ZIP_STORED
    while piece := packed if stored else unpacker.decompress(packed, PIECE):
        packed = b"" if stored else unpacker.unconsumed_tail
        size, check = size + len(piece), zlib.crc32(piece, check)
        if size > member.file_size:
            raise FileUnfolds
    if (size, check) != (member.file_size, member.CRC) or not (stored or unpacker.eof):
        raise FileDamaged


def _text_of(package: zipfile.ZipFile, name: str) -> bytes:
    if package.getinfo(name).file_size > LARGEST_TEXT:
        raise FileUnfolds
    return package.read(name)


def _without_author(package: zipfile.ZipFile, media_type: str) -> dict[str, bytes]:
    """The members that say who wrote the file, with nothing in them; none where a signature or seal covers them."""
    names = package.namelist()
    if media_type == OFD:
        if any("sign" in name.lower() for name in names):
            return {}
        return {"OFD.xml": _OFD_AUTHOR.sub(rb"\1", _text_of(package, "OFD.xml"))}
    if any(name.lower().startswith("_xmlsignatures/") for name in names):
        return {}
    return {name: _EMPTY[name.lower()].encode() for name in names if name.lower() in _EMPTY}


def _put_together(file: BinaryIO, members: list[zipfile.ZipInfo], changed: dict[str, bytes]) -> Iterator[bytes]:
    """A package of these members in their order, without dates, extra fields and comments."""
    directory, place = [], 0
    for member in members:
        content = changed.get(member.filename)
        if content is None:
            packing, check, packed, size = member.compress_type, member.CRC, _packed(file, member), member.file_size
        else:
            packing, check, packed, size = zipfile.ZIP_STORED, zlib.crc32(content), content, len(content)
        utf8 = member.flag_bits & _UTF8
        name = member.orig_filename.encode("utf-8" if utf8 else "cp437")
        # The first of January 1980, the earliest day that a package can name.
        common = (20, utf8, packing, 0, 0x21, check, len(packed), size, len(name), 0)
        yield _LOCAL.pack(START, *common) + name
        yield packed
        directory.append(_CENTRAL.pack(b"PK\x01\x02", 20, *common, 0, 0, 0, 0, place) + name)
        place += _LOCAL.size + len(name) + len(packed)
    listed = b"".join(directory)
    yield listed + struct.pack("<4s4H2IH", _END, 0, 0, len(members), len(members), len(listed), place, 0)


def _packed(file: BinaryIO, member: zipfile.ZipInfo) -> bytes:
    """A member as it lies in the file."""
    file.seek(member.header_offset)
    start, *_, name, extra = _LOCAL.unpack(file.read(_LOCAL.size))
    file.seek(name + extra, 1)
    packed = file.read(member.compress_size)
    if start != START or len(packed) != member.compress_size:
        raise FileDamaged
    return packed
