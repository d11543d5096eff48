"""Accounts, classes and groups by the command line: below the rate at once, above it by an approved change."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
from office import REQUEST, Office
from world_made import JPN, LINES, OPERATORS, TWN, World, loss, roster

from command_line import openleo
from openleo.governance import artefacts, counting, gate, losses
from openleo.governance.artefacts import Artefacts
from openleo.governance.drafting import freezing, plain_effect
from openleo.governance.entries import Terminal
from openleo.governance.losses import UNKNOWN
from openleo.governance.moves import Move
from openleo.governance.state import Refused

LARGE = {
    "territory": "*",
    "kind": "account",
    "above": {"people_share_ppm": 500_000, "emergency_terminals": None},
    "quorum": "all(3 of operator, 1 of regulator:TWN, 1 of regulator:JPN)",
}
EMERGENCY = {
    "territory": "*",
    "kind": "*",
    "above": {"people_share_ppm": None, "emergency_terminals": 0},
    "quorum": "all(2 of operator, 1 of regulator:JPN)",
}


def commitment(text: str) -> str:
    return "hmac-sha256:" + hashlib.sha256(text.encode()).hexdigest()


def account(text: str) -> str:
    return f"account:{commitment(text)}"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office.founded(tmp_path)


def test_an_act_says_what_an_account_becomes_and_moves_no_group(office: Office) -> None:
    words = ("--actor", "operator-1", "--reason", "x")
    office.change("act", "account.suspended", account("firm"), *words)
    assert office.entries()[-1]["body"]["move"]["new"] == "suspended"
    assert "propose-act" in office.change("act", "group.changed", "group:ships", *words, code=3)


def test_1300_terminals_at_once_take_a_change(office: Office) -> None:
    firm = account("firm")
    alone = ("account.suspended", firm, "suspended", "--in", "TWN/fixed=1300", "--actor", "operator-1", "--reason", "x")
    assert "change has to be approved" in office.change("act", *alone, code=3)
    said = office.propose("propose-act", "cut", "account.suspended", firm, "--in", "TWN/fixed=1300")
    assert said["effect"]["touched"][0]["terminals_lost"] == 1300
    assert said["effect"]["touched"][0]["emergency_terminals_lost"] == 0
    assert "1,300 terminals lose, 0 gain, in TWN" in office.change("show", said["change"])
    office.activate("cut", code=3)
    office.sign("cut")
    office.activate("cut")
    last = office.entries()[-1]
    assert last["type"] == "account.suspended"
    assert (last["body"]["terminals"], last["body"]["territories"]) == (1300, {"TWN": 1300})
    assert office.audit()["active"][firm] == "suspended"

    back = office.propose("propose-act", "back", "account.reinstated", firm, "--in", "TWN/fixed=1300")
    assert back["effect"]["touched"][0]["terminals_gained"] == 1300
    assert back["effect"]["touched"][0]["terminals_lost"] == 0
    office.sign("back")
    office.activate("back")
    undone = office.propose("revert", "undone", back["change"])  # it suspends again, with all its terminals
    assert undone["effect"]["touched"][0]["terminals_lost"] == 1300


def test_several_accounts_go_together(office: Office) -> None:
    said = office.propose(
        "propose-act", "cut", "account.suspended", account("a"), "--also", account("b"), "--in", "TWN=30"
    )
    assert [move["target"] for move in said["proposed"]["moves"]] == [account("a"), account("b")]


def test_terminals_without_people_and_without_a_class_need_the_large_quorums(tmp_path: Path) -> None:
    office = Office.founded(tmp_path, roster(lines=(*LINES, LARGE, EMERGENCY)))
    said = office.propose("propose-act", "cut", "account.suspended", account("a"), "--in", "TWN/fixed=30")
    assert LARGE["quorum"] in said["quorum"]  # no share of people can be told
    assert EMERGENCY["quorum"] not in said["quorum"]
    said = office.propose("propose-act", "more", "account.suspended", account("a"), "--in", "TWN=30")
    assert said["effect"]["touched"][0]["emergency_terminals_lost"] is None
    assert EMERGENCY["quorum"] in said["quorum"]
    said = office.propose("propose-act", "sos", "account.suspended", account("a"), "--in", "TWN/emergency=1")
    assert EMERGENCY["quorum"] in said["quorum"]
    office.sign("sos")
    assert "lacks" in office.change("show", said["change"])
    office.sign("sos", [OPERATORS[2], OPERATORS[3], JPN[0]])
    office.activate("sos")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("account.closed", account("a")), "known are"),
        (("network.changed", "network", "x"), "propose-network"),
        (("account.suspended", account("a"), "active"), "makes an account suspended"),
        (("account.suspended", "account:"), "cannot stand on the ledger"),
        (("account.suspended", "account:a-person"), "is no commitment"),
        (("account.suspended", account("a"), "--also", "account:a-person"), "openleo change commit"),
        (("account.suspended", account("a"), "--in", "TWN"), "is not TERRITORY"),
        (("account.suspended", account("a"), "--in", "TWM=3"), "there is no territory"),
        (("account.suspended", account("a"), "--in", "TWN=-3"), "is not TERRITORY"),
        (("class.changed", f"class:{commitment('a')}", "fixed"), "--in"),
        (("group.changed", "group:ministries", "--in", "TWN=0"), "is needed"),
    ],
)
def test_bad_input_is_refused_with_its_place(office: Office, words: tuple[str, ...], why: str) -> None:
    assert why in office.change("propose-act", *words, *REQUEST, "--out", office.path / "x", code=2)
    assert len(office.entries(0)) == 1


def test_who_acted_is_named_and_said_not_to_be_proved(office: Office) -> None:
    words = ("account.suspended", account("firm"), "--actor", "nobody-at-all", "--reason", "unpaid", "--in", "TWN=3")
    said = json.loads(office.change("act", *words, "--json"))
    assert (said["actor"], said["actor_is"]) == ("nobody-at-all", "named")
    _, _, err = openleo("change", "act", "account.reinstated", *words[1:6], "--ledger", office.ledger)
    assert "by nobody-at-all: actor named, not proved" in err
    office.change("act", *words)
    _, out, _ = openleo("change", "audit", office.ledger)
    (line,) = [line for line in out.splitlines() if account("firm") in line]
    assert line.endswith("suspended (by a single act; its actor named, not proved)")
    assert [line for line in out.splitlines() if "roster" in line and "single act" in line] == []


def test_a_single_act_voids_the_open_change_of_an_account(office: Office) -> None:
    """As the threat model says: whoever may act can do so again and again, publicly."""
    said = office.propose("propose-act", "cut", "account.suspended", account("firm"), "--in", "TWN/fixed=30")
    office.sign("cut")
    office.change("act", "account.suspended", account("firm"), "--actor", "x", "--reason", "y", "--in", "TWN=1")
    shown = json.loads(office.change("show", said["change"], "--json"))
    assert (shown["status"], shown["missing"]) == ("void", ["" for _ in shown["missing"]])


# --- groups ---------------------------------------------------------------------------------------------------------


def test_a_list_is_its_owners_alone_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opens a file before its mode is set goes on reading it afterwards."""
    kept, modes, whole = Artefacts(tmp_path), [], os.fsync

    def look(file: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(file).st_mode))
        whole(file)

    monkeypatch.setattr(artefacts.os, "fsync", look)
    old = os.umask(0)
    try:
        sha256 = kept.put(b"[]", private=True)
        assert modes[0] == 0o600
        assert kept.path(kept.put(b"{}")).stat().st_mode & 0o777 == 0o666  # what is public is as others are
        kept.path(sha256).chmod(0o644)  # as an earlier version left it, between writing and that
        assert kept.put(b"[]", private=True) == sha256
    finally:
        os.umask(old)
    assert kept.path(sha256).stat().st_mode & 0o777 == 0o600
    assert kept.get(sha256) == b"[]"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([sha256, hashlib.sha256(b"{}").hexdigest()])


def test_a_group_is_the_hash_of_its_list_which_auditors_open(office: Office) -> None:
    members = sorted(commitment(name) for name in "abc")
    listed = office.path / "members.txt"
    listed.write_text("\n".join([*reversed(members), members[0], ""]))
    words = ("group.changed", "group:Ministries", "--list", listed, "--in", "TWN/fixed=3")
    said = office.propose("propose-act", "group", *words)
    canonical = json.dumps(members, separators=(",", ":")).encode()
    sha256 = hashlib.sha256(canonical).hexdigest()
    assert said["proposed"]["moves"][0]["new"] == sha256
    kept = office.ledger / "artefacts" / sha256
    assert kept.read_bytes() == canonical
    assert kept.stat().st_mode & 0o077 == 0
    office.sign("group")
    office.activate("group")
    assert office.audit()["active"]["group:ministries"] == sha256
    kept.write_bytes(canonical.replace(b"a", b"b", 1))
    assert "altered" in office.audit(code=3)["why"]


def test_a_list_holds_commitments_alone(office: Office) -> None:
    listed = office.path / "members.txt"
    listed.write_text(f"{commitment('a')}\nMinistry of Roads\n")
    words = ("group.changed", "group:g", "--list", listed, "--in", "TWN=1", *REQUEST, "--out", office.path / "x")
    assert "line 2" in office.change("propose-act", *words, code=2)


# --- what was enrolled counts ---------------------------------------------------------------------------------------


def enrol(world: World, number: int, account_: str, class_: str = "fixed", territory: str = "TWN") -> None:
    said = {"terminal": commitment(f"{account_}-{class_}-{number}"), "account": commitment(account_)}
    world.append(Terminal(**said, territory=territory, **{"class": class_}), "terminal.enrolled")


def test_an_effect_counts_what_is_enrolled_where_that_is_more() -> None:
    world = World.founded()
    for number in range(5):
        enrol(world, number, "firm")
    enrol(world, 0, "firm", "emergency")
    moves = [Move(target=account("firm"), base="active", new="suspended")]

    def counted(**said: int) -> dict[tuple[str, str], int]:
        from collections import Counter

        found = counting.rows(
            world.state, moves, Counter({("TWN", class_.replace("any", UNKNOWN)): n for class_, n in said.items()})
        )
        return {(row["territory"], row["class"]): row["lost"]["terminals"] for row in found}

    assert counted() == {("TWN", "fixed"): 5, ("TWN", "emergency"): 1}
    assert counted(fixed=9) == {("TWN", "fixed"): 9, ("TWN", "emergency"): 1}
    assert counted(fixed=1, any=2) == {("TWN", UNKNOWN): 2, ("TWN", "fixed"): 3, ("TWN", "emergency"): 1}
    assert counted(any=100) == {("TWN", UNKNOWN): 100, ("TWN", "emergency"): 1}


def test_an_effect_that_understates_what_is_enrolled_is_refused() -> None:
    world = World.founded()
    for number in range(50):
        enrol(world, number, "firm")
    move = Move(target=account("firm"), base="active", new="suspended")
    world.append(world.proposal("c-1", move, kind="account"))
    assert "50 terminals of TWN are enrolled" in world.why(world.effect("c-1"))
    few = loss("TWN", 0, 0).model_copy(update={"terminals_lost": 49})
    assert "its effect says 49" in world.why(world.effect("c-1", few))
    effect = plain_effect(world.state, [move], counting.rows(world.state, [move], counting.Counter()))
    world.append(freezing("c-1", effect))
    world.approve("c-1", OPERATORS[1], TWN[0])
    assert not world.why(world.activated())
    enrol(world, 50, "firm")  # 2 % more than was signed
    assert "51 terminals of TWN are enrolled" in world.why(world.activated())


def test_few_terminals_are_compared_as_the_ledger_shows_them() -> None:
    world = World.founded()
    for number in range(3):
        enrol(world, number, "firm")
    move = Move(target=account("firm"), base="active", new="suspended")
    world.append(world.proposal("c-1", move, kind="account"))
    effect = plain_effect(world.state, [move], counting.rows(world.state, [move], counting.Counter()))
    frozen = freezing("c-1", effect)
    assert frozen.touched[0].terminals_lost == 9
    world.append(frozen)
    world.approve("c-1", OPERATORS[1], TWN[0])
    for number in range(3, 9):
        assert not world.why(world.activated())
        enrol(world, number, "firm")
    signed, again = effect, counting.again(world.state, world.state.changes["c-1"], effect)
    assert "9 terminals lost, 3 signed" in losses.loses_more(signed, again, 0)[0]  # by the bytes, it is more
    assert not world.why(world.activated())
    enrol(world, 9, "firm")
    assert "10 terminals of TWN are enrolled" in world.why(world.activated())


def test_terminals_enrolled_after_an_effect_that_counted_none_are_counted() -> None:
    world = World.founded()
    move = Move(target=account("firm"), base="active", new="suspended")
    world.append(world.proposal("c-1", move, kind="account"))
    signed = plain_effect(world.state, [move])
    world.append(freezing("c-1", signed))
    enrol(world, 0, "firm")
    again = counting.again(world.state, world.state.changes["c-1"], signed)
    assert losses.touched(again)[0].terminals_lost == 9
    with pytest.raises(Refused, match="without the terminals"):
        gate.check_again(signed, again, 0)


def test_emergency_terminals_are_not_hidden_among_others() -> None:
    world = World.founded()
    enrol(world, 0, "firm", "emergency")
    move = Move(target=account("firm"), base="active", new="suspended")
    world.append(world.proposal("c-1", move, kind="account"))
    one = loss("TWN", 0, 0).model_copy(update={"terminals_lost": 9})  # 1 to 9 stand as 9
    assert "<10 emergency terminals of TWN are enrolled to its accounts; its effect says 0" in world.why(
        world.effect("c-1", one)
    )


def test_terminals_given_to_a_suspended_account_are_acts() -> None:
    world = World.founded()
    for number in range(30):
        enrol(world, number, f"a{number}", territory="JPN")
    world.append(world.act(account("trap"), "suspended", 0), "account.suspended")
    whys = []
    for number in range(30):
        said = {"terminal": commitment(f"a{number}-fixed-{number}"), "account": commitment("trap")}
        body = Terminal(**said, territory="JPN", **{"class": "fixed"})
        whys.append(world.why(body, "terminal.transferred"))
        if not whys[-1]:
            world.append(body, "terminal.transferred")
    assert "change has to be approved" in whys[-1]
    assert world.replayed().of_account[commitment("trap")]["JPN"] == whys.count("")
    assert whys.count("") == 1  # 1 % of 30 terminals is less than one; one always passes
