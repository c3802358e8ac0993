"""Files that are refused, by what is wrong with them: of other kinds, of two kinds, damaged, locked, bombs."""

import struct
import zlib

from app.feedback.refusals import FileDamaged, FileLocked, FileTypeRefused, FileUnfolds
from app.problems import AppError
from tests.feedback.files import DOCX, JPEG, PDF, PNG, WORD_PARTS, package
from tests.feedback.pictures import WEBP, chunk, extended, frame, photograph, png, riff


def bomb() -> bytes:
    """A package that would unpack to 30 MB and a thousand times its size."""
    return package(*WORD_PARTS, content=b"\x00" * 15_000_000)


def with_directory_of(size: int) -> bytes:
    """A package whose end says that its directory has that many bytes."""
    end = DOCX.rfind(b"PK\x05\x06")
    return DOCX[: end + 12] + struct.pack("<I", size) + DOCX[end + 16 :]


def packed_objects(content: bytes) -> bytes:
    """A PDF with objects in a packed stream."""
    return b"%PDF-1.7\n1 0 obj\n<</Type/ObjStm/N 1>>stream\r\n" + zlib.compress(content) + b"\nendstream\n%%EOF"


def lying_package() -> bytes:
    """A package with a member that unfolds to more than it says."""
    made = bytearray(package(*WORD_PARTS, content=b"\0" * 1_000_000))
    for place in (made.rfind(b"PK\x01\x02") + 24, made.rfind(b"PK\x03\x04") + 22):
        made[place : place + 4] = struct.pack("<I", 100)
    return bytes(made)


def changed_in_directory(whole: bytes, place: int, content: bytes) -> bytes:
    """A package whose last entry of the directory says something else at that place."""
    at = whole.rfind(b"PK\x01\x02") + place
    return whole[:at] + content + whole[at + len(content) :]


HTML = b"<html><script>alert(1)</script></html>"
# What is refused, by what is wrong with it.
HOSTILE: dict[type[AppError], dict[str, bytes]] = {
    FileTypeRefused: {
        "html": HTML,
        "html called a picture": b"<!-- \x89PNG\r\n\x1a\n -->" + HTML,
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "svg with a head": b"<?xml version='1.0'?><svg/>",
        "program": b"\x7fELF\x02\x01\x01",
        "windows program": b"MZ\x90\x00",
        "shell script": b"#!/bin/sh\nrm -rf /",
        "shortcut": b"L\x00\x00\x00\x01\x14\x02\x00",
        "old word, or an office file with a password": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 512,
        "gif with an archive behind": b"GIF89a" + bytes(20) + DOCX,
        "heic": b"\0\0\0\x18ftypheic",
        "any zip": package("readme.txt"),
        "java archive": package("META-INF/MANIFEST.MF", "A.class"),
        "macros": package(*WORD_PARTS, "word/vbaProject.bin"),
        "macros in capitals": package("[Content_Types].xml", "xl/workbook.xml", "xl/VBAPROJECT.BIN"),
        "macros by another name": package(*WORD_PARTS, content=b"<x>macroEnabled.main+xml</x>"),
        "controls": package(*WORD_PARTS, "word/activeX/activeX1.xml"),
        "program in a package": package(*WORD_PARTS, "word/media/photo.EXE"),
        "zip with a huge directory": with_directory_of(0xFFFFFFF0),
        "zip64": DOCX + b"PK\x06\x07" + b"\x00" * 16,
        "too many members": package(*WORD_PARTS, *(f"word/{n:0>60}" for n in range(3000))),
        "pdf further in": b"<html>%PDF-1.7",
        "pdf with a script": b"%PDF-1.7\n<</S/JavaScript/JS(app.alert(1))>>\n%%EOF",
        "pdf with a script spelt otherwise": b"%PDF-1.7\n<</S/Jav#61Script/JS(app.alert(1))>>\n%%EOF",
        "pdf with a script packed away": packed_objects(b"1 0 <</S/JavaScript/JS(app.alert(1))>>"),
        "pdf that starts a program": b"%PDF-1.7\n<</S/Launch/F(cmd.exe)>>\n%%EOF",
        "riff that is a sound": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(20),
        "one byte": b"%",
    },
    FileDamaged: {
        "cut zip": DOCX[:60],
        "zip with a false directory": with_directory_of(10),
        "zip with a wrong sum": changed_in_directory(DOCX, 16, bytes(4)),
        "zip that overlaps": changed_in_directory(DOCX, 42, bytes(4)),
        "zip that leads out": package(*WORD_PARTS, "../../etc/cron.d/x"),
        "zip that leads to the root": package(*WORD_PARTS, "/etc/passwd"),
        "zip that leads out by backslash": package(*WORD_PARTS, "..\\..\\x"),
        "zip that says a name twice": package(*WORD_PARTS, "WORD/document.xml"),
        "cut pdf": PDF[:-8],
        "pdf and page": PDF + HTML,
        "pdf and archive": PDF + DOCX,
        "cut jpeg": photograph()[:-60],
        "jpeg without a picture": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(40),
        "jpeg of no height": JPEG.replace(frame(), frame(height=0)),
        "jpeg of parts without end": b"\xff\xd8" + b"\xff\xfe\x00\x02" * 20_000,
        "cut png": PNG[:-4],
        "png without a picture": PNG[:33] + chunk(b"IEND", b""),
        "png with a wrong sum": PNG[:-13] + bytes([PNG[-13] ^ 1]) + PNG[-12:],
        "png with an unknown part that it needs": png(1, 1, chunk(b"ABCD", b"")),
        "cut webp": WEBP[:-6],
        "webp without a picture": riff(extended(0), (b"EXIF", b"")),
        "webp of frames in frames": riff((b"ANMF", (bytes(16) + b"ANMF\0\0\0\0") * 3))[:40],
    },
    FileLocked: {
        "pdf with a password": b"%PDF-1.7\ntrailer <</Encrypt 5 0 R/Root 1 0 R>>\n%%EOF",
        "pdf with a password in its stream": b"%PDF-1.7\n9 0 obj<</Type/XRef/Encrypt<</V 5>>>>\n%%EOF",
        "zip with a password": changed_in_directory(DOCX, 8, b"\x01\x00"),
    },
    FileUnfolds: {
        "zip bomb": bomb(),
        "zip that lies about its size": lying_package(),
        "png of a gigapixel": png(40_000, 40_000),
        "jpeg of four gigapixels": JPEG.replace(frame(), frame(65_535, 65_535)),
        "webp of a canvas without end": riff(extended(0, 2**24, 2**24), (b"VP8L", WEBP[20:])),
        "pdf bomb": packed_objects(b"\0" * 80_000_000),
    },
}
REFUSED = {kind: content for kinds in HOSTILE.values() for kind, content in kinds.items()}
