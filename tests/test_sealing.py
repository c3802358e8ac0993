"""What sealing promises: only the same key and the same place open a secret."""

import pytest

from app.sealing import SealBroken, Sealer

KEY = b"a deployment's secret key, long enough"


def test_a_sealed_secret_opens_at_its_place() -> None:
    sealed = Sealer(KEY).seal(b"whsec_abc", "endpoint:1")
    assert Sealer(KEY).open(sealed, "endpoint:1") == b"whsec_abc"
    assert b"whsec" not in sealed


def test_sealing_twice_gives_different_bytes() -> None:
    sealer = Sealer(KEY)
    assert sealer.seal(b"x", "p") != sealer.seal(b"x", "p")


def test_another_place_does_not_open_it() -> None:
    sealer = Sealer(KEY)
    with pytest.raises(SealBroken):
        sealer.open(sealer.seal(b"x", "endpoint:1"), "endpoint:2")


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(SealBroken) as caught:
        Sealer(KEY + b"2").open(Sealer(KEY).seal(b"x", "p"), "p")
    assert "YILONG_SECRET_KEY" in caught.value.zh


def test_no_changed_byte_and_no_cut_goes_unnoticed() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal(b"secret", "p")
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        for broken in (bytes(changed), sealed[:index]):
            with pytest.raises(SealBroken):
                sealer.open(broken, "p")


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Sealer(b"")
