"""An OpenID provider on loopback: discovery, keys, authorization with PKCE, tokens; and ways to be a false one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "openleo", "a-client-secret-for-tests"
Forge = Callable[["Provider", dict[str, Any]], str]


@dataclass
class Provider:
    """`forge` makes the ID token of the claims that an honest provider would sign."""

    issuer: str = ""
    subject: str = "u-1"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"}))
    published: list[RSAKey] = field(default_factory=list)
    forge: Forge | None = None
    about_more: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked_keys: int = 0

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid, **header}, claims, self.key, algorithms=["RS256"])

    def public_pem(self) -> bytes:
        return self.key.as_pem(private=False)

    def authorize(self, address: str) -> str:
        """What the browser is sent back to, once the person has logged in there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = hashlib.sha256(address.encode()).hexdigest()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)  # good once
        if asked is None or authorization != "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode():
            return None
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if challenge.decode() != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT, "exp": now + 300, "iat": now,
            "nonce": asked["nonce"],
        }  # fmt: skip
        token = self.signed(claims) if self.forge is None else self.forge(self, claims)
        return {"id_token": token, "access_token": "unused", "token_type": "Bearer"}

    def about(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize",
            "token_endpoint": self.issuer + "/token", "jwks_uri": self.issuer + "/keys", **self.about_more,
        }  # fmt: skip

    def keys(self) -> dict[str, Any]:
        self.asked_keys += 1
        return {"keys": [key.as_dict(private=False) for key in self.published or [self.key]]}


def unsigned(_: Provider, claims: dict[str, Any]) -> str:
    return _part({"alg": "none", "typ": "JWT"}) + "." + _part(claims) + "."


def keyed_with_the_public_key(provider: Provider, claims: dict[str, Any]) -> str:
    """HS256 over what everybody knows: whoever picks the algorithm by the token's header takes it."""
    signed = _part({"alg": "HS256", "kid": provider.key.kid}) + "." + _part(claims)
    mac = hmac.new(provider.public_pem(), signed.encode(), "sha256").digest()
    return signed + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def with_a_key_of_its_own(provider: Provider, claims: dict[str, Any]) -> str:
    """Signed with a stranger's key, which the header brings along under the provider's name for its own."""
    stranger = RSAKey.generate_key(2048, {"kid": provider.key.kid})
    header = {"alg": "RS256", "kid": provider.key.kid, "jwk": stranger.as_dict(private=False)}
    return jwt.encode(header, claims, stranger, algorithms=["RS256"])


def saying(**changed: Any) -> Forge:
    """Honest but for some claims; None takes one out."""

    def forge(provider: Provider, claims: dict[str, Any]) -> str:
        said = {**claims, **{name: value(claims) if callable(value) else value for name, value in changed.items()}}
        return provider.signed({name: value for name, value in said.items() if value is not None})

    return forge


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            made = {"/.well-known/openid-configuration": provider.about, "/keys": provider.keys}.get(path)
            self._tell(made() if made else None)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._tell(provider.token(form, self.headers.get("authorization", "")))

        def _tell(self, document: dict[str, Any] | None) -> None:
            body = json.dumps(document).encode()
            self.send_response(200 if document is not None else 400)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
