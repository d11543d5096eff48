"""Webhooks stay outside: no machine of a private network is called, by whatever name, unless the operator says so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from post_offices import LOOPBACK, certificates, web_server

from openleo.errors import InputError
from openleo.governance import outward
from openleo.governance.notices import Delivery, Kind, Notice, Subscriber, Webhook
from openleo.governance.post import NotDelivered, Post
from openleo.governance.subscribers import Secrets, read_subscribers

START = datetime(2026, 11, 21, 14, tzinfo=UTC)
SECRETS = Secrets({"a": (b"k" * 32,)})
NOTICE = Notice("notice_1", START, Kind.OBJECTION, "log.example", 7, "c-1", ("TWN",), "title", "text\n")
INSIDE = (
    "127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "255.255.255.255", "224.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fd12::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::",
)  # fmt: skip


def to(by: Webhook) -> Delivery:
    return Delivery(NOTICE, Subscriber("a", "regulator:TWN", ("TWN",), START, by), 0)


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_not_called(address: str) -> None:
    post = Post(SECRETS, resolve=lambda *_: [address])
    with pytest.raises(NotDelivered, match="private network") as caught:
        post.deliver(to(Webhook("https://hooks.regulator.example/secret-path")), START)
    assert caught.value.down
    assert address not in str(caught.value)
    assert "secret-path" not in str(caught.value)


def test_one_address_inside_among_others_is_enough() -> None:
    post = Post(SECRETS, resolve=lambda *_: ["93.184.215.14", "10.0.0.1"])
    with pytest.raises(NotDelivered, match="private network"):
        post.deliver(to(Webhook("https://hooks.regulator.example/")), START)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "169.254.169.254", "2130706433", "0x7f.1", "[::ffff:7f00:1]", "[fd00::1]"]
)
def test_an_address_written_as_a_number_is_not_called_either(host: str) -> None:
    """Resolved by the system itself, which knows the old ways to write 127.0.0.1."""
    with pytest.raises(NotDelivered, match=r"private network|cannot be reached"):
        Post(SECRETS, timeout_s=0.5).deliver(to(Webhook(f"https://{host}:1/")), START)


def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere at the second question (DNS rebinding) is not asked a second time."""
    asked = []
    monkeypatch.setattr(outward, "is_outward", lambda address: address == LOOPBACK)  # as if this machine were outside

    def rebinding(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return [LOOPBACK] if len(asked) == 1 else ["10.0.0.1"]

    made = certificates(tmp_path)
    with web_server(made.server) as calls:
        port = calls.url.rsplit(":", 1)[1].split("/")[0]
        post = Post(SECRETS, tls=made.client, resolve=rebinding)
        try:
            post.deliver(to(Webhook(f"https://hooks.regulator.example:{port}/in")), START)
        except NotDelivered as error:  # the certificate is that of another name: it was asked for this one's
            assert "ConnectError" in str(error)  # noqa: PT017
            assert not calls.got
    assert asked == [("hooks.regulator.example", int(port))]


def test_the_operator_may_name_a_receiver_inside() -> None:
    asked = []
    post = Post(SECRETS, timeout_s=0.5, resolve=lambda *given: asked.append(given) or [])
    with pytest.raises(NotDelivered, match="cannot be reached"):
        post.deliver(to(Webhook(f"https://{LOOPBACK}:1/", private=True)), START)
    assert asked == []


def test_private_stands_with_a_webhook_alone(tmp_path: Path) -> None:
    path = tmp_path / "subscribers.toml"
    head = 'schema = 1\n[[subscriber]]\nid = "a"\nparty = "p"\nterritories = ["*"]\nsince = 2026-11-01T00:00:00Z\n'
    path.write_text(head + "feed = true\nprivate = true\n")
    with pytest.raises(InputError, match="private"):
        read_subscribers(path)
    path.write_text(head + 'webhook = "https://hooks.example/"\nkey_env = "K"\nprivate = true\n')
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert read_subscribers(path, {"K": key}).subscribers[0].by == Webhook("https://hooks.example/", private=True)


def test_a_receiver_that_sends_us_on_is_not_followed_inside() -> None:
    with web_server() as inside, web_server() as calls:
        calls.statuses, calls.location = [302], inside.url
        with pytest.raises(NotDelivered, match="redirect"):
            Post(SECRETS).deliver(to(Webhook(calls.url)), START)
        assert not inside.got
