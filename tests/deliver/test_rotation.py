"""P17: secrets and key pairs change without a gap and are revoked at once; so does the key that seals them."""

import base64
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from standardwebhooks import Webhook

from app.clock import FixedClock
from app.database import Database
from app.deliver.endpoints import (
    BadOverlap,
    drop_signing_keys,
    public_keys_of,
    register_endpoint,
    rotate_secret,
    rotate_signing_key,
    secrets_of,
)
from app.deliver.keypair import BadKey, is_signed_with, new_signing_key, public_key_of, sign_with
from app.deliver.keyring import open_values
from app.deliver.send import Message, Sender
from app.deliver.signing import BadSignature, sign, verify
from app.flow.resealing import reseal_all
from app.models import Endpoint, ReportContact
from app.sealing import SealBroken, Sealer
from tests.api.scenes import ASSIGNED
from tests.api.test_callbacks import event, send
from tests.city import SECRET, CityUnderTest
from tests.deliver.factories import LOOPBACK, SEALER, make_department
from tests.receiver import DepartmentReceiver, Request

# The pair and the message that implementations of the specification are checked with (Svix's own test of `v1a`).
PAIR = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
SIGNATURE = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
ID, STAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'


def test_the_published_vector_of_v1a_is_signed_and_verified() -> None:
    assert sign([PAIR], ID, STAMP, BODY) == SIGNATURE
    assert public_key_of(PAIR) == PUBLIC
    assert is_signed_with(PUBLIC, SIGNATURE, f"{ID}.{STAMP}.".encode() + BODY)
    assert not is_signed_with(PUBLIC, SIGNATURE, f"{ID}.{STAMP}.".encode() + BODY + b" ")
    assert not is_signed_with(PUBLIC, SIGNATURE.replace("v1a", "v1"), f"{ID}.{STAMP}.".encode() + BODY)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_what_a_fresh_pair_signs_any_implementation_of_ed25519_verifies(content: bytes) -> None:
    pair = new_signing_key()
    public, signature = public_key_of(pair), sign_with(pair, content)
    assert public.startswith("whpk_")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_"), validate=True))
    key.verify(base64.b64decode(signature.removeprefix("v1a,"), validate=True), content)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature.removeprefix("v1a,")), content + b"x")


@pytest.mark.parametrize(
    "key", ["", "whsk_", "whsk_AAAA", PUBLIC, PAIR[:-8] + "aaaaaA==", PAIR.replace("whsk", "whsec")]
)
def test_a_malformed_signing_key_is_refused(key: str) -> None:
    with pytest.raises(BadKey):
        public_key_of(key)


def test_beside_v1_a_v1a_signature_disturbs_nobody() -> None:
    """The independent package, which knows `v1` only, and our own door read over it; the pair opens no door."""
    secret, now = "whsec_" + base64.b64encode(bytes(range(32))).decode(), datetime.now(UTC)
    stamp = int(now.timestamp())
    header = sign([PAIR, secret], ID, stamp, BODY)
    headers = {"webhook-id": ID, "webhook-timestamp": str(stamp), "webhook-signature": header}
    Webhook(secret).verify(BODY, headers)
    assert verify([secret], headers, BODY, now) == ID
    with pytest.raises(BadSignature):
        verify([secret], headers | {"webhook-signature": sign([PAIR], ID, stamp, BODY)}, BODY, now)


# ── an address ──


@pytest.fixture
async def endpoint_id(database: Database, clock: FixedClock, receiver: DepartmentReceiver) -> str:
    async with database.write() as session:
        session.add(make_department())
    async with database.write() as session:
        endpoint, receiver.secret = await register_endpoint(
            session, "CS-MZ", receiver.url, SEALER, LOOPBACK, clock.now()
        )
    return endpoint.id


@pytest.fixture
def receiver(clock: FixedClock) -> Iterator[DepartmentReceiver]:
    with DepartmentReceiver(clock=clock) as running:
        yield running


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    made = Sender(LOOPBACK, connect_seconds=1, total_seconds=3)
    yield made
    await made.aclose()


async def load(database: Database, endpoint_id: str) -> Endpoint:
    async with database.read() as session:
        return (await session.scalars(select(Endpoint).where(Endpoint.id == endpoint_id))).one()


async def post(
    database: Database, clock: FixedClock, sender: Sender, endpoint_id: str, to: DepartmentReceiver
) -> Request:
    """What arrives, signed with what is valid at the moment."""
    row = await load(database, endpoint_id)
    values = open_values(SEALER, endpoint_id, row.secret, clock.now())
    await sender.post(Message("e1", row.url, values, b'{"type":"x"}'), clock.now())
    return to.requests[-1]


async def test_a_receiver_with_the_old_the_new_or_both_secrets_verifies_while_they_overlap(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver, sender: Sender, endpoint_id: str
) -> None:
    old = receiver.secret
    async with database.write() as session:
        new = await rotate_secret(session, endpoint_id, SEALER, clock.now(), timedelta(hours=1))
    for secret in (old, new):
        receiver.secret = secret
        assert (await post(database, clock, sender, endpoint_id, receiver)).verified
    clock.advance(hours=1)
    for secret, good in ((old, False), (new, True)):
        receiver.secret = secret
        assert (await post(database, clock, sender, endpoint_id, receiver)).verified is good
    async with database.read() as session:
        assert await secrets_of(session, "CS-MZ", SEALER, clock.now()) == [new]


async def test_key_pairs_rotate_beside_the_shared_secret_and_are_dropped_at_once(
    database: Database, clock: FixedClock, receiver: DepartmentReceiver, sender: Sender, endpoint_id: str
) -> None:
    shared = receiver.secret

    async def published() -> list[str]:
        return [key.value for key in public_keys_of(await load(database, endpoint_id), SEALER, clock.now())]

    async def verifies(public: str) -> bool:
        request = await post(database, clock, sender, endpoint_id, receiver)
        assert request.verified  # the shared secret goes on all the while
        content = f"e1.{request.headers['webhook-timestamp']}.".encode() + request.body
        signatures = request.headers["webhook-signature"].split(" ")
        return any(is_signed_with(public, s, content) for s in signatures if s.startswith("v1a,"))

    assert await published() == []
    async with database.write() as session:
        first = await rotate_signing_key(session, endpoint_id, SEALER, clock.now())
    assert await published() == [first]
    assert await verifies(first)
    async with database.write() as session:
        second = await rotate_signing_key(session, endpoint_id, SEALER, clock.now(), timedelta(hours=2))
        with pytest.raises(BadOverlap):
            await rotate_signing_key(session, endpoint_id, SEALER, clock.now(), timedelta(days=31))
    assert await published() == [second, first]
    assert await verifies(first)
    assert await verifies(second)
    async with database.write() as session:  # the shared secret's own rotation leaves the pairs alone
        receiver.secret = await rotate_secret(session, endpoint_id, SEALER, clock.now(), timedelta())
    assert await published() == [second, first]
    clock.advance(hours=2)
    assert await published() == [second]
    assert not await verifies(first)
    async with database.write() as session:
        third = await rotate_signing_key(session, endpoint_id, SEALER, clock.now(), timedelta())
    assert not await verifies(second)
    assert await verifies(third)
    async with database.write() as session:
        await drop_signing_keys(session, endpoint_id, SEALER, clock.now())
    assert await published() == []
    assert not await verifies(third)
    async with database.read() as session:
        assert await secrets_of(session, "CS-MZ", SEALER, clock.now()) == [receiver.secret] != [shared]


# ── by the API ──


async def test_the_api_rotates_with_an_overlap_or_revokes_and_publishes_the_public_keys(
    city: CityUnderTest, clock: FixedClock
) -> None:
    office, department = await city.office(), await city.department("FR-MZ")
    made = (await office.post("/v1/endpoints", json={"department": "FR-MZ", "url": "http://127.0.0.1:9/in"})).json()
    path, body = f"/v1/endpoints/{made['id']}", b'{"type":"x","data":{}}'

    async def status_with(secret: str, name: str) -> int:
        moment = clock.now()
        headers = {
            "webhook-id": name,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(secret).sign(name, moment, body.decode()),
        }
        async with city.anonymous() as system:
            return (await system.post("/v1/callbacks/FR-MZ", content=body, headers=headers)).status_code

    second = (await office.post(f"{path}/secret")).json()["secret"]
    assert [await status_with(made["secret"], "a"), await status_with(second, "b")] == [
        422,
        422,
    ]  # signed, not sensible
    third = (await office.post(f"{path}/secret", json={"overlap_hours": 0})).json()["secret"]
    assert [await status_with(second, "c"), await status_with(third, "d")] == [401, 422]
    assert (await office.post(f"{path}/secret", json={"overlap_hours": 721})).status_code == 422
    first_key = (await office.post(f"{path}/signing-key")).json()["keys"][0]["key"]
    both = (await office.post(f"{path}/signing-key", json={"overlap_hours": 1})).json()["keys"]
    assert [key["key"] == first_key for key in both] == [False, True]
    assert [key["until"] is None for key in both] == [True, False]
    own = (await department.get("/v1/signing-keys")).json()
    assert own == [{"endpoint": made["id"], "url": made["url"], "keys": both}]
    assert (await (await city.department("FR-JY")).get("/v1/signing-keys")).json() == []
    assert (await (await city.department("FR-JY")).get("/v1/signing-keys?department=FR-MZ")).status_code == 404
    assert (await (await city.reporter()).get("/v1/signing-keys")).status_code == 404
    assert (await department.post(f"{path}/signing-key")).status_code == 403
    assert (await office.delete(f"{path}/signing-key")).json()["keys"] == []
    assert "whsk_" not in (await office.get("/v1/endpoints")).text


# ── the key that seals ──


async def test_everything_sealed_is_sealed_anew_while_both_keys_open(city: CityUnderTest, clock: FixedClock) -> None:
    database, old = city.runtime.database, city.runtime.sealer
    new_secret = b"another secret key of the deployment, just as long"
    both, new = Sealer(new_secret, [SECRET.encode()]), Sealer(new_secret)
    reporter = await city.reporter()
    for number in range(3):
        contact = {"text": f"{ASSIGNED}第{number}张表。", "contact": f"1380000000{number}"}
        assert (await reporter.post("/v1/reports", json=contact)).status_code == 201
    async with database.write() as session:
        for n in range(3):
            await register_endpoint(session, "FR-MZ", f"http://127.0.0.1:9/{n}", old, LOOPBACK, clock.now())
    async with database.read() as session:
        secrets = await secrets_of(session, "FR-MZ", old, clock.now())
    done = await reseal_all(database, both)
    assert (done.anew, done.already, done.broken) == (6, 0, [])
    async with database.read() as session:
        assert await secrets_of(session, "FR-MZ", new, clock.now()) == secrets
        contacts = list(await session.execute(select(ReportContact.report_id, ReportContact.ciphertext)))
        opened = sorted(new.open(sealed, f"report:{key}").decode() for key, sealed in contacts)
        assert opened == ["13800000000", "13800000001", "13800000002"]
        with pytest.raises(SealBroken):
            await secrets_of(session, "FR-MZ", old, clock.now())
    again = await reseal_all(database, both)
    assert (again.anew, again.already) == (0, 6)
    # Back again, for a key that nobody named: each is told, none is lost.
    lost = await reseal_all(database, Sealer(b"a third key"))
    assert len(lost.broken) == 6
    assert {name.split(" ")[0] for name in lost.broken} == {"endpoint", "contact"}
    assert (await reseal_all(database, both)).already == 6


async def test_callbacks_verify_before_between_and_after(city: CityUnderTest, clock: FixedClock) -> None:
    from tests.api.test_callbacks import connected

    scene = await connected(city)
    runtime, new_secret = city.runtime, b"another secret key of the deployment, just as long"
    sealers = [
        Sealer(SECRET.encode(), [new_secret]),  # every replica learns the new key first
        Sealer(new_secret, [SECRET.encode()]),
        Sealer(new_secret),
    ]
    for number, sealer in enumerate(sealers):
        if number == 2:
            await reseal_all(runtime.database, sealers[1])
        runtime.sealer = sealer
        note = event("assignment.progress", scene, note=f"进展之{number}")
        assert (await send(city, note, webhook_id=f"n{number}")).status_code == 200


def test_an_empty_former_key_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Sealer(b"present", [b""])
