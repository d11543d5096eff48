"""Deliveries on this machine: what receivers get, held against the specifications; failures, retries and kills."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import hmac
import json
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from post_offices import LOOPBACK, Calls, Mails, certificates, mail_server, web_server
from world_made import ORIGIN, START

from openleo.errors import InputError
from openleo.governance.notices import (
    Delivery,
    Email,
    Kind,
    Notice,
    Subscriber,
    Tried,
    Webhook,
    due,
    next_try,
    waiting,
)
from openleo.governance.outbox import OUTBOX, Outbox, read_tried
from openleo.governance.post import POINTS, NotDelivered, Outcome, Post, retry_after, send_all
from openleo.governance.subscribers import Secrets, Smtp

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OLDER = "whsec_" + base64.b64encode(b"o" * 32).decode()
PASSWORD = "a-secret-password"
SECRETS = Secrets({"a": (b"k" * 32, b"o" * 32), "b": (b"b" * 32,)}, PASSWORD)
NOTICE = Notice(
    "notice_1", START, Kind.OBJECTION, ORIGIN, 7, "c-1", ("TWN",), "c-1: regulator:TWN objects – 反對", ".\n.. 反對\n"
)


def to(by: Webhook | Email, id_: str = "a", notice: Notice = NOTICE, attempts: int = 0) -> Delivery:
    return Delivery(notice, Subscriber(id_, "regulator:TWN", ("TWN",), START, by), attempts)


@pytest.fixture
def web() -> Iterator[Calls]:
    with web_server() as calls:
        yield calls


@pytest.fixture
def office() -> Iterator[Mails]:
    with mail_server() as mails:
        yield mails


def plain_smtp(office: Mails) -> Smtp:
    return Smtp(LOOPBACK, office.port, "none", "ledger@operator.example")


# --- webhooks -------------------------------------------------------------------------------------------------------


def accepted(secret: str, headers: dict[str, str], body: bytes, now: float) -> bool:
    """A receiver by the text of Standard Webhooks 1.0.0 ("Signature scheme", "Webhook headers"), not by our code."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
    fresh = abs(now - int(headers["webhook-timestamp"])) <= 300
    return fresh and any(version == "v1" and hmac.compare_digest(value, expected) for version, value in given)


def test_a_receiver_by_the_specification_accepts_what_is_sent(web: Calls) -> None:
    Post(SECRETS).deliver(to(Webhook(web.url)), START)
    ((headers, body),) = web.got
    now = START.timestamp()
    assert accepted(SECRET, headers, body, now)
    assert accepted(OLDER, headers, body, now), "while keys change, both hold"
    assert headers["webhook-id"] == "notice_1"
    assert "." not in headers["webhook-id"], "the specification: a full stop in an id would let parts be moved"
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "type": "change.objection",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "notice": "notice_1",
            "ledger": ORIGIN,
            "entry": 7,
            "subject": "c-1",
            "territories": ["TWN"],
            "title": NOTICE.title,
            "text": NOTICE.text,
        },
    }
    assert not accepted("whsec_" + base64.b64encode(b"x" * 32).decode(), headers, body, now)
    assert not accepted(SECRET, headers, body.replace(b"c-1", b"c-2"), now)
    assert not accepted(SECRET, headers | {"webhook-id": "notice_2"}, body, now)
    assert not accepted(SECRET, headers, body, now + 301)


def test_sent_again_it_has_the_same_id_and_body_and_a_new_time(web: Calls) -> None:
    Post(SECRETS).deliver(to(Webhook(web.url)), START)
    Post(SECRETS).deliver(to(Webhook(web.url), attempts=3), START + timedelta(hours=1))
    (first, one), (second, other) = web.got
    assert one == other
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 3600
    assert accepted(SECRET, second, other, START.timestamp() + 3600)


def refusal(post: Post, delivery: Delivery) -> NotDelivered:
    with pytest.raises(NotDelivered) as raised:
        post.deliver(delivery, START)
    return raised.value


@pytest.mark.parametrize(("status", "why"), [(404, "404"), (410, "gone"), (500, "500"), (301, "not followed")])
def test_only_an_answer_of_200_to_299_is_a_delivery(web: Calls, status: int, why: str) -> None:
    web.statuses = [status]
    web.location = web.url.replace("/hook", "/elsewhere")
    error = refusal(Post(SECRETS), to(Webhook(web.url)))
    assert why in str(error)
    assert not error.down
    assert web.paths == ["/hook"], "a redirect was followed"


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("3600", HOUR),
        ("86400", timedelta(days=1)),
        ("86401", timedelta(days=1)),
        ("9" * 5000, timedelta(days=1)),
        ("Sun, 01 Mar 2026 13:00:00 GMT", HOUR),  # the three forms of RFC 9110, 5.6.7
        ("Sunday, 01-Mar-26 13:00:00 GMT", HOUR),
        ("Sun Mar  1 13:00:00 2026", HOUR),
        ("Fri, 01 Mar 2030 13:00:00 GMT", timedelta(days=1)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", None),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Sun, 99 Mar 2026 13:00:00 GMT", None),
        ("Sun, 01 Mar 99999 13:00:00 GMT", None),
        ("\u0663", None),
        ("", None),
    ],
)
def test_what_a_receiver_asks_to_wait_by_rfc_9110(asked: str, wait: timedelta | None) -> None:
    assert retry_after(asked, START) == (None if wait is None else START + wait)


@given(st.text(max_size=60))
def test_no_text_of_a_receiver_does_harm(text: str) -> None:
    found = retry_after(text, START)
    assert found is None or START < found <= START + timedelta(days=1)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("asked", ["7200", "Sun, 01 Mar 2026 14:00:00 GMT"])
def test_a_receiver_that_asks_for_time_is_given_it_for_all_its_notices(
    web: Calls, tmp_path: Path, status: int, asked: str
) -> None:
    web.statuses, web.retry_after = [status], asked
    other = replace(NOTICE, id="notice_2")
    people = [Subscriber(id_, "regulator:TWN", ("TWN",), START, Webhook(web.url)) for id_ in ("a", "b")]
    with Outbox(tmp_path / OUTBOX) as outbox:
        first = due([NOTICE, other], people, {}, START)
        outcomes = list(send_all(first, Post(SECRETS), outbox, lambda: START))
    assert [(one.delivery.subscriber.id, one.delivery.notice.id) for one in outcomes] == [
        ("a", "notice_1"),
        ("b", "notice_1"),
    ], "the second notice waits with the first, and other receivers do not"
    tried = read_tried(tmp_path / OUTBOX)
    soon = START + 2 * HOUR - timedelta(seconds=1)
    assert due([NOTICE, other], people, tried, soon) == ()
    assert waiting([NOTICE, other], people, tried, soon) == 4
    assert len(due([NOTICE, other], people, tried, START + 2 * HOUR)) == 4
    web.statuses, web.retry_after = [204], ""
    with Outbox(tmp_path / OUTBOX) as outbox:
        list(send_all(due([NOTICE], people, tried, soon + HOUR), Post(SECRETS), outbox, lambda: soon + HOUR))
        assert due([NOTICE], people, outbox.tried(), START + timedelta(days=9)) == ()


def test_who_asks_for_less_than_the_next_step_is_not_hurried_at(web: Calls, tmp_path: Path) -> None:
    web.statuses, web.retry_after = [503], "5"
    with Outbox(tmp_path / OUTBOX) as outbox:
        (outcome,) = send_all([to(Webhook(web.url), attempts=2)], Post(SECRETS), outbox, lambda: START)
        assert next_try(outcome.tried) == START + timedelta(minutes=30)


def test_an_outbox_of_the_first_version_is_read_and_goes_on(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / OUTBOX) as database:
        database.executescript(
            "create table delivery (subscriber text not null, notice text not null, attempts integer not null,"
            " at text not null, done integer not null, said text not null, primary key (subscriber, notice))"
            " without rowid; insert into delivery values ('a', 'notice_1', 2, '2026-03-01T12:00:00Z', 0, 'no');"
            " pragma user_version = 1"
        )
    database.close()
    with Outbox(tmp_path / OUTBOX) as outbox:
        assert outbox.tried() == {("a", "notice_1"): Tried(2, START, done=False)}
        outbox.note(to(Webhook("https://hooks.example/"), attempts=2), START, "no", START + HOUR)
    assert read_tried(tmp_path / OUTBOX) == {("a", "notice_1"): Tried(3, START, False, START + HOUR)}


def test_a_receiver_that_does_not_answer_holds_nobody_up_for_long(web: Calls) -> None:
    web.silent = threading.Event()
    error = refusal(Post(SECRETS, timeout_s=0.2), to(Webhook(web.url)))
    web.silent.set()
    assert error.down
    assert "no answer within 0.2 s" in str(error)


def test_a_receiver_that_answers_without_an_end_holds_nobody_up_either(web: Calls) -> None:
    web.drips = threading.Event()
    error = refusal(Post(SECRETS, timeout_s=5.0, longest_s=0.3), to(Webhook(web.url)))
    assert (str(error), error.down) == ("not over within 0.3 s", True)
    web.drips.set()
    for thread in threading.enumerate():
        if thread.name == "delivery to a":
            thread.join(10)


def closed_port() -> int:
    with socket.socket() as one:
        one.bind((LOOPBACK, 0))
        return int(one.getsockname()[1])


def test_a_certificate_that_is_not_trusted_is_no_delivery(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    with web_server(made.server) as calls:
        assert refusal(Post(SECRETS), to(Webhook(calls.url))).down
        assert not calls.got
        Post(SECRETS, tls=made.client).deliver(to(Webhook(calls.url)), START)
        assert len(calls.got) == 1


def test_a_proxy_is_not_asked_for_this_machine(web: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{LOOPBACK}:{closed_port()}")
    Post(SECRETS).deliver(to(Webhook(web.url)), START)
    assert len(web.got) == 1


# --- mails ----------------------------------------------------------------------------------------------------------


def read(content: bytes) -> Any:
    """By the standard library's reader, strictly."""
    return email.message_from_bytes(content, policy=email.policy.default + email.policy.strict)


def test_a_mail_arrives_as_it_was_meant(office: Mails) -> None:
    post = Post(SECRETS, plain_smtp(office))
    post.deliver(to(Email("office@reg.example")), START)
    post.deliver(to(Email("office@reg.example")), START + timedelta(hours=1))
    (sender, recipient, content), (_, _, again) = office.got
    assert (sender, recipient) == ("ledger@operator.example", "office@reg.example")
    message = read(content)
    assert message["Subject"] == f"[OpenLEO] {NOTICE.title}"
    assert message["Message-ID"] == "<notice_1@operator.example>" == read(again)["Message-ID"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == START
    assert message.get_content().replace("\r\n", "\n") == (
        f"{NOTICE.title}\n\n{NOTICE.text}\nEntry 7 of {ORIGIN}\nnotice_1\n"
    )


def test_a_mail_goes_encrypted_and_signed_in(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    with mail_server(made.server) as office:
        office.password = PASSWORD
        smtp = replace(plain_smtp(office), security="starttls", user="openleo")
        error = refusal(Post(SECRETS, smtp), to(Email("office@reg.example")))
        assert "SSL" in str(error), "a certificate that nobody vouches for was taken"
        Post(SECRETS, smtp, tls=made.client).deliver(to(Email("office@reg.example")), START)
        assert office.encrypted == [True]
        wrong = refusal(Post(Secrets(smtp_password="another"), smtp, tls=made.client), to(Email("o@reg.example")))
        assert str(wrong) == "the mail server: SMTPAuthenticationError 535"


def test_a_server_without_encryption_gets_no_password(office: Mails) -> None:
    smtp = replace(plain_smtp(office), security="starttls", user="openleo")
    error = refusal(Post(SECRETS, smtp), to(Email("office@reg.example")))
    assert "SMTPNotSupportedError" in str(error)
    assert error.down
    assert not any("AUTH" in said for said in office.heard)


def test_a_recipient_that_is_refused_is_one_s_own_fault(office: Mails) -> None:
    office.refuses = {"RCPT": "550 who"}
    error = refusal(Post(SECRETS, plain_smtp(office)), to(Email("office@reg.example")))
    assert (str(error), error.down) == ("the mail server refuses: the recipient (550)", False)


def test_a_server_that_hangs_up_after_it_took_the_mail_took_it(office: Mails) -> None:
    office.rude = True
    Post(SECRETS, plain_smtp(office)).deliver(to(Email("office@reg.example")), START)
    assert len(office.got) == 1


def test_no_server_is_said_so() -> None:
    smtp = Smtp(LOOPBACK, closed_port(), "none", "ledger@operator.example")
    error = refusal(Post(SECRETS, smtp), to(Email("office@reg.example")))
    assert (str(error), error.down) == ("the mail server cannot be reached (ConnectionRefusedError)", True)


# --- a pass ---------------------------------------------------------------------------------------------------------


def numbered(number: int) -> Notice:
    return replace(NOTICE, id=f"notice_{number}")


def subscriber(id_: str, by: Webhook | Email) -> Subscriber:
    return Subscriber(id_, "regulator:TWN", ("TWN",), START, by)


def passed(
    folder: Path, found: list[Notice], people: list[Subscriber], post: Post, hours: float = 0.0
) -> list[Outcome]:
    now = START + timedelta(hours=hours)
    with Outbox(folder / OUTBOX) as outbox:
        return list(send_all(due(found, people, outbox.tried(), now), post, outbox, lambda: now))


def test_what_failed_is_told_later_and_what_was_told_is_not_told_again(web: Calls, tmp_path: Path) -> None:
    found, people, post = [numbered(1), numbered(2)], [subscriber("a", Webhook(web.url))], Post(SECRETS)
    web.statuses = [500, 204]
    assert [one.failure for one in passed(tmp_path, found, people, post)] == ["it answers 500", ""]
    assert passed(tmp_path, found, people, post) == []
    assert [one.delivery.attempts for one in passed(tmp_path, found, people, post, hours=1)] == [1]
    assert passed(tmp_path, found, people, post, hours=999) == []
    assert [headers["webhook-id"] for headers, _ in web.got] == ["notice_1", "notice_2", "notice_1"]


def test_an_outbox_that_was_lost_tells_again_under_the_same_ids(web: Calls, tmp_path: Path) -> None:
    found, people, post = [numbered(1)], [subscriber("a", Webhook(web.url))], Post(SECRETS)
    passed(tmp_path, found, people, post)
    (tmp_path / OUTBOX).unlink()
    passed(tmp_path, found, people, post)
    assert [headers["webhook-id"] for headers, _ in web.got] == ["notice_1", "notice_1"]


def test_one_that_is_down_is_tried_once_a_pass_and_holds_up_nobody_else(web: Calls, tmp_path: Path) -> None:
    dead = subscriber("b", Webhook(f"http://{LOOPBACK}:{closed_port()}/"))
    people = [dead, subscriber("a", Webhook(web.url))]
    done = passed(tmp_path, [numbered(1), numbered(2), numbered(3)], people, Post(SECRETS))
    assert [(one.delivery.subscriber.id, one.failure) for one in done] == [
        ("a", ""),
        ("b", "cannot be reached (ConnectError)"),
        ("a", ""),
        ("a", ""),
    ]


def pass_and_die(folder: str, url: str, point: str) -> None:
    """A pass in a process that is killed without warning at a point."""

    def die(at: str) -> None:
        if at == point:
            os.kill(os.getpid(), signal.SIGKILL)

    people = [subscriber("a", Webhook(url))]
    with Outbox(Path(folder) / OUTBOX) as outbox:
        deliveries = due([numbered(1), numbered(2)], people, outbox.tried(), START)
        list(send_all(deliveries, Post(SECRETS), outbox, lambda: START, die))


@pytest.mark.parametrize("point", POINTS)
def test_killed_between_delivery_and_note_it_is_told_again_and_never_lost(
    web: Calls, tmp_path: Path, point: str
) -> None:
    found, people, post = [numbered(1), numbered(2)], [subscriber("a", Webhook(web.url))], Post(SECRETS)

    code = "import sys, test_post; test_post.pass_and_die(*sys.argv[1:])"
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.run([sys.executable, "-c", code, tmp_path, web.url, point], env=os.environ | path)
    assert child.returncode == -signal.SIGKILL, f"the point {point!r} was not reached"
    passed(tmp_path, found, people, post)
    ids = [headers["webhook-id"] for headers, _ in web.got]
    assert ids == (["notice_1", "notice_1", "notice_2"] if point == "delivered" else ["notice_1", "notice_2"])
    bodies = {(headers["webhook-id"], body) for headers, body in web.got}
    assert len(bodies) == 2, "told again in other words"
    assert all(one.done for one in read_tried(tmp_path / OUTBOX).values())


def test_two_passes_at_once_are_one_too_many(tmp_path: Path) -> None:
    with Outbox(tmp_path / OUTBOX), pytest.raises(InputError, match="used by another pass"):
        Outbox(tmp_path / OUTBOX)
    Outbox(tmp_path / OUTBOX).close()


def test_an_outbox_that_is_none_is_said_so(tmp_path: Path) -> None:
    (tmp_path / OUTBOX).write_bytes(b"x" * 4096)
    with pytest.raises(InputError, match="cannot be used: file is not a database"):
        Outbox(tmp_path / OUTBOX)
    with pytest.raises(InputError, match="cannot be used"):  # and its lock is free again
        Outbox(tmp_path / OUTBOX)


def test_no_secret_is_shown(web: Calls, office: Mails, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in what is logged by anybody, not in failures, not in the outbox, not in what values print."""
    caplog.set_level(logging.DEBUG)
    web.statuses = [500]
    office.refuses = {"AUTH": f"535 {PASSWORD}"}
    smtp = replace(plain_smtp(office), user="openleo")
    post = Post(SECRETS, smtp)
    people = [subscriber("a", Webhook(web.url)), subscriber("b", Email("office@reg.example"))]
    done = passed(tmp_path, [NOTICE], people, post)
    assert [bool(one.failure) for one in done] == [True, True]
    shown = "\n".join([caplog.text, repr(done), repr(post), (tmp_path / OUTBOX).read_bytes().decode("latin-1")])
    keys = [repr(key)[2:-1] for key in (b"k" * 32, b"o" * 32)]
    for secret in (PASSWORD, SECRET, OLDER, SECRET.removeprefix("whsec_"), *keys):
        assert secret not in shown
