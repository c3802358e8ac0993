"""Signatures: ours and those of the independent package agree; nothing malformed raises anything but BadSignature."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from app.deliver.signing import BadSecret, BadSignature, key_of, new_secret, sign, verify

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
BODY = '{"text":"每月重复填报"}'.encode()


def headers_of(*secrets: str, at: datetime = NOW, webhook_id: str = "msg_1", body: bytes = BODY) -> dict[str, str]:
    timestamp = int(at.timestamp())
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, webhook_id, timestamp, body),
    }


def test_the_specification_s_example_is_signed_as_published() -> None:
    """The example message of the Standard Webhooks libraries."""
    signature = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=24, max_size=64), st.text(max_size=200), st.integers(0, 4_000_000_000))
def test_every_signature_equals_that_of_the_independent_package(key: bytes, text: str, timestamp: int) -> None:
    secret, body = "whsec_" + base64.b64encode(key).decode(), text.encode()
    theirs = Webhook(secret).sign("msg_1", datetime.fromtimestamp(timestamp, UTC), text)
    assert sign([secret], "msg_1", timestamp, body) == theirs


def test_the_independent_package_verifies_what_we_sign() -> None:
    now = datetime.now(UTC)
    Webhook(SECRET).verify(BODY, headers_of(SECRET, at=now))
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(BODY, headers_of(SECRET, at=now))


def test_during_a_rotation_both_secrets_verify() -> None:
    signed_twice = headers_of(SECRET, OTHER)
    assert signed_twice["webhook-signature"].count("v1,") == 2
    for known in ([SECRET], [OTHER], [OTHER, SECRET]):
        assert verify(known, signed_twice, BODY, NOW) == "msg_1"
    assert verify([OTHER, SECRET], headers_of(SECRET), BODY, NOW) == "msg_1"


def test_header_names_are_read_in_any_spelling() -> None:
    assert verify([SECRET], {k.title(): v for k, v in headers_of(SECRET).items()}, BODY, NOW) == "msg_1"


@pytest.mark.parametrize(("seconds", "good"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_the_time_may_differ_by_300_seconds(seconds: int, good: bool) -> None:
    headers = headers_of(SECRET, at=NOW + timedelta(seconds=seconds))
    if good:
        verify([SECRET], headers, BODY, NOW)
    else:
        with pytest.raises(BadSignature):
            verify([SECRET], headers, BODY, NOW)


def test_a_body_changed_by_one_byte_an_unknown_secret_and_no_secret_give_the_same_answer() -> None:
    answers = []
    for secrets, body in (([SECRET], BODY + b" "), ([OTHER], BODY), ([], BODY)):
        with pytest.raises(BadSignature) as caught:
            verify(secrets, headers_of(SECRET), body, NOW)
        answers.append((caught.value.status, caught.value.to_problem()))
    assert answers[0][0] == 401
    assert answers[0] == answers[1] == answers[2]


BAD_HEADERS = [
    ("webhook-id", ""),
    ("webhook-id", "x" * 256),
    ("webhook-id", "编号"),
    ("webhook-id", "a\nb"),
    ("webhook-timestamp", ""),
    ("webhook-timestamp", "NaN"),
    ("webhook-timestamp", "1e400"),
    ("webhook-timestamp", "9" * 500),
    ("webhook-timestamp", "-1"),
    ("webhook-timestamp", "１２３４５"),
    ("webhook-signature", ""),
    ("webhook-signature", "v1"),
    ("webhook-signature", "v1,"),
    ("webhook-signature", "v1,%%%"),
    ("webhook-signature", "v1,签名"),
    ("webhook-signature", "v1,a,b,c"),
    ("webhook-signature", "v2,AAAA"),
    ("webhook-signature", " " * 5000),
    ("webhook-signature", "v1,AAAA " * 5000),
]


@pytest.mark.parametrize(("name", "value"), BAD_HEADERS)
def test_a_malformed_header_is_a_bad_signature(name: str, value: str) -> None:
    with pytest.raises(BadSignature):
        verify([SECRET], headers_of(SECRET) | {name: value}, BODY, NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_a_bad_signature(name: str) -> None:
    headers = headers_of(SECRET)
    del headers[name]
    with pytest.raises(BadSignature):
        verify([SECRET], headers, BODY, NOW)


PIECES = st.sampled_from(["v1", "v1a", ",", " ", "==", "AAAA", "\x00", "é", "签", "-", ".", "1772415000", "9" * 40])
MALFORMED = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join))


@settings(max_examples=500, deadline=None)
@given(webhook_id=MALFORMED, timestamp=MALFORMED, signature=MALFORMED)
def test_no_header_whatever_raises_anything_but_bad_signature(webhook_id: str, timestamp: str, signature: str) -> None:
    headers = {"webhook-id": webhook_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    for changed in (headers, headers_of(SECRET) | {"webhook-signature": signature}):
        with pytest.raises(BadSignature):
            verify([SECRET], changed, BODY, NOW)


def test_a_new_secret_has_32_random_bytes() -> None:
    assert len(key_of(new_secret())) == 32
    assert new_secret() != new_secret()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "secret", "whsec_%%", "whsec_é", SECRET[6:]])
def test_a_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(BadSecret):
        key_of(secret)
