"""Ten thousand spoilt headers: nothing but BadSignature, and none accepted that the independent package refuses.

The package (`standardwebhooks`) reads the time with `float` and stumbles over some headers with other errors than its
own; there it is no judge, and these places are named below.
"""

import binascii
import re
from collections import Counter
from datetime import UTC, datetime

from standardwebhooks import Webhook, WebhookVerificationError

from app.deliver.signing import MAX_HEADER_LENGTH, MAX_SIGNATURES, BadSignature, sign, verify
from tests.deliver.mutations import ID, SIGNATURE, TIMESTAMP, Headers, mutations
from tests.receiver import TEST_SECRET

NUMBER = 10_000
BODY = b'{"type":"assignment.acceptance","data":{"assignment":"x"}}'
OTHER = "whsec_" + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def signed(now: datetime, *secrets: str) -> Headers:
    stamp = int(now.timestamp())
    return {ID: "msg_2Kw", TIMESTAMP: str(stamp), SIGNATURE: sign(secrets, "msg_2Kw", stamp, BODY)}


def we_accept(headers: Headers, now: datetime) -> bool:
    try:
        assert verify([TEST_SECRET], headers, BODY, now) == headers[ID]
    except BadSignature:
        return False
    return True


def they_accept(headers: Headers) -> bool | None:
    """The independent package's word; None where it stumbles over the header instead of judging it."""
    try:
        Webhook(TEST_SECRET).verify(BODY, headers, json_parse=False)
    except WebhookVerificationError:
        return False
    except (ValueError, binascii.Error, TypeError, OverflowError, OSError):
        return None
    return True


def is_stricter_for_a_reason(headers: Headers) -> bool:
    """Where we refuse what the package accepts: a time that is no plain number, an id or a list beyond our bounds."""
    stamp, header = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    plain = re.fullmatch(r"(0|[1-9][0-9]{0,11})", stamp) and re.fullmatch(r"[!-~]{1,255}", headers.get(ID, ""))
    strict_base64 = all(
        re.fullmatch(r"v1,[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", part) for part in header.split(" ") if "v1," in part
    )
    within = len(header) <= MAX_HEADER_LENGTH and len(header.split(" ")) <= MAX_SIGNATURES and header.isascii()
    return not (plain and within and strict_base64)


def test_ten_thousand_spoilt_headers_are_bad_signatures_and_nothing_else() -> None:
    now = datetime.now(UTC)
    valid = signed(now, TEST_SECRET)
    assert we_accept(valid, now)
    verdicts: Counter[tuple[bool, bool | None]] = Counter()
    for mutation in mutations(valid, NUMBER, seed=18):
        ours, theirs = we_accept(mutation.headers, now), they_accept(mutation.headers)
        verdicts[ours, theirs] += 1
        if ours:
            assert theirs or theirs is None, mutation
            good = f"v1,{valid[SIGNATURE].partition(',')[2]}"
            assert good in mutation.headers[SIGNATURE].split(" "), mutation
            assert (mutation.headers[ID], mutation.headers[TIMESTAMP]) == (valid[ID], valid[TIMESTAMP]), mutation
        elif theirs:
            assert is_stricter_for_a_reason(mutation.headers), mutation
    # The test judges something: most are refused by both, some lists hold the good signature still.
    assert verdicts[False, False] > NUMBER / 3
    assert verdicts[True, True] > 20


def test_nothing_that_was_spoilt_is_accepted_with_another_secret_or_with_none() -> None:
    now = datetime.now(UTC)
    for mutation in mutations(signed(now, TEST_SECRET), 2_000, seed=19):
        for secrets in ([OTHER], []):
            try:
                verify(secrets, mutation.headers, BODY, now)
            except BadSignature:
                continue
            raise AssertionError(mutation)
