"""Logging in at an OpenID provider: authorization code with PKCE (OpenID Connect Core 1.0; RFC 7636, 9207, 9700).

    begin ─► the provider's page ─► state, code ─► token endpoint ─► ID token ─► checked ─► (issuer, subject)

One random secret in the browser's cookie gives state, nonce and code verifier, each by a hash of its own: nothing else
has to be kept but that a state comes back once. Of an ID token the signature, algorithm, key, issuer, audience, times
and nonce are checked; what its header says of keys (`jwk`, `jku`, `x5u`) is never followed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from openleo.governance.subscribers import is_loopback

ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}  # and the keys they take
LEEWAY_S = 30.0  # that a provider's clock may differ by
OLDEST_S = 600.0  # of an ID token that answers a log-in of now
TIMEOUT_S = 10.0
ANSWER_BYTES = 1_000_000
FETCH_AGAIN_S = 30.0  # no more often does an unknown key make us ask the provider for its keys
KEYS_AGE_S = 3_600.0  # a key that a provider takes back is good no longer than this
SECRET_BYTES = 32
LONGEST = 8_000  # of what a browser brings back


class NotLoggedIn(Exception):
    """Why, in words that may be shown and logged."""


@dataclass(frozen=True)
class Begun:
    """A log-in on its way. `cookie`: the secret that the browser keeps; `state_sha256`: what we keep."""

    cookie: str
    address: str
    state_sha256: str


@dataclass(frozen=True)
class Subject:
    """Whom the provider vouches for."""

    issuer: str
    subject: str


@dataclass
class Provider:
    """One provider, by its issuer. `now_s`: UTC. What it publishes is read when it is first needed."""

    issuer: str
    client_id: str
    now_s: Callable[[], float]
    client_secret: str = field(default="", repr=False)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=TIMEOUT_S, follow_redirects=False))
    _about: dict[str, Any] | None = field(default=None, init=False)
    _keys: list[dict[str, Any]] = field(default_factory=list, init=False)
    _keys_at_s: float = field(default=float("-inf"), init=False)

    def begin(self, redirect: str) -> Begun:
        """Where the browser is sent. Raises NotLoggedIn."""
        cookie = secrets.token_urlsafe(SECRET_BYTES)
        state = derived(cookie, "state")
        challenge = _base64url(hashlib.sha256(derived(cookie, "verifier").encode()).digest())
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": redirect, "scope": "openid",
            "state": state, "nonce": derived(cookie, "nonce"), "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        endpoint = self._endpoint("authorization_endpoint")
        joint = "&" if urlsplit(endpoint).query else "?"
        return Begun(cookie, endpoint + joint + urlencode(asked), hashlib.sha256(state.encode()).hexdigest())

    def finish(self, cookie: str, came: Mapping[str, str], redirect: str) -> Subject:
        """Whom the browser that came back is. `came`: the query. Raises NotLoggedIn."""
        if any(len(value) > LONGEST for value in came.values()):
            raise NotLoggedIn("What came back from the provider is too long.")
        if not is_state(cookie, came.get("state", "")):
            raise NotLoggedIn("The state is not that of a log-in begun in this browser.")
        if "error" in came:
            raise NotLoggedIn("The provider did not log you in.")
        if came.get("iss", self.issuer) != self.issuer:  # RFC 9207: another provider answers (mix-up)
            raise NotLoggedIn("Another provider answered than was asked.")
        if not came.get("code"):
            raise NotLoggedIn("The provider sent no code.")
        token = self._id_token(came["code"], derived(cookie, "verifier"), redirect)
        claims = self.checked(token, derived(cookie, "nonce"))
        return Subject(self.issuer, claims["sub"])

    def checked(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that holds. Raises NotLoggedIn."""
        header = _header(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise NotLoggedIn("The ID token's algorithm is not one that is accepted.")
        if "crit" in header:
            raise NotLoggedIn("The ID token asks for an extension that is not known.")
        key = jwk.import_key(self._key(header.get("kid"), ALGORITHMS[algorithm], algorithm))
        try:
            claims = jwt.decode(token, key, algorithms=[algorithm]).claims
        except (JoseError, ValueError, TypeError) as error:
            raise NotLoggedIn(f"The ID token's signature does not hold ({type(error).__name__}).") from None
        self._check_claims(claims, nonce)
        return dict(claims)

    def _check_claims(self, claims: Mapping[str, Any], nonce: str) -> None:
        now_s, audience = self.now_s(), claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self.issuer:
            raise NotLoggedIn("The ID token is another issuer's.")
        if self.client_id not in audiences:
            raise NotLoggedIn("The ID token is for another audience.")
        if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != self.client_id:
            raise NotLoggedIn("The ID token was given to another client.")
        if not all(_is_instant(claims.get(name)) for name in ("exp", "iat")):
            raise NotLoggedIn("The ID token does not say when it was made and expires.")
        if claims["exp"] <= now_s - LEEWAY_S or claims["iat"] < now_s - OLDEST_S:
            raise NotLoggedIn("The ID token has expired.")
        begins = claims.get("nbf", claims["iat"])
        if not _is_instant(begins) or max(begins, claims["iat"]) > now_s + LEEWAY_S:
            raise NotLoggedIn("The ID token is not valid yet.")
        said = claims.get("nonce")
        if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
            raise NotLoggedIn("The ID token's nonce is not that of this log-in.")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
            raise NotLoggedIn("The ID token says nothing of who it is.")

    def _id_token(self, code: str, verifier: str, redirect: str) -> str:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier,
            "client_id": self.client_id,
        }  # fmt: skip
        who = httpx.BasicAuth(self.client_id, self.client_secret) if self.client_secret else None
        answer = self._ask("POST", self._endpoint("token_endpoint"), data=form, auth=who)
        token = answer.get("id_token")
        if not isinstance(token, str) or len(token) > LONGEST * 2:
            raise NotLoggedIn("The provider gave no ID token for the code.")
        return token

    def _key(self, id_: object, kind: str, algorithm: str) -> dict[str, Any]:
        """The one published key that a token names. An unknown name makes us look again: keys are changed."""
        now_s = self.now_s()
        if now_s - self._keys_at_s > KEYS_AGE_S:
            self._read_keys()
        found = self._keys_for(id_, kind, algorithm)
        if not found and now_s - self._keys_at_s > FETCH_AGAIN_S:
            self._read_keys()
            found = self._keys_for(id_, kind, algorithm)
        if len(found) != 1:
            raise NotLoggedIn("The ID token names no key that its provider publishes.")
        return found[0]

    def _keys_for(self, id_: object, kind: str, algorithm: str) -> list[dict[str, Any]]:
        """Without a name, only a provider with one key can be meant."""
        return [
            key for key in self._keys
            if key.get("kty") == kind and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
            and (key.get("kid") == id_ if id_ is not None else len(self._keys) == 1)
        ]  # fmt: skip

    def _read_keys(self) -> None:
        published = self._ask("GET", self._endpoint("jwks_uri")).get("keys")
        keys = published if isinstance(published, list) else []
        self._keys = [key for key in keys if isinstance(key, dict) and key.get("kty") != "oct"]
        self._keys_at_s = self.now_s()

    def _endpoint(self, name: str) -> str:
        if self._about is None:
            about = self._ask("GET", self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if about.get("issuer") != self.issuer:
                raise NotLoggedIn("The provider's description is another issuer's.")
            self._about = about
        address = self._about.get(name)
        if not isinstance(address, str):
            raise NotLoggedIn(f"The provider's description has no {name}.")
        return address

    def _ask(self, method: str, address: str, **options: Any) -> dict[str, Any]:
        """A JSON object of the provider's, bounded; over TLS unless the provider is on this machine."""
        parts = urlsplit(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise NotLoggedIn("The provider is not reached by https.")
        try:
            with self.http.stream(method, address, headers={"accept": "application/json"}, **options) as answer:
                body = b""
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > ANSWER_BYTES:
                        raise NotLoggedIn("The provider's answer is too long.")
        except httpx.HTTPError as error:
            raise NotLoggedIn(f"The provider cannot be reached ({type(error).__name__}).") from None
        if answer.status_code != httpx.codes.OK:
            raise NotLoggedIn(f"The provider answers {answer.status_code}.")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise NotLoggedIn("The provider's answer is no JSON object.")
        return document


def derived(cookie: str, what: str) -> str:
    """State, nonce and verifier of one log-in: 43 characters, as RFC 7636 wants them, none telling of another."""
    return _base64url(hmac.new(cookie.encode(), f"openleo login {what}".encode(), "sha256").digest())


def is_state(cookie: str, state: str) -> bool:
    """Whether a state is that of the log-in that a cookie began."""
    return bool(cookie) and hmac.compare_digest(state.encode("utf-8", "replace"), derived(cookie, "state").encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _header(token: str) -> dict[str, Any]:
    part = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        header = None
    if token.count(".") != 2 or not isinstance(header, dict):
        raise NotLoggedIn("The ID token is none.")
    return header


def _is_instant(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11
