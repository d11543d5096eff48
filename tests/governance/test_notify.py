"""`openleo change notify`: a pass as it is run, against receivers on this machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from post_offices import Calls, Mails, mail_server, web_server
from test_activate import EFFECT, approved
from test_feed import checked
from world_made import START, World

from command_line import openleo
from openleo.cli import change_notify
from openleo.governance.activate import activate
from openleo.governance.entries import entry
from openleo.governance.house import Folder, House
from openleo.governance.outbox import OUTBOX

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
Receivers = tuple[Calls, Mails]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with one change that two parties approved, an hour ago."""
    at(monkeypatch, START + timedelta(hours=1))
    monkeypatch.setenv("HOOK", SECRET)
    return approved(tmp_path / "data").path


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    with web_server() as calls, mail_server() as mails:
        yield calls, mails


def at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(change_notify, "clock", lambda: now)


def subscribe(data: Path, receivers: Receivers) -> None:
    calls, mails = receivers
    (data / "subscribers.toml").write_text(f"""
schema = 1
[[subscriber]]
id = "twn-hook"
party = "regulator:TWN"
territories = ["TWN"]
since = {START.isoformat()}
webhook = "{calls.url}?token=hidden"
key_env = "HOOK"
[[subscriber]]
id = "everybody"
party = "observer"
territories = ["*"]
since = {START.isoformat()}
email = "office@reg.example"
[[subscriber]]
id = "jpn"
party = "regulator:JPN"
territories = ["JPN"]
since = {START.isoformat()}
email = "office@jpn.example"
[smtp]
host = "127.0.0.1"
port = {mails.port}
security = "none"
from = "ledger@operator.example"
""")


def test_a_pass_tells_whom_it_concerns_and_the_next_one_nothing(
    data: Path, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, mails = receivers
    subscribe(data, receivers)
    code, out, err = openleo("change", "notify", "--ledger", data)
    assert code == 0, err
    proposed = "rules change c-1: proposed by operator-1 on behalf of operator (TWN)"
    approved_ = "rules change c-1: approved; it may take effect from 2026-03-01T12:00:00Z on (TWN)"
    assert out.splitlines() == [
        f"told everybody by mail to office@reg.example: {proposed}",
        f"told twn-hook by webhook to 127.0.0.1: {proposed}",
        f"told everybody by mail to office@reg.example: {approved_}",
        f"told twn-hook by webhook to 127.0.0.1: {approved_}",
    ]
    assert "2 notices of ledger.example/openleo: 4 told, 0 failed, 0 to be tried later." in err
    assert [json.loads(body)["type"] for _, body in calls.got] == ["change.proposed", "change.approved"]
    assert {recipient for _, recipient, _ in mails.got} == {"office@reg.example"}
    with House(Folder(data)) as house:
        activate(house, "c-1", START + timedelta(hours=2), lambda _: EFFECT)
    calls.statuses = [503, 204]
    code, out, _ = openleo("change", "notify", "--ledger", data, "--json")
    answer = json.loads(out)
    assert code == 0, "a delivery that fails is no error of the input"
    assert [(row["subscriber"], row["type"], row["failure"]) for row in answer["deliveries"]] == [
        ("everybody", "change.activated", None),
        ("twn-hook", "change.activated", "it answers 503"),
    ]
    assert answer["waiting"] == 1
    assert answer["deliveries"][1]["again_after"] == "2026-03-01T13:01:00Z"
    assert "hidden" not in out
    at(monkeypatch, START + timedelta(hours=3))
    assert openleo("change", "notify", "--ledger", data)[1].startswith("told twn-hook by webhook")
    assert openleo("change", "notify", "--ledger", data)[1] == ""
    assert len({headers["webhook-id"] for headers, _ in calls.got}) == 3


def test_a_dry_run_tells_and_writes_nothing(data: Path, receivers: Receivers, tmp_path: Path) -> None:
    subscribe(data, receivers)
    code, out, _ = openleo("change", "notify", "--ledger", data, "--dry-run", "--feed", tmp_path / "feeds")
    assert (code, len(out.splitlines())) == (0, 4)
    assert out.startswith("would tell everybody by mail")
    assert (receivers[0].got, receivers[1].got) == ([], [])
    assert not list(data.glob("outbox*"))
    assert not (tmp_path / "feeds").exists()


def test_feeds_are_written_once_and_again_when_they_change(data: Path, tmp_path: Path) -> None:
    feeds = tmp_path / "public" / "feeds"
    answer = json.loads(openleo("change", "notify", "--ledger", data, "--feed", feeds, "--json")[1])
    assert answer["feeds_written"] == len(list(feeds.iterdir())) > 200
    assert "TWN.atom" in {one.name for one in feeds.iterdir()}
    root = checked((feeds / "TWN.atom").read_bytes())
    assert len(root.findall("{http://www.w3.org/2005/Atom}entry")) == 2
    again = json.loads(openleo("change", "notify", "--ledger", data, "--feed", feeds, "--json")[1])
    assert again["feeds_written"] == 0
    with House(Folder(data)) as house:
        activate(house, "c-1", START + timedelta(hours=2), lambda _: EFFECT)
    later = json.loads(openleo("change", "notify", "--ledger", data, "--feed", feeds, "--json")[1])
    assert later["feeds_written"] == 2  # all and TWN
    assert not (data / OUTBOX).exists()
    assert all(ET.parse(one) for one in feeds.iterdir())


def test_nobody_to_tell_is_a_fault_of_the_input(data: Path) -> None:
    code, _, err = openleo("change", "notify", "--ledger", data)
    assert code == 2
    assert "there is nobody to tell" in err
    assert "--feed DIR" in err


def test_with_every_it_goes_on_from_what_it_replayed(
    data: Path, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(data, receivers)
    calls, _ = receivers
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt
        if len(slept) == 1:
            (data / "subscribers.toml").rename(data / "away")
            with House(Folder(data)) as house:
                activate(house, "c-1", START + timedelta(hours=2), lambda _: EFFECT)
        else:
            (data / "away").rename(data / "subscribers.toml")

    monkeypatch.setattr(change_notify.time, "sleep", sleep)
    code, out, err = openleo("change", "notify", "--ledger", data, "--every", "30")
    assert (code, slept) == (0, [30.0, 30.0, 30.0]), err
    assert "there is nobody to tell" in err
    assert "Again in 30 s." in err
    assert [json.loads(body)["type"] for _, body in calls.got] == [
        "change.proposed",
        "change.approved",
        "change.activated",
    ]
    assert out.count("told ") == 6
    assert err.endswith("3 notices of ledger.example/openleo: 2 told, 0 failed, 0 to be tried later.\nStopped.\n")


def test_a_ledger_that_is_not_in_order_tells_nobody(data: Path, receivers: Receivers) -> None:
    subscribe(data, receivers)
    with House(Folder(data)) as house:
        house.ledger.append([entry(START, World.founded().activated("c-9")).to_bytes()], house.signer)
    code, _, err = openleo("change", "notify", "--ledger", data)
    assert code == 3
    assert "entry 7: no change c-9" in err
    assert (receivers[0].got, receivers[1].got) == ([], [])


def test_checking_a_file_names_hosts_and_no_more(
    data: Path, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(data, receivers)
    path = data / "subscribers.toml"
    code, out, err = openleo("change", "subscribers", "check", path)
    assert code == 0, err
    assert out.splitlines()[0] == (
        "twn-hook: regulator:TWN, of TWN, since 2026-03-01T12:00:00+00:00, by webhook to 127.0.0.1"
    )
    assert "hidden" not in out
    assert json.loads(openleo("change", "subscribers", "check", path, "--json")[1])["subscribers"][2]["id"] == "jpn"
    monkeypatch.setenv("HOOK", "wrong")
    code, out, err = openleo("change", "subscribers", "check", path)
    assert (code, out) == (2, "")
    assert "subscriber[0].key: is no key" in err
    assert "wrong" not in err
