"""The departments' systems: each address behaves by its path, keeps a book of what came, and most of them answer.

`/FR-MZ/ordinary` is a decent system with a tenth of bad answers; every other last part is a way to be hostile.
"""

import asyncio
import contextlib
import hashlib
import random
import ssl
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.receiver import Answer, DepartmentReceiver, Request

ORDINARY = "ordinary"
# What each hostile address does, always. `badtls` listens elsewhere.
HOSTILE = {
    "hang": Answer(instead="hang"),
    "drip": Answer(instead="drip"),
    "dripbody": Answer(instead="drip-body"),
    "flood": Answer(instead="flood"),
    "bomb": Answer(instead="bomb"),
    "reset": Answer(instead="reset"),
    "moved": Answer(302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
    "gone": Answer(410),
    "busy": Answer(429, headers={"Retry-After": "3"}),
    "refuses": Answer(422),
}
BAD_TLS = "badtls"
BAD_ANSWERS = (
    Answer(500), Answer(503), Answer(429, headers={"Retry-After": "1"}), Answer(302), Answer(instead="reset"),
    Answer(instead="reset"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Receipt:
    """One request as a department's book has it.

    `accepted`: it was answered 2xx as far as the system knows; `ended`: and that answer came to an end.
    """

    path: str
    event: str
    digest: str
    verified: bool
    case: str
    seq: int
    at: float
    accepted: bool
    ended: bool


class Departments(DepartmentReceiver):
    """Receives for every department.

    Args:
        chance: decides which answers are bad.
        bad_share: of the answers of ordinary systems that are bad.
        most_bad: bad answers to one event at one address, so that a run comes to an end.
    """

    def __init__(self, chance: random.Random, *, bad_share: float, most_bad: int) -> None:
        super().__init__()
        self._chance, self._bad_share, self._most_bad = chance, bad_share, most_bad
        self._bad: Counter[tuple[str, str]] = Counter()
        self._seen: set[tuple[str, str]] = set()
        self.book: list[Receipt] = []
        self.bad_answers = 0
        self.news: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def recover(self) -> None:
        """Ordinary systems answer well from now on; hostile ones stay as they are."""
        self._bad_share = 0.0

    def url_for(self, department: str, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.port}/{department}/{behaviour}"

    def take_request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer by the path, and write what came into the book."""
        request = Request(method, path, headers, body, time.monotonic(), self._verify(headers, body))
        department, _, behaviour = path.strip("/").partition("/")
        with self._changed:
            answer = self._answer(behaviour, path, request.webhook_id)
            accepted = answer.status < 300 and answer.instead not in {"hang", "drip", "reset"}
            self._write(request, accepted=accepted, ended=accepted and answer.instead not in {"drip-body", "flood"})
            if behaviour == ORDINARY and accepted and (path, request.webhook_id) not in self._seen:
                self._seen.add((path, request.webhook_id))
                self._tell(department, request.event)
        return answer

    def _answer(self, behaviour: str, path: str, webhook_id: str) -> Answer:
        if behaviour in HOSTILE:
            return HOSTILE[behaviour]
        if self._chance.random() < self._bad_share and self._bad[path, webhook_id] < self._most_bad:
            self._bad[path, webhook_id] += 1
            self.bad_answers += 1
            return self._chance.choice(BAD_ANSWERS)
        return Answer(delay=self._chance.choice((0, 0, 0, 0, 0, 0, 0, 0, 0.05, 0.3)))

    def _write(self, request: Request, *, accepted: bool, ended: bool) -> None:
        event = request.event
        self.book.append(
            Receipt(
                path=request.path,
                event=request.webhook_id,
                digest=hashlib.sha256(request.body).hexdigest(),
                verified=request.verified,
                case=event["data"]["case"]["number"],
                seq=event["seq"],
                at=request.at,
                accepted=accepted,
                ended=ended,
            )
        )

    def _tell(self, department: str, event: dict[str, Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the run is over
            self._loop.call_soon_threadsafe(self.news.put_nowait, (department, event))


class BadTls:
    """An address whose certificate nobody vouches for. `requests` counts those of which a byte came."""

    def __init__(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory(prefix="yilong-tls-") as folder:
            self._context.load_cert_chain(*make_certificate(Path(folder)))
        self._server: asyncio.Server | None = None
        self.requests = 0

    async def __aenter__(self) -> "BadTls":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()

    @property
    def url(self) -> str:
        port = self._server.sockets[0].getsockname()[1] if self._server else 0
        return f"https://127.0.0.1:{port}/{BAD_TLS}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            self.requests += bool(await reader.read(1))
        writer.close()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signed itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
