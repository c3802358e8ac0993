"""Pictures with all that a camera writes about them, put together by hand: the marks of place, device and person."""

import base64
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from types import MappingProxyType

PLACE, DEVICE, PERSON = b"N28\x001234", b"CanaryPhone 14 Pro", "张三金丝雀".encode()
MARKS = (PLACE, DEVICE, PERSON)

# ── JPEG ──


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def exif(orientation: int = 6, order: str = ">") -> bytes:
    """A directory with device, orientation and a pointer to a place."""
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "I", 8)
    entries = struct.pack(order + "H", 3)
    entries += struct.pack(order + "HHII", 0x010F, 2, len(DEVICE), 64)
    entries += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    entries += struct.pack(order + "HHII", 0x8825, 4, 1, 90) + struct.pack(order + "I", 0)
    return b"Exif\0\0" + (head + entries).ljust(64, b"\0") + DEVICE.ljust(26, b"\0") + PLACE


_TABLE = segment(0xDB, b"\0" + bytes([1] * 64))
_CODES = segment(0xC4, b"\0\1" + bytes(15) + b"\0") + segment(0xC4, b"\x10\1" + bytes(15) + b"\0")
_SCAN = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x3f\xff\x00\x3f\xff\xd0\x3f"


def frame(width: int = 8, height: int = 8) -> bytes:
    return segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
BARE_JPEG = b"\xff\xd8" + JFIF + _TABLE + frame() + _CODES + _SCAN + b"\xff\xd9"


def photograph(orientation: int = 6, order: str = ">") -> bytes:
    """A JPEG as a telephone makes it: place and device, XMP, IPTC, thumbnails, a comment, colours, a film."""
    return b"".join(
        (
            b"\xff\xd8",
            segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\1\1" + DEVICE[:3]),
            segment(0xE0, b"JFXX\0\x10" + DEVICE),
            segment(0xE1, exif(orientation, order)),
            segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + PERSON + b"</x:xmpmeta>"),
            segment(0xE2, b"ICC_PROFILE\0\1\1profile"),
            segment(0xE2, b"MPF\0" + DEVICE),
            segment(0xED, b"Photoshop 3.0\0" + PERSON),
            segment(0xEE, b"Adobe\0\x64\0\0\0\0\1"),
            segment(0xFE, PERSON),
            b"\xff\xff",
            _TABLE[1:],
            frame(),
            _CODES,
            _SCAN,
            b"\xff\xd9",
            b"\xff\xd8 a film behind it " + PLACE,
        )
    )


# ── PNG ──

PNG_START = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int = 1, height: int = 1, *between: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG_START + head + b"".join(between) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


PROFILE = chunk(b"iCCP", b"colours\0\0" + zlib.compress(b"profile"))


def screenshot() -> bytes:
    """A PNG with text in every way, a time, an Exif, an animation and something behind its end."""
    notes = (
        PROFILE,
        chunk(b"tEXt", b"Author\0" + PERSON),
        chunk(b"zTXt", b"Software\0\0" + zlib.compress(DEVICE)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PERSON),
        chunk(b"eXIf", exif()[6:]),
        chunk(b"tIME", b"\x07\xea\3\2\1\2\3"),
        chunk(b"prVt", PLACE),
        chunk(b"acTL", b"\0\0\0\1\0\0\0\0"),
    )
    return png(1, 1, *notes) + PLACE


# ── WebP ──

WEBP = base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(n + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for n, c in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def extended(flags: int, width: int = 1, height: int = 1) -> tuple[bytes, bytes]:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", bytes([flags, 0, 0, 0]) + sides


def webp_with_notes() -> bytes:
    picture = (b"VP8L", WEBP[20:])
    film = (b"ANMF", bytes(16) + riff(picture, (b"noTe", PLACE))[12:])
    notes = ((b"EXIF", exif()[6:]), (b"XMP ", PERSON), (b"odd?", DEVICE))
    return riff(extended(0x2C), (b"ICCP", b"profile"), picture, film, *notes) + PLACE


# ── documents ──

PDF_WITH_AUTHOR = (
    b"%PDF-1.7\n1 0 obj\n<</Author (" + PERSON + b" \\(x\\) (y))/Company<43616E617279>/Title (kept)>>\nendobj\n"
    b"2 0 obj\n<</Type/Metadata>>\nstream\n<x:xmpmeta><dc:creator><rdf:Seq><rdf:li>" + PERSON + b"</rdf:li></rdf:Seq>"
    b"</dc:creator><dc:title>kept too</dc:title></x:xmpmeta>\nendstream\nendobj\n%%EOF\n"
)


def document(kind: str = "word/document.xml", more: Mapping[str, bytes] = MappingProxyType({})) -> bytes:
    """An office file that says who wrote it, in which company, with what."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as made:
        made.comment = PERSON
        made.writestr("[Content_Types].xml", "<Types/>")
        made.writestr("docProps/core.xml", b"<cp:coreProperties><dc:creator>" + PERSON + b"</dc:creator>")
        made.writestr("docProps/app.xml", b"<Properties><Company>" + PERSON + b"</Company></Properties>")
        made.writestr("docProps/custom.xml", b"<Properties>" + DEVICE + b"</Properties>")
        made.writestr(kind, "正文。" * 50)
        for name, content in more.items():
            made.writestr(name, content)
    return whole.getvalue()
