"""Which files are taken, by what they contain and never by their name, and what is kept of each.

Bytes are a stranger's. Nothing is drawn, run or unpacked to disk; what a file unfolds to is counted and thrown away.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from app.feedback import images, packages, pdf
from app.feedback.refusals import FileTypeRefused

ENDINGS: Final = {
    "application/pdf": (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/webp": (".webp",),
    packages.WORD: (".docx",),
    packages.SHEET: (".xlsx",),
    packages.OFD: (".ofd",),
}
_STARTS: Final[tuple[tuple[bytes, str, Callable[[bytes], Iterator[bytes]]], ...]] = (
    (b"%PDF-", "application/pdf", pdf.keep_pdf),
    (images.PNG_START, "image/png", images.keep_png),
    (b"\xff\xd8\xff", "image/jpeg", images.keep_jpeg),
    (b"RIFF", "image/webp", images.keep_webp),
)


def clean(sent: BinaryIO, kept: BinaryIO) -> str:
    """Write into `kept` what is kept of a file; its media type. It tells neither who made it nor where.

    Raises FileTypeRefused, FileDamaged, FileLocked or FileUnfolds; then `kept` is of no use.
    """
    sent.seek(0)
    head = sent.read(16)
    sent.seek(0)
    for start, media_type, keep in _STARTS:
        if head.startswith(start):
            kept.writelines(keep(sent.read()))
            return media_type
    if not head.startswith(packages.START):
        raise FileTypeRefused
    media_type, pieces = packages.keep_package(sent)
    kept.writelines(pieces)
    return media_type
