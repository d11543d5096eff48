"""The subscribers file: read whole, all problems at once, near names, and never a secret in what is said."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.governance.notices import Email, Subscriber, Webhook
from openleo.governance.subscribers import Smtp, Subscribers, read_subscribers, webhook_key

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()
ENVIRONMENT = {"HOOK": SECRET, "OTHER": OTHER, "MAIL": "a-secret-password"}
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
WHOLE = """
schema = 1

[[subscriber]]
id = "twn-hook"
party = "regulator:TWN"
territories = ["twn", "TWN.sea200"]
since = 2026-11-01T08:00:00+08:00
webhook = "https://hooks.reg.example/openleo"
key_env = "HOOK"

[[subscriber]]
id = "twn-office"
party = "regulator:TWN"
territories = ["*"]
since = 2026-11-01T00:00:00Z
email = "office@reg.example"

[[subscriber]]
id = "reader"
party = "observer"
territories = ["JPN"]
since = 2026-11-01T00:00:00Z
feed = true

[smtp]
host = "mail.operator.example"
from = "ledger@operator.example"
user = "openleo"
password_env = "MAIL"

[feed]
address = "https://operator.example/feeds"
"""


def read(folder: Path, text: str) -> Subscribers:
    path = folder / "subscribers.toml"
    path.write_text(text, encoding="utf-8")
    return read_subscribers(path, ENVIRONMENT)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as raised:
        read(folder, text)
    said = [str(one).removeprefix(f"{folder / 'subscribers.toml'}: ") for one in raised.value.problems]
    assert not any(secret in "\n".join(said) for secret in ("whsec_" + "a" * 3, SECRET[6:], OTHER[6:], "a-secret"))
    return said


def test_a_whole_file(tmp_path: Path) -> None:
    made = read(tmp_path, WHOLE)
    assert made.subscribers == (
        Subscriber(
            "twn-hook", "regulator:TWN", ("TWN", "TWN.sea200"), SINCE, Webhook("https://hooks.reg.example/openleo")
        ),
        Subscriber("twn-office", "regulator:TWN", ("*",), SINCE, Email("office@reg.example")),
        Subscriber("reader", "observer", ("JPN",), SINCE, None),
    )
    assert made.smtp == Smtp("mail.operator.example", 587, "starttls", "ledger@operator.example", "openleo")
    assert made.feed_address == "https://operator.example/feeds/"
    assert made.secrets.keys == {"twn-hook": (b"k" * 32,)}
    assert made.secrets.smtp_password == "a-secret-password"
    assert "kkk" not in repr(made)
    assert "a-secret" not in repr(made)


def one(*lines: str) -> str:
    """A file of one subscriber; a line takes the place of the one with its key."""
    base = {
        "id": 'id = "a"',
        "party": 'party = "regulator:TWN"',
        "territories": 'territories = ["TWN"]',
        "since": "since = 2026-11-01T00:00:00Z",
        "webhook": 'webhook = "https://hooks.reg.example/x"',
        "key_env": 'key_env = "HOOK"',
    }
    for line in lines:
        key, _, value = line.partition(" = ")
        base[key] = line if value else ""
    return "schema = 1\n[[subscriber]]\n" + "\n".join(base.values()) + "\n"


KEYS = ("email", "feed", "id", "key_env", "key_file", "party", "private", "since", "territories", "webhook")
TERRITORIES = "a territory is an ISO 3166-1 alpha-3 code, a contested area, ID.sea12, ID.sea200 or high-seas."


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = """
schema = 1
[[subscriber]]
id = "a"
party = "regulator:TWN"
territories = ["TAW", "Portugal"]
since = 2026-11-01T00:00:00
webhook = "http://hooks.reg.example/x"
key_env = "NOT_SET"
[[subscriber]]
id = "a"
party = "regulator:TWN"
territories = ["TWN"]
since = 2026-11-01T00:00:00Z
email = "nobody"
colour = "red"
"""
    assert problems(tmp_path, text) == [
        f'subscriber[1].colour: there is no key "colour" here. Known keys: {", ".join(sorted(KEYS))}.',
        'subscriber: the id "a" stands 2 times. Give each an id of its own.',
        f'subscriber[0].territories[0]: there is no territory "TAW"; {TERRITORIES} Did you mean TZA, TWN or THA?',
        f'subscriber[0].territories[1]: there is no territory "Portugal"; {TERRITORIES} Portugal is PRT.',
        "subscriber[0].since: has no time zone. Write 2026-11-01T00:00:00Z.",
        "subscriber[0].webhook: is http to another machine; notices go by https. Write https://…",
        "subscriber[0].key_env: the environment variable NOT_SET is not set. export NOT_SET=…",
        "subscriber[1].email: is 'nobody', and no e-mail address. It is like office@regulator.example.",
        "smtp: is missing, and some subscribers are told by e-mail. Add [smtp] with host and from.",
    ]


@pytest.mark.parametrize(
    "address",
    ["https://hooks.reg.example/x?token=a", "https://[2001:db8::1]:8443/", "http://127.0.0.1:9/", "http://[::1]:9/x",
     "http://localhost:9/x"],
)  # fmt: skip
def test_where_a_webhook_may_go(tmp_path: Path, address: str) -> None:
    assert read(tmp_path, one(f'webhook = "{address}"')).subscribers[0].by == Webhook(address)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://hooks.reg.example/", "https"),
        ("http://127.0.0.1.reg.example/", "https"),
        ("http://localhost.reg.example/", "https"),
        ("ftp://127.0.0.1/", "https"),
        ("HTTP://10.0.0.1/", "https"),
        ("file:///etc/passwd", "no address"),
        ("https://", "no address"),
        ("hooks.reg.example", "no address"),
        ("https://reg.example:99999/", "no address"),
        ("https://reg.example/a b", "no address"),
        ("https://reg.example/\\na", "no address"),
        ("https://user:a-secret@reg.example/", "user or a password"),
        ("http://127.0.0.1@reg.example/", "user or a password"),
        ("https://reg.example/#x", "after #"),
    ],
)
def test_where_it_may_not_go(tmp_path: Path, address: str, why: str) -> None:
    (said,) = problems(tmp_path, one(f'webhook = "{address}"'))
    assert why in said
    assert "reg.example" not in said, "an address can hold a token"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (['key_env = "whsec_aaaa"'], "the secret itself does not stand in this file"),
        (["key_env = 7"], "not the name of an environment variable"),
        (['key_env = ["whsec_aaaa"]'], "not the name of an environment variable"),
        (["key_env", 'key_file = "whsec_aaaa"'], "the secret itself does not stand in this file"),
        (["key_env"], "key_file and key_env are missing"),
        (['key_file = "k"'], "are both there"),
        (["webhook"], "told in no way"),
        (['email = "o@reg.example"'], "has webhook and email; it is one of"),
        (["webhook", "feed = true"], "has a key and no webhook"),
        (["feed = false"], "feed"),
        (['territories = []'], "territories"),
        (['id = "Li Na"'], "neutral"),
        (['party = "Reg"'], "neutral"),
    ],
)  # fmt: skip
def test_what_else_is_refused(tmp_path: Path, lines: list[str], why: str) -> None:
    said = "\n".join(problems(tmp_path, one(*lines)))
    assert why in said


def test_the_key_of_a_file(tmp_path: Path) -> None:
    text = one("key_env", 'key_file = "hook.key"')
    path = tmp_path / "hook.key"
    assert "No such file" in problems(tmp_path, text)[0]
    path.write_text(f"{SECRET}\n{OTHER}\n")
    path.chmod(0o640)
    assert problems(tmp_path, text) == [
        f"subscriber[0].key_file: {path} can be read by others (mode 640). Try: chmod 600 {path}"
    ]
    path.chmod(0o600)
    assert read(tmp_path, text).secrets.keys == {"a": (b"k" * 32, b"o" * 32)}
    path.write_bytes(b"\xff\xfe")
    assert "is no text" in problems(tmp_path, text)[0]
    path.write_text("\n")
    assert "is empty" in problems(tmp_path, text)[0]
    path.write_text(f"{SECRET} short whsec_c2hvcnQ= x")
    assert "holds 4 keys" in problems(tmp_path, text)[0]


def test_keys_are_of_24_to_64_bytes() -> None:
    """Standard Webhooks, "Signature scheme"."""
    made = {n: webhook_key("whsec_" + base64.b64encode(b"k" * n).decode()) is not None for n in (0, 23, 24, 64, 65)}
    assert made == {0: False, 23: False, 24: True, 64: True, 65: False}
    assert webhook_key(SECRET.removeprefix("whsec_")) is None
    assert webhook_key("whsec_" + "?" * 32) is None


def test_two_webhooks_do_not_share_a_key(tmp_path: Path) -> None:
    again = one().partition("\n")[2].replace('"a"', '"b"')
    assert problems(tmp_path, one() + again) == ["subscriber: a and b have one key. Each webhook has a key of its own."]
    read(tmp_path, one() + again.replace("HOOK", "OTHER"))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('security = "none"', "another machine"),
        ('host = "a b"', "no host"),
        ('from = "a@b\\nBcc: c@d"', "no e-mail address"),
        ('user = "x"', "password_file and password_env are missing"),
        ('password_env = "MAIL"', "a password and no user"),
        ("port = 0", "port"),
    ],
)
def test_what_a_mail_server_cannot_be(tmp_path: Path, line: str, why: str) -> None:
    lines = {"host": 'host = "mail.example"', "from": 'from = "a@b.example"', line.partition(" ")[0]: line}
    said = problems(tmp_path, one() + "[smtp]\n" + "\n".join(lines.values()) + "\n")
    assert why in said[0]


def test_an_instant_at_the_edge_of_time_is_read(tmp_path: Path) -> None:
    since = read(tmp_path, one("since = 0001-01-01T00:00:00+14:00")).subscribers[0].since
    assert since < SINCE
