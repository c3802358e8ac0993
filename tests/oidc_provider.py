"""An OpenID Connect provider for the tests: a real loopback socket, real keys, a page to sign in on.

It holds its clients to the standard (registered address, PKCE, secret, each code once) and can be told to lie.
"""

import base64
import hashlib
import hmac
import html
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from app.clock import Clock
from tests.receiver import Answer, DepartmentReceiver

CLIENT, CLIENT_SECRET = "yilong", "canary-client-secret"
JSON: Final = {"Content-Type": "application/json"}
HTML: Final = {"Content-Type": "text/html; charset=utf-8"}
PAGE: Final = """<!doctype html><html lang="zh"><title>统一身份认证</title><link rel="icon" href="data:,">
<h1>统一身份认证</h1>
<form method="post" action="{action}"><label>账号 <input name="account"></label><button>登录</button></form></html>"""

Claims = dict[str, Any]
Sign = Callable[["OidcProvider", Claims], str]


@lru_cache
def rsa_key(kid: str, owner: str = "provider") -> RSAKey:
    """A key of that owner's, whatever it calls it; made once, for it takes a while."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


@lru_cache
def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


def sign_with(key: Key, algorithm: str) -> Sign:
    """A token that is signed with that key, whatever the provider publishes."""
    header = {"alg": algorithm, "kid": key.kid}
    return lambda _, claims: jws.serialize_compact(header, json.dumps(claims), key, [algorithm])


def sign_properly(provider: "OidcProvider", claims: Claims) -> str:
    """A token that is signed with the first published key."""
    key = provider.keys[0]
    return sign_with(key, "RS256" if key.key_type == "RSA" else "ES256")(provider, claims)


def unsigned(_: "OidcProvider", claims: Claims) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(_text_of(json.dumps(part).encode()) for part in parts) + "."


def signed_with_the_public_key(provider: "OidcProvider", claims: Claims) -> str:
    """The oldest trick: the public key taken for a shared secret; made by hand, for no library lends itself to it."""
    key = RSAKey.import_key(provider.keys[0].as_dict(private=False))
    parts = ({"alg": "HS256", "kid": key.kid}, claims)
    text = ".".join(_text_of(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_text_of(hmac.digest(key.as_pem(private=False), text.encode(), 'sha256'))}"


def _text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Asked:
    """One sign-in that the provider was asked for."""

    query: dict[str, str]
    account: str


class OidcProvider(DepartmentReceiver):
    """Vouches for whom `people` names: account → claims.

    Attributes:
        host: this machine, by the name that it goes by.
        redirect_uri: the one address that it sends browsers back to.
        keys: those that it publishes; it signs with the first.
        methods: how clients may show their secret.
        issued: every token and code that it gave out.
        lies: claims that are put over those of every token; None takes one away.
        sign: how it signs.
        says: members that are put over those of its discovery document.
        instead: what it answers at a path in place of the truth.
        refuses: the error that it sends browsers back with.
    """

    def __init__(self, clock: Clock, **people: Claims) -> None:
        super().__init__()
        self.time, self.people = clock, people
        self.host = "127.0.0.1"
        self.redirect_uri = "http://yilong.test/dashboard/sign-in/provider/return"
        self.keys: list[Key] = [rsa_key("one")]
        self.methods: tuple[str, ...] = ("client_secret_basic",)
        self.codes: dict[str, Asked] = {}
        self.issued: list[str] = []
        self.be_honest()

    def be_honest(self) -> None:
        """Tell the truth from here on."""
        self.lies: Claims = {}
        self.sign: Sign = sign_properly
        self.says: Claims = {}
        self.instead: dict[str, Answer] = {}
        self.refuses: str | None = None

    @property
    def issuer(self) -> str:
        return f"http://{self.host}:{self.port}/realms/office"

    def asked_for(self, path: str) -> int:
        """How often that path was asked for."""
        return sum(request.path.partition("?")[0].endswith(path) for request in self.requests)

    # ── what it answers ──

    def take_request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        super().take_request(method, path, headers, body)
        parts = urlsplit(path)
        place = parts.path.removeprefix("/realms/office")
        if place in self.instead:
            return self.instead[place]
        query, form = dict(parse_qsl(parts.query)), dict(parse_qsl(body.decode(errors="replace")))
        match method, place:
            case "GET", "/.well-known/openid-configuration":
                return _json(self._discovery() | self.says)
            case "GET", "/keys":
                return _json({**KeySet(self.keys).as_dict(private=False)})
            case "GET", "/authorize":
                return Answer(body=PAGE.format(action=html.escape(path)).encode(), headers=HTML)
            case "POST", "/authorize":
                return self._vouch(query, form["account"])
            case "POST", "/token":
                return self._exchange(headers, form)
        return Answer(404)

    def _discovery(self) -> Claims:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": list(self.methods),
        }

    def _vouch(self, query: dict[str, str], account: str) -> Answer:
        """Send the browser back, or nowhere where the client is not the one that is registered."""
        proper = {"client_id": CLIENT, "redirect_uri": self.redirect_uri, "code_challenge_method": "S256"}
        if not (proper.items() <= query.items() and {"state", "nonce", "code_challenge"} <= query.keys()):
            return Answer(400)
        answer = {"state": query["state"], "iss": self.issuer}
        if self.refuses:
            answer["error"] = self.refuses
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.codes[answer["code"]] = Asked(query, account)
        return Answer(303, headers={"Location": f"{self.redirect_uri}?{urlencode(answer)}"})

    def _exchange(self, headers: dict[str, str], form: dict[str, str]) -> Answer:
        asked = self.codes.pop(form.get("code", ""), None)
        if not self._knows(headers, form):
            return _json({"error": "invalid_client"}, 401)
        verifier = form.get("code_verifier", "")
        challenge = _text_of(hashlib.sha256(verifier.encode()).digest())
        if asked is None or asked.query["code_challenge"] != challenge or form["redirect_uri"] != self.redirect_uri:
            return _json({"error": "invalid_grant", "error_description": "canary-description"}, 400)
        now, access = int(self.time.now().timestamp()), secrets.token_urlsafe(16)
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked.query["nonce"],
            "at_hash": _text_of(hashlib.sha256(access.encode()).digest()[:16]),
            **self.people[asked.account], **self.lies,
        }  # fmt: skip
        token = self.sign(self, {name: value for name, value in claims.items() if value is not None})
        self.issued += [access, token, form["code"]]
        return _json({"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": token})

    def _knows(self, headers: dict[str, str], form: dict[str, str]) -> bool:
        if self.methods == ("client_secret_post",):
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, CLIENT_SECRET)
        if self.methods == ("none",):
            return form.get("client_id") == CLIENT and "authorization" not in headers
        expected = base64.b64encode(f"{quote(CLIENT)}:{quote(CLIENT_SECRET)}".encode()).decode()
        return unquote(headers.get("authorization", "")) == f"Basic {expected}"


def _json(content: Claims, status: int = 200) -> Answer:
    return Answer(status, json.dumps(content).encode(), JSON)
