"""What is taken, by its content, and what is kept of it: hostile files are refused, and nobody's marks remain."""

import io
import struct
import time
import zipfile
from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from app.feedback import images, packages
from app.feedback.kinds import ENDINGS, clean
from app.feedback.refusals import FileUnfolds
from app.problems import AppError
from tests.feedback.files import DOCX, JPEG, PDF, PNG, TAKEN, package
from tests.feedback.hostile import HOSTILE, HTML, REFUSED
from tests.feedback.pictures import (
    BARE_JPEG,
    MARKS,
    PDF_WITH_AUTHOR,
    PERSON,
    PROFILE,
    WEBP,
    document,
    extended,
    photograph,
    png,
    riff,
    screenshot,
    webp_with_notes,
)


def kept_of(content: bytes) -> tuple[str, bytes]:
    """What a file is and what is kept of it."""
    sent, kept = io.BytesIO(content), io.BytesIO()
    return clean(sent, kept), kept.getvalue()


def outcome_of(content: bytes) -> int:
    """The status that an upload would get; 200 where it is taken."""
    try:
        kept_of(content)
    except AppError as error:
        return error.status
    return 200


WHOLE = (photograph(), screenshot(), webp_with_notes(), PDF_WITH_AUTHOR, document())


# ── what is taken ──


@pytest.mark.parametrize("media_type", TAKEN)
def test_a_file_is_what_it_contains_and_is_kept_whole(media_type: str) -> None:
    found, kept = kept_of(TAKEN[media_type])
    assert found == media_type
    assert kept_of(kept) == (media_type, kept), "what is kept is taken again and stays as it is"


def test_the_kinds_that_are_taken_are_those_that_have_an_ending() -> None:
    assert set(TAKEN) == set(ENDINGS)


def test_pictures_and_documents_without_marks_are_kept_to_the_byte() -> None:
    for content in (PDF, PNG, JPEG, WEBP):
        assert kept_of(content)[1] == content


# ── what is refused ──


@pytest.mark.parametrize("kind", REFUSED)
def test_a_hostile_file_is_refused_for_what_is_wrong_with_it(kind: str) -> None:
    [expected] = [error for error, kinds in HOSTILE.items() if kind in kinds]
    started = time.monotonic()
    with pytest.raises(expected) as refused:
        kept_of(REFUSED[kind])
    assert type(refused.value) is expected
    assert time.monotonic() - started < 2


def test_files_cut_off_anywhere_are_refused_or_taken_and_never_an_error() -> None:
    for content in WHOLE:
        told = Counter(outcome_of(content[:length]) for length in range(1, len(content)))
        assert set(told) <= {200, 415, 422}
        # What hangs on behind a picture may be cut off, a last blank too, and nothing else.
        assert told[200] < 40 < told[422], told


def test_a_byte_that_is_changed_anywhere_is_never_an_error() -> None:
    for content in WHOLE:
        flipped = (content[:n] + bytes([content[n] ^ 0xFF]) + content[n + 1 :] for n in range(len(content)))
        assert {outcome_of(changed) for changed in flipped} <= {200, 415, 422}


def test_what_is_built_to_take_long_does_not() -> None:
    size = 1_000_000
    patterns = {
        b"%PDF-": (b"<<", b"/ObjStm", b"/ObjStm stream\n", b"/ObjStm stream\nendstream", b"/Author(", b"/Author(((",
                   b"/Author<a", b"<dc:creator>", b"<dc:creator></dc:creator>", b"/Encrypt 1 "),
        b"\xff\xd8\xff": (b"\xff", b"\xff\x00", b"\xff\xda\x00\x02\x00"),
        b"RIFF\x00\x40\x0f\x00WEBP": (b"ANMF\x08\x00\x00\x00" + bytes(8), b"odd?" + bytes(4)),
        png()[:33]: (png()[8:33], b"\0\0\0\0tEXt" + bytes(4)),
        b"PK\x03\x04": (b"PK\x01\x02", b"PK\x05\x06"),
    }  # fmt: skip
    for start, fillings in patterns.items():
        for filling in fillings:
            content = start + filling * (size // len(filling)) + (b"%%EOF" if start == b"%PDF-" else b"")
            started = time.process_time()
            assert outcome_of(content) in {200, 415, 422}
            assert time.process_time() - started < 3, (start, filling)


# ── what is kept ──


def holds_marks(content: bytes) -> bool:
    return any(mark in content for mark in MARKS)


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("orientation", [1, 6, 8, 9])
def test_a_photograph_keeps_its_picture_and_which_way_is_up_and_nothing_else(orientation: int, order: str) -> None:
    content = photograph(orientation, order)
    assert holds_marks(content)
    media_type, kept = kept_of(content)
    assert media_type == "image/jpeg"
    assert not holds_marks(kept)
    # The picture itself is the same to the bit.
    body = BARE_JPEG[BARE_JPEG.index(b"\xff\xdb") :]
    assert kept.endswith(body)
    said = kept[: -len(body)]
    assert said.startswith(BARE_JPEG[:20]), "density stays, the thumbnail goes"
    assert b"ICC_PROFILE\0\1\1profile" in said
    assert b"Adobe\0\x64\0\0\0\0\1" in said
    turned = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    assert (turned in said) == (2 <= orientation <= 8)
    assert said.count(b"Exif") == (2 <= orientation <= 8)


def test_an_exif_that_cannot_be_read_goes_too() -> None:
    broken = photograph().replace(b"MM\0*" + struct.pack(">I", 8), b"MM\0*" + struct.pack(">I", 2**31))
    kept = kept_of(broken)[1]
    assert b"Exif" not in kept


def test_a_png_keeps_its_picture_and_its_colours_and_nothing_else() -> None:
    content = screenshot()
    assert holds_marks(content)
    assert kept_of(content) == ("image/png", png(1, 1, PROFILE))


def test_a_webp_keeps_its_picture_and_its_colours_and_nothing_else() -> None:
    content = webp_with_notes()
    assert holds_marks(content)
    media_type, kept = kept_of(content)
    picture = (b"VP8L", WEBP[20:])
    film = (b"ANMF", bytes(16) + riff(picture)[12:])
    assert (media_type, kept) == ("image/webp", riff(extended(0x20), (b"ICCP", b"profile"), picture, film))


@pytest.mark.parametrize(
    ("kind", "media_type"), [("word/document.xml", packages.WORD), ("xl/workbook.xml", packages.SHEET)]
)
def test_an_office_file_keeps_its_words_and_not_its_author(kind: str, media_type: str) -> None:
    content = document(kind)
    found, kept = kept_of(content)
    assert found == media_type
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(io.BytesIO(kept)) as after:
        assert after.testzip() is None
        assert after.namelist() == before.namelist()
        assert after.read(kind) == before.read(kind)
        assert (after.comment, before.comment) == (b"", PERSON)
        for name in after.namelist():
            assert not holds_marks(after.read(name)), name
        assert {info.date_time for info in after.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_real_spreadsheet_opens_as_before_without_its_author() -> None:
    book, whole = openpyxl.Workbook(), io.BytesIO()
    book.properties.creator = PERSON.decode()
    book.active["A1"] = "台账"  # type: ignore[index]  # a new workbook has a sheet
    book.save(whole)
    found, kept = kept_of(whole.getvalue())
    opened = openpyxl.load_workbook(io.BytesIO(kept))
    assert (found, opened.active["A1"].value) == (packages.SHEET, "台账")  # type: ignore[index]
    assert opened.properties.creator == openpyxl.Workbook().properties.creator
    assert PERSON not in kept


def test_a_signed_office_file_and_a_sealed_ofd_keep_every_member_to_the_byte() -> None:
    author = b"<ofd:OFD><ofd:Author>" + PERSON + b"</ofd:Author></ofd:OFD>"
    for content in (
        document(more={"_xmlsignatures/sig1.xml": b"<Signature/>"}),
        package("OFD.xml", "Doc_0/Signs/Signatures.xml", content=author),
    ):
        kept = kept_of(content)[1]
        with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(io.BytesIO(kept)) as after:
            assert {n: after.read(n) for n in after.namelist()} == {n: before.read(n) for n in before.namelist()}
            assert any(PERSON in after.read(name) for name in after.namelist())
    kept = kept_of(package("OFD.xml", content=author))[1]
    with zipfile.ZipFile(io.BytesIO(kept)) as after:
        assert after.read("OFD.xml") == b"<ofd:OFD><ofd:Author></ofd:Author></ofd:OFD>"


def test_what_lies_between_the_members_of_a_package_is_left_out() -> None:
    end = DOCX.rfind(b"PK\x05\x06")
    with_comment = DOCX[: end + 20] + struct.pack("<H", len(HTML)) + HTML
    assert HTML not in kept_of(with_comment)[1]


def test_a_pdf_loses_its_author_in_place_and_a_signed_one_stays_to_the_byte() -> None:
    kept = kept_of(PDF_WITH_AUTHOR)[1]
    assert not holds_marks(kept)
    assert b"43616E617279" not in kept
    assert len(kept) == len(PDF_WITH_AUTHOR)
    assert b"/Title (kept)" in kept
    assert b"<dc:title>kept too</dc:title>" in kept
    signed = PDF_WITH_AUTHOR.replace(b"/Title (kept)", b"/ByteRange[0]")
    assert kept_of(signed)[1] == signed


def test_bounds_are_kept_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 100)
    assert kept_of(png(10, 10))[0] == "image/png"
    with pytest.raises(FileUnfolds):
        kept_of(png(101, 1))
    content = package("[Content_Types].xml", "word/document.xml", content=b"\0" * 50_000)
    monkeypatch.setattr(packages, "HARMLESS", 100_000)
    assert kept_of(content)[0] == packages.WORD
    monkeypatch.setattr(packages, "HARMLESS", 99_999)
    with pytest.raises(FileUnfolds):
        kept_of(content)


def test_the_images_of_the_documentation_are_taken() -> None:
    folder = Path(__file__).parents[2] / "docs" / "images"
    pictures = sorted(folder.glob("*.png"))
    assert pictures
    for picture in pictures:
        assert kept_of(picture.read_bytes())[0] == "image/png"
