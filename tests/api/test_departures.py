"""A client that goes away while its request is read, over a real socket: nothing is done, nothing is a defect."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from sqlalchemy import func, select
from structlog.testing import capture_logs

from app.models import Evidence, Report
from tests.api.scenes import assigned
from tests.city import CityUnderTest
from tests.dashboard.office import at_work

HALF = b'{"text": "'
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nabc'


@asynccontextmanager
async def served(city: CityUnderTest) -> AsyncIterator[int]:
    """The port on which the application listens, in this very loop."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(city.application, log_config=None, access_log=False, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    for _ in range(500):
        if server.started:
            break
        await asyncio.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    await running


async def go_away(port: int, path: str, headers: dict[str, str], half: bytes, *, chunked: bool) -> None:
    """Begin a request and cut it off within its body."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    length = "Transfer-Encoding: chunked" if chunked else "Content-Length: 5000"
    lines = [f"POST {path} HTTP/1.1", "Host: yilong.test", length, *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    writer.write(b"%x\r\n%s\r\n" % (len(half), half) if chunked else half)
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.transport.abort()


async def test_a_sender_that_goes_away_is_one_quiet_line(city: CityUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    scene = await assigned(city)
    await scene.act("acceptance")
    browser = await at_work(city)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())
    json, form = {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}
    key = {"Authorization": scene.reporter.headers["authorization"]}
    theirs = {"Authorization": scene.department.headers["authorization"], "Content-Type": "application/octet-stream"}
    signed_in = {"Cookie": cookies, "Origin": "http://yilong.test"}
    sent = [
        ("/v1/reports", key | json),
        ("/v1/callbacks/FR-MZ", json),
        (f"/v1/assignments/{scene.assignment}/evidence", theirs | {"X-File-Name": "a.pdf"}),
        ("/dashboard/sign-in", form | {"Origin": "http://yilong.test"}),
        (f"/dashboard/cases/{scene.case}/ruling", signed_in | form),
        ("/dashboard/imports", signed_in | {"Content-Type": "multipart/form-data; boundary=x"}),
    ]
    with capture_logs() as lines, caplog.at_level(logging.WARNING):
        async with served(city) as port:
            for path, headers in sent:
                for chunked in (False, True):
                    half = PART if "multipart" in headers["Content-Type"] else HALF
                    await go_away(port, path, headers, half, chunked=chunked)
            for _ in range(200):
                if sum(line["event"] == "request" for line in lines) == 2 * len(sent):
                    break
                await asyncio.sleep(0.02)
    assert [line for line in lines if line["log_level"] not in {"info", "debug"}] == []
    assert [(line["path"], line["status"]) for line in lines if line["status"] != 499] == []
    assert len(lines) == 2 * len(sent)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    async with city.runtime.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Report)) == 1
        assert await session.scalar(select(func.count()).select_from(Evidence)) == 0
