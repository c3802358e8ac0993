"""An S3 server for the tests, on a real socket: moto's, looked at with a client that shares nothing with ours."""

import json
import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.request import Request, urlopen

from moto.server import ThreadedMotoServer

REGION = "us-east-1"
KEY, SECRET = "AKIDOFTHETESTS", "kT7vQ2mZ9xW4pL8sR1nB"


@dataclass
class StoreServer:
    """The server, which can be stopped and started again with all that it holds."""

    port: int = 0
    _running: ThreadedMotoServer | None = field(default=None, repr=False)

    def start(self) -> None:
        self._running = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._running.start()
        _, self.port = self._running.get_host_and_port()

    def stop(self) -> None:
        if self._running:
            self._running.stop()
        self._running = None

    def client(self, service: str = "s3") -> Any:
        import boto3  # type: ignore[import-untyped]

        named = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": REGION}
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", **named)

    def check_signatures(self, *, on: bool) -> tuple[str, str]:
        """Let nobody in but who signs with the key that is answered; or anybody again."""
        made = ("", "")
        if on:
            name = uuid.uuid4().hex
            iam = self.client("iam")
            iam.create_user(UserName=name)
            rights = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
            policy = json.dumps({"Version": "2012-10-17", "Statement": rights})
            iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
            key = iam.create_access_key(UserName=name)["AccessKey"]
            made = (key["AccessKeyId"], key["SecretAccessKey"])
        free = b"0" if on else b"inf"
        address = f"http://127.0.0.1:{self.port}/moto-api/reset-auth"
        urlopen(Request(address, data=free, headers={"Content-Type": "text/plain"})).close()
        return made


@lru_cache(maxsize=1)
def server() -> StoreServer:
    """One for the whole run; it ends with the process."""
    made = StoreServer()
    made.start()
    return made


@dataclass(frozen=True)
class TestBucket:
    """A bucket of its own for one test."""

    __test__ = False
    name: str

    def url(self, port: int | None = None) -> str:
        return f"http://127.0.0.1:{port or server().port}/{self.name}"

    def settings(self, port: int | None = None, **changes: Any) -> dict[str, Any]:
        named = {"url": self.url(port), "key": KEY, "secret": SECRET}
        return {f"evidence_s3_{name}": value for name, value in (named | changes).items()}

    def keys(self) -> list[str]:
        found = server().client().list_objects_v2(Bucket=self.name)
        return sorted(entry["Key"] for entry in found.get("Contents", []))

    def read(self, key: str) -> bytes:
        content: bytes = server().client().get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def write(self, key: str, content: bytes) -> None:
        server().client().put_object(Bucket=self.name, Key=key, Body=content)


def new_bucket() -> TestBucket:
    name = f"evidence-{uuid.uuid4().hex}"
    server().client().create_bucket(Bucket=name)
    return TestBucket(name)
