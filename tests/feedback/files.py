"""Files to upload: honest ones of every kind that is taken, and hostile ones."""

import io
import struct
import zipfile

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 40
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + b"\x00" * 20


def package(*names: str, content: bytes = b"<x/>") -> bytes:
    """A zip with members of these names."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, content)
    return whole.getvalue()


DOCX = package("[Content_Types].xml", "word/document.xml")
XLSX = package("[Content_Types].xml", "xl/workbook.xml")
OFD = package("OFD.xml", "Doc_0/Document.xml")
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TAKEN = {
    "application/pdf": PDF,
    "image/png": PNG,
    "image/jpeg": JPEG,
    "image/webp": WEBP,
    WORD: DOCX,
    SHEET: XLSX,
    "application/ofd": OFD,
}


def bomb() -> bytes:
    """A package that would unpack to 200 MB."""
    return package("[Content_Types].xml", "word/document.xml", content=b"\x00" * 100_000_000)


def with_directory_of(size: int) -> bytes:
    """A package whose end says that its directory has that many bytes."""
    end = DOCX.rfind(b"PK\x05\x06")
    return DOCX[: end + 12] + struct.pack("<I", size) + DOCX[end + 16 :]


REFUSED = {
    "html": b"<html><script>alert(1)</script></html>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "program": b"\x7fELF\x02\x01\x01",
    "windows program": b"MZ\x90\x00",
    "old word": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 512,
    "any zip": package("readme.txt"),
    "macros": package("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
    "macros in capitals": package("[Content_Types].xml", "xl/workbook.xml", "xl/VBAPROJECT.BIN"),
    "cut zip": DOCX[:60],
    "zip with a false directory": with_directory_of(10),
    "zip with a huge directory": with_directory_of(0xFFFFFFF0),
    "zip64": DOCX + b"PK\x06\x07" + b"\x00" * 16,
    "too many members": package("[Content_Types].xml", "word/document.xml", *(f"word/{n:0>60}" for n in range(3000))),
    "pdf further in": b"<html>%PDF-1.7",
    "one byte": b"%",
}
