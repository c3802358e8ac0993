"""Security headers stand on every answer, whoever gives it."""

import httpx
from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response

from app.dashboard.headers import CONTENT_SECURITY_POLICY, SecurityHeaders


def small_app() -> FastAPI:
    app = FastAPI()

    @app.get("/plain")
    async def plain() -> Response:
        return PlainTextResponse(
            "ok", headers={"Content-Security-Policy": "default-src *", "Cache-Control": "max-age=5"}
        )

    app.add_middleware(SecurityHeaders)
    return app


async def test_pages_errors_and_problems_all_carry_the_headers() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(small_app()), base_url="http://test") as client:
        for path in ("/plain", "/missing", "/openapi.json"):
            headers = (await client.get(path)).headers
            assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"


async def test_what_says_nothing_about_caching_is_not_stored() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(small_app()), base_url="http://test") as client:
        assert (await client.get("/missing")).headers["cache-control"] == "no-store"
        assert (await client.get("/plain")).headers["cache-control"] == "max-age=5"


def test_the_policy_allows_nothing_unsafe_and_nobody_else() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "default-src 'self'" in CONTENT_SECURITY_POLICY
