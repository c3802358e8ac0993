"""One log line for each request: method, route, status, time. Never a body, a query or a credential."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.log import get_logger
from app.models import new_id


class LogRequests:
    """Pure ASGI: gives each request an id, answers it as `X-Request-Id`, and logs the outcome."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, request_id, status = time.perf_counter(), new_id(), 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            route = scope.get("route")
            get_logger().info(
                "request",
                method=scope["method"],
                path=getattr(route, "path", None) or "unmatched",
                status=status,
                milliseconds=round((time.perf_counter() - began) * 1000, 1),
                request_id=request_id,
            )
