"""Files to upload, of every kind that is taken."""

import io
import zipfile

from tests.feedback.pictures import BARE_JPEG, WEBP, png

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PNG = png()
JPEG = BARE_JPEG


def package(*names: str, content: bytes = b"<x/>") -> bytes:
    """A zip with members of these names."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, content)
    return whole.getvalue()


WORD_PARTS = ("[Content_Types].xml", "word/document.xml")
DOCX = package(*WORD_PARTS)
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
