"""Logging in against a provider that runs on loopback, honest and false."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import provider as providers
import pytest
from joserfc.jwk import RSAKey
from provider import Provider, saying
from secured import ADDRESS, House
from sqlalchemy import Engine

from openleo.controller import database, oidc, sessions
from openleo.controller.oidc import NotLoggedIn
from openleo.controller.roles import Role
from openleo.controller.settings import Settings
from openleo.controller.tables import metadata

REDIRECT = ADDRESS + "/v1/login/back"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providers.running() as running:
        yield running


@pytest.fixture
def plain_engine(tmp_path) -> Iterator[Engine]:
    engine = database.connect(database.address_of(tmp_path))
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def house(plain_engine, provider):
    return house_of(plain_engine, provider)


def house_of(engine: Engine, provider: Provider, **more: object) -> House:
    settings = Settings(
        oidc_issuer=provider.issuer, oidc_client_id=providers.CLIENT, oidc_client_secret=providers.SECRET, **more
    )
    made = House(engine, settings)
    made.person("p1", Role.VIEWER, Role.APPROVER, issuer=provider.issuer)
    provider.subject = "p1"
    return made


def log_in(client, provider, to="/changes"):
    begun = client.get("/v1/login", params={"to": to})
    assert begun.status_code == 303, begun.text
    return client.get(provider.authorize(begun.headers["location"]))


def test_a_person_logs_in_and_out(engine, provider):
    client = (house := house_of(engine, provider)).client()
    back = log_in(client, provider)
    assert (back.status_code, back.headers["location"]) == (303, "/changes")
    cookie = next(line for line in back.headers.get_list("set-cookie") if line.startswith(sessions.COOKIE + "="))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    me = client.get("/v1/session").json()
    assert (me["id"], me["roles"], me["via"]) == ("person:p1", ["approver", "viewer"], "session")
    kept = dict(client.cookies)
    assert client.post("/v1/logout", headers={"X-CSRF-Token": me["csrf"]}).status_code == 204
    for name, value in kept.items():
        client.cookies.set(name, value)  # a copy of the cookie is nobody's either
    assert client.get("/v1/session").status_code == 401
    assert [row.what for row in house.audited()][:1] == ["logged_in"]
    assert "logged_out" in [row.what for row in house.audited()]


def test_off_loopback_the_cookie_is_bound_to_the_host_and_to_tls(plain_engine, provider):
    client = house_of(plain_engine, provider, public_url="https://leo.example").client()
    begun = client.get("/v1/login")
    assert parse_qs(urlsplit(begun.headers["location"]).query)["redirect_uri"] == ["https://leo.example/v1/login/back"]
    (cookie,) = begun.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-openleo-login=")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie


def test_what_is_asked_of_the_provider_is_a_code_with_a_challenge(house, provider):
    asked = parse_qs(urlsplit(house.client().get("/v1/login").headers["location"]).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid"]
    assert len({asked[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    assert all(len(asked[name][0]) == 43 for name in ("state", "nonce", "code_challenge"))


def test_whom_nobody_has_given_a_role_has_none(house, provider):
    provider.subject = "stranger"
    client = house.client()
    back = log_in(client, provider)
    assert back.status_code == 403
    assert "'stranger'" in back.json()["detail"]
    assert sessions.COOKIE not in client.cookies
    assert client.get("/v1/session").status_code == 401
    assert house.audited("refused")[0].about == "log-in"


@pytest.mark.parametrize(
    "to", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "x", "/\r\nSet-Cookie: a=b"]
)
def test_nobody_is_sent_elsewhere_after_logging_in(house, provider, to):
    assert house.client().get("/v1/login", params={"to": to}).status_code == 422


FORGED = {
    "algorithm none": (providers.unsigned, "algorithm"),
    "HS256 keyed with the public key": (providers.keyed_with_the_public_key, "algorithm"),
    "a key of its own in the header": (providers.with_a_key_of_its_own, "signature"),
    "another issuer": (saying(iss="https://elsewhere.example"), "issuer"),
    "another audience": (saying(aud="other"), "audience"),
    "no audience": (saying(aud=None), "audience"),
    "given to another client": (saying(aud=[providers.CLIENT, "other"], azp="other"), "client"),
    "many audiences and no client": (saying(aud=[providers.CLIENT, "other"]), "client"),
    "expired": (saying(exp=lambda _: int(time.time()) - 31), "expired"),
    "no expiry": (saying(exp=None), "expires"),
    "an expiry in words": (saying(exp="never"), "expires"),
    "an expiry that is true": (saying(exp=True), "expires"),
    "old": (saying(iat=lambda _: int(time.time()) - 700), "expired"),
    "not valid yet": (saying(nbf=lambda _: int(time.time()) + 60), "not valid yet"),
    "made in the future": (saying(iat=lambda _: int(time.time()) + 60), "not valid yet"),
    "another nonce": (saying(nonce="A" * 43), "nonce"),
    "no nonce": (saying(nonce=None), "nonce"),
    "no subject": (saying(sub=None), "nothing of who"),
    "a subject that is a number": (saying(sub=7), "nothing of who"),
    "a key id that is unknown": (lambda of, claims: of.signed(claims, kid="k9"), "no key"),
    "a key id with a path": (lambda of, claims: of.signed(claims, kid="../../etc/passwd"), "no key"),
    "an extension that is critical": (lambda of, claims: of.signed(claims, crit=["b64"], b64=True), "extension"),
    "changed after it was signed": (lambda of, claims: _changed(of.signed(claims)), "signature"),
    "no token at all": (lambda *_: "nothing", "is none"),
}  # fmt: skip


def _changed(token: str) -> str:
    head, claims, signature = token.split(".")
    return ".".join((head, claims[:-2] + ("AA" if claims[-2:] != "AA" else "BB"), signature))


@pytest.mark.parametrize("forged", FORGED)
def test_a_false_id_token_logs_nobody_in(house, provider, forged):
    provider.forge, why = FORGED[forged]
    client = house.client()
    back = log_in(client, provider)
    assert back.status_code == 403
    assert why in back.text
    assert sessions.COOKIE not in client.cookies
    provider.forge = None  # the same browser, an honest token: so it was the token
    assert log_in(client, provider).status_code == 303


def test_a_code_and_a_state_are_good_once(house, provider):
    client = house.client()
    address = provider.authorize(client.get("/v1/login").headers["location"])
    kept = dict(client.cookies)
    assert client.get(address).status_code == 303
    for name, value in kept.items():
        client.cookies.set(name, value)
    again = client.get(address)
    assert again.status_code == 403
    assert "finished before" in again.text


def test_a_code_that_is_said_again_to_the_provider_is_refused(house, provider):
    client = house.client()
    first = provider.authorize(client.get("/v1/login").headers["location"])
    code = parse_qs(urlsplit(first).query)["code"][0]
    assert client.get(first).status_code == 303
    second = parse_qs(urlsplit(provider.authorize(client.get("/v1/login").headers["location"])).query)
    back = client.get(REDIRECT, params={"code": code, "state": second["state"][0]})
    assert (back.status_code, back.json()["detail"]) == (403, "The provider answers 400.")


def test_a_code_is_good_only_in_the_browser_that_asked_for_it(house, provider):
    app = house.app()
    ours, theirs = house.client(app), house.client(app)
    address = provider.authorize(theirs.get("/v1/login").headers["location"])
    ours.get("/v1/login")
    for one in (ours, house.client(app)):  # another log-in begun there, or none
        back = one.get(address)
        assert back.status_code == 403
        assert "state" in back.text
    assert theirs.get(address).status_code == 303


def test_a_stolen_code_is_nothing_without_its_verifier(house, provider):
    """Injected into the attacker's own log-in, the provider refuses it: the challenge is the victim's."""
    app = house.app()
    victim, attacker = house.client(app), house.client(app)
    code = parse_qs(urlsplit(provider.authorize(victim.get("/v1/login").headers["location"])).query)["code"][0]
    state = parse_qs(urlsplit(attacker.get("/v1/login").headers["location"]).query)["state"][0]
    back = attacker.get(REDIRECT, params={"code": code, "state": state})
    assert (back.status_code, back.json()["detail"]) == (403, "The provider answers 400.")


def test_a_log_in_that_takes_too_long_is_begun_again(house, provider):
    client = house.client()
    address = provider.authorize(client.get("/v1/login").headers["location"])
    house.clock.ahead_s += 601
    assert client.get(address).status_code == 403


@pytest.mark.parametrize(
    ("more", "why"),
    [("&iss=https://elsewhere.example", "twice"), ("&state=x", "twice"), ("&code=x", "twice")],
)
def test_what_comes_back_twice_is_refused(house, provider, more, why):
    client = house.client()
    back = client.get(provider.authorize(client.get("/v1/login").headers["location"]) + more)
    assert back.status_code == 403
    assert why in back.text


def test_another_provider_s_answer_is_refused(house, provider):
    client = house.client()
    address = provider.authorize(client.get("/v1/login").headers["location"]).rpartition("&iss=")[0]
    back = client.get(address + "&iss=https://elsewhere.example")
    assert back.status_code == 403
    assert "Another provider" in back.text


def test_new_keys_are_read_and_old_ones_end(house, provider):
    client = house.client()
    assert log_in(client, provider).status_code == 303
    house.clock.ahead_s += 31
    provider.key = RSAKey.generate_key(2048, {"kid": "k2", "use": "sig"})
    provider.forge = saying(iat=lambda c: c["iat"] + 31, exp=lambda c: c["exp"] + 31)
    assert log_in(client, provider).status_code == 303
    assert provider.asked_keys == 2


def test_an_unknown_key_id_does_not_make_us_ask_for_keys_again_and_again(house, provider):
    provider.forge = lambda of, claims: of.signed(claims, kid="k9")
    client = house.client()
    for _ in range(5):
        assert log_in(client, provider).status_code == 403
    assert provider.asked_keys == 1


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"issuer": "https://elsewhere.example"}, "another issuer"),
        ({"token_endpoint": "http://elsewhere.example/token"}, "https"),
        ({"token_endpoint": "file:///etc/passwd"}, "https"),
        ({"jwks_uri": 7}, "jwks_uri"),
    ],
)
def test_a_false_description_of_a_provider_is_refused(provider, about, why):
    provider.about_more = about
    ours = oidc.Provider(provider.issuer, providers.CLIENT, time.time, providers.SECRET)
    with pytest.raises(NotLoggedIn, match=why):
        ours.finish(
            (begun := "a-cookie"), {"code": "c", "state": oidc.derived(begun, "state")}, REDIRECT
        ) if "jwks_uri" not in about else ours.checked(provider.signed({}), "n")


def test_without_a_provider_nobody_logs_in(plain_engine):
    assert House(plain_engine).client().get("/v1/login").status_code == 404


def test_the_provider_gone_is_said_and_not_ours(plain_engine, provider):
    house = house_of(plain_engine, provider)
    object.__setattr__(house.settings, "oidc_issuer", "http://127.0.0.1:1")
    answer = house.client().get("/v1/login")
    assert answer.status_code == 502
    assert "cannot be reached" in answer.text
