"""Asks an OpenID Connect provider who somebody is: discovery, authorization code with PKCE, a validated ID token.

The only module that loads Authlib; whoever needs it imports it only where a provider is set up. Everything it reads
is bounded and believed only as far as the standard says. Source: OpenID Connect Core 1.0, RFC 7636, RFC 9207.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import cache
from typing import Any, Final

import httpx
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from app.access.sign_on import Journey, ProviderRefused, ProviderSilent, ProviderUntrusted, SignOnRefused
from app.settings import Environment, Settings, is_issuer

CONNECT_SECONDS: Final = 3.0
TOTAL_SECONDS: Final = 10.0
MOST_BYTES: Final = 256 * 1024
KEPT_SECONDS: Final = 600.0
LEEWAY_SECONDS: Final = 60
SCOPE: Final = "openid profile"
# Signatures with a public key only: neither `none` nor a shared secret.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
REGISTRY: Final = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# What a provider may say that it refuses (RFC 6749, OpenID Connect Core); anything else is logged as `other`.
REFUSALS: Final = frozenset(
    {
        "access_denied", "account_selection_required", "consent_required", "interaction_required", "invalid_client",
        "invalid_grant", "invalid_request", "invalid_scope", "login_required", "server_error",
        "temporarily_unavailable", "unauthorized_client", "unsupported_grant_type", "unsupported_response_type",
    }
)  # fmt: skip


class Provider:
    """The provider of a deployment. It keeps what discovery said, and the keys, for ten minutes.

    Args:
        settings: with an issuer, see `Settings.refuse_unusable_sign_on`.
        total_seconds: bound of everything that is asked for one step of a sign-in.
    """

    def __init__(self, settings: Settings, *, total_seconds: float = TOTAL_SECONDS) -> None:
        self.issuer, self._client_id = settings.oidc_issuer or "", settings.oidc_client_id or ""
        secret = settings.oidc_client_secret
        self._client_secret = secret.get_secret_value() if secret else None
        self._loopback = settings.environment is not Environment.PRODUCTION
        self._total_seconds = total_seconds
        self._found: Mapping[str, Any] = {}
        self._keys = KeySet([])
        self._asked: dict[str, float] = {}

    async def way_to_sign_in(self, journey: Journey, redirect_uri: str) -> str:
        """The address at the provider to send a browser to. Raises SignOnRefused."""
        async with self._asking() as web:
            endpoint = (await self._discover(web))["authorization_endpoint"]
            asking = _Code(self._client_id, scope=SCOPE, redirect_uri=redirect_uri)
            url, _ = asking.create_authorization_url(
                endpoint, state=journey.state, nonce=journey.nonce, code_verifier=journey.verifier
            )
            return str(url)

    async def identify(self, code: str, journey: Journey, redirect_uri: str, now: datetime) -> Mapping[str, Any]:
        """The claims about whoever came back with this code, after every check. Raises SignOnRefused."""
        async with self._asking() as web:
            found = await self._discover(web)
            exchange = _Code(
                self._client_id, self._client_secret, web=web, redirect_uri=redirect_uri,
                token_endpoint_auth_method=self._way_to_show_secret(found),
            )  # fmt: skip
            answer = await exchange.fetch_token(
                found["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=journey.verifier
            )
            token = await self._verify(web, found["jwks_uri"], str(answer["id_token"]))
            options = {"iss": {"essential": True, "value": self.issuer}, "aud": {"value": self._client_id}}
            expected = {
                "nonce": journey.nonce, "client_id": self._client_id, "access_token": answer.get("access_token"),
            }  # fmt: skip
            claims = CodeIDToken(token.claims, token.header, options, expected)
            claims.validate(int(now.timestamp()), LEEWAY_SECONDS)
            return dict(claims)

    def check_answer(self, answer: Mapping[str, str]) -> str:
        """The code of what came back through the browser. Raises SignOnRefused where there is none, or not for us."""
        if answer.get("iss", self.issuer) != self.issuer:
            raise ProviderUntrusted("iss")
        if "error" in answer or not answer.get("code"):
            raise ProviderRefused(_refusal(answer.get("error")))
        return answer["code"]

    def _way_to_show_secret(self, found: Mapping[str, Any]) -> str:
        if not self._client_secret:
            return "none"
        known = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return "client_secret_basic" if "client_secret_basic" in known else "client_secret_post"

    # ── what is asked ──

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client within the bound of time; whatever goes wrong becomes a SignOnRefused with a word for the log."""
        timeout = httpx.Timeout(None, connect=min(CONNECT_SECONDS, self._total_seconds))
        try:
            async with (
                asyncio.timeout(self._total_seconds),
                httpx.AsyncClient(
                    transport=_Bounded(), timeout=timeout, trust_env=False,
                    headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                ) as web,
            ):  # fmt: skip
                yield web
        except SignOnRefused:
            raise
        except httpx.HTTPStatusError as error:
            raise ProviderSilent(f"status {error.response.status_code}") from error
        except (TimeoutError, httpx.TransportError) as error:
            raise ProviderSilent(type(error).__name__) from error
        except OAuth2Error as error:
            raise ProviderRefused(_refusal(error.error)) from error
        except ClaimError as error:
            raise ProviderUntrusted(f"claim {error.claim}") from error
        except JoseError as error:
            raise ProviderUntrusted(error.error) from error
        except Exception as error:  # Whatever a provider says, it is no defect of ours.
            raise ProviderUntrusted(type(error).__name__) from error

    async def _discover(self, web: httpx.AsyncClient) -> Mapping[str, Any]:
        if not self._is_fresh("discovery"):
            found = await _get(web, self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found["issuer"] != self.issuer:
                raise ProviderUntrusted("issuer")
            if not all(is_issuer(found[name].partition("?")[0], loopback=self._loopback) for name in ENDPOINTS):
                raise ProviderUntrusted("endpoint")
            self._found, self._asked["discovery"] = found, time.monotonic()
        return self._found

    async def _verify(self, web: httpx.AsyncClient, url: str, id_token: str) -> jwt.Token:
        """The token, signed by one of the provider's keys; for a key that is not known they are asked for once more."""
        if self._is_fresh("keys"):
            with suppress(InvalidKeyIdError):
                return jwt.decode(id_token, self._keys, registry=REGISTRY)
        found = (await _get(web, url))["keys"]
        usable = [key for key in found if key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"]
        self._keys, self._asked["keys"] = KeySet.import_key_set({"keys": usable}), time.monotonic()
        return jwt.decode(id_token, self._keys, registry=REGISTRY)

    def _is_fresh(self, what: str) -> bool:
        asked = self._asked.get(what)
        return asked is not None and time.monotonic() - asked < KEPT_SECONDS


async def _get(web: httpx.AsyncClient, url: str) -> dict[str, Any]:
    answer = await web.get(url)
    answer.raise_for_status()
    return dict(answer.json())


class _Code(OAuth2Client):  # type: ignore[misc] # Authlib carries no types
    """Authlib's client of the authorization code; it asks through ours, which is bounded."""

    def __init__(self, client_id: str, client_secret: str | None = None, *, web: Any = None, **options: Any) -> None:
        super().__init__(None, client_id, client_secret, code_challenge_method="S256", **options)
        self._web: httpx.AsyncClient = web

    async def _fetch_token(self, url: str, body: str, headers: dict[str, str], auth: Any, method: str) -> Any:
        url, headers, body = auth.prepare(method, url, dict(headers), body)
        answer = await self._web.request(method, url, headers=headers, content=body)
        return self.parse_response_token(answer)


class _Bounded(httpx.AsyncHTTPTransport):
    """Reads no more of an answer than an honest provider sends, and unpacks nothing."""

    def __init__(self) -> None:
        super().__init__(verify=_trusted())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        body = bytearray()
        try:
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise ProviderUntrusted("packed")
            async for part in answer.stream:  # type: ignore[union-attr]
                body += part
                if len(body) > MOST_BYTES:
                    raise ProviderUntrusted("too long")
        finally:
            await answer.aclose()
        return httpx.Response(answer.status_code, headers=answer.headers, content=bytes(body))


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that the system trusts, read once."""
    return ssl.create_default_context()


def _refusal(word: Any) -> str:
    return word if isinstance(word, str) and word in REFUSALS else "other"
