"""What two ledgers are compared by: their words and moments, never identifiers."""

from datetime import UTC, date, datetime

from app.ledger.fingerprint import to_plain
from app.models import new_id


def test_identifiers_are_left_out_wherever_they_stand_and_hashes_of_files_are_not() -> None:
    sha256 = "0f" * 32
    content = {"clock": new_id(), "evidence": [{"id": new_id(), "sha256": sha256}], "explanation": "正在会签。"}
    plain = {"clock": None, "evidence": [{"id": None, "sha256": sha256}], "explanation": "正在会签。"}
    assert to_plain(content) == plain
    assert to_plain(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00+00:00"
    assert to_plain(date(2026, 1, 1)) == "2026-01-01"
