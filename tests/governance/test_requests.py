"""Who asks is proved: signed requests, and every way we know to ask in another's name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from office import REQUEST, Office
from people_made import Person
from ssh_made import keygen_accepts
from test_cli_acts import account
from test_life import change_roster, roster_proposal, status
from world_made import BOOK, EVERYBODY, JPN, LINES, OPERATORS, RECOVERY, TWN, A, B, C, World, roster

from command_line import openleo
from openleo.errors import InputError
from openleo.governance import to_sign
from openleo.governance.entries import Entry, EntryRefused, KeyRevoked, Proposed, Sponsor, from_bytes
from openleo.governance.feed import feeds, source_of
from openleo.governance.moves import Move
from openleo.governance.notices import Kind
from openleo.governance.noticing import notices
from openleo.governance.replay import audit
from openleo.governance.requests import standing
from openleo.governance.roster_file import roster_of
from openleo.governance.state import Status

REQUESTS = "openleo-request@v1"
MINISTRY = "ministry-1"  # of no officer
PROPOSED_BEFORE = "cd89e3f2412c12682924eea422a7353b27671ab69935ac6639f3fa58c75c765f"
ROSTER_BEFORE = "e75a7e55f8a8ca20a5da33e22c02883eb54c24993e71c6d2ec9879f6ad1be73b"
STATEMENT_BEFORE = "bd6301a62175855d164f74ff67dcf4f6b81d9c18dba0addcf547f8ff0fc03efa"


@pytest.fixture
def named() -> World:
    return World.founded()


@pytest.fixture
def world() -> World:
    """Where requests are signed."""
    return World.founded(roster(requests="signed"))


def asked(
    world: World,
    by: Person,
    id_: str = "c-1",
    *moves: Move,
    key: Person | None = None,
    namespace: str = REQUESTS,
    **more: Any,
) -> Proposed:
    """A proposal with the signature of `by`, who is its requester unless another is said; `key`: a forger's."""
    body = world.proposal(id_, *moves, **({"requester": by.id} | more))
    unsigned = Sponsor(officer=by.id, effect=C, network=B, signature="")
    body = body.model_copy(update={"sponsor": unsigned})
    message = to_sign.request(world.state.origin, world.state.people.sha256, body)
    signed = unsigned.model_copy(update={"signature": (key or by).sign(message, namespace)})
    return body.model_copy(update={"sponsor": signed})


def ask(world: World, by: Person, id_: str = "c-1", *moves: Move, **more: Any) -> None:
    world.append(asked(world, by, id_, *moves, **more))
    world.append(world.effect(id_))


def revoke(world: World, who: Person, key: Person | None = None) -> None:
    key = key or who
    message = to_sign.revocation(world.state.origin, who.id, key.fingerprint, "stolen")
    signature = key.sign(message)
    world.append(KeyRevoked(change=None, officer=who.id, key=key.fingerprint, reason="stolen", signature=signature))


# --- what it is for -------------------------------------------------------------------------------------------------


def test_nobody_proposes_in_another_s_name_and_then_approves(world: World) -> None:
    """operator-2 asks as operator-1, or as a ministry, so as to count among the approvals."""
    for requester in ("operator-1", MINISTRY):
        unsigned = world.proposal("c-1", requester=requester)
        assert "signed requests" in world.why(unsigned)
        forged = Entry("change.proposed", world.now, unsigned).to_bytes()
        state, findings = audit([*world.entries, forged])
        assert [one.entry for one in findings] == [1]
        assert not state.changes
    assert "signs their own requests" in world.why(asked(world, OPERATORS[1], requester="operator-1"))
    assert "no key of operator-1" in world.why(asked(world, OPERATORS[0], key=OPERATORS[1]))
    ask(world, OPERATORS[1])
    assert "does not count" in world.why(world.approval("c-1", OPERATORS[1]))


def test_a_sponsor_does_not_count(world: World) -> None:
    ask(world, OPERATORS[1], requester=MINISTRY)
    assert "signed the request" in world.why(world.approval("c-1", OPERATORS[1]))
    world.approve("c-1", JPN[0])
    assert status(world) is Status.APPROVING
    world.approve("c-1", OPERATORS[2])
    assert status(world) is Status.READY
    world.activate()
    assert world.replayed().active(world.now)[BOOK] == A


def test_a_sponsor_does_not_count_through_a_second_key() -> None:
    second = Person("operator-2", "operator", ("break-glass",), key=2)
    world = World.founded(roster([*EVERYBODY, second], requests="signed"))
    ask(world, OPERATORS[1], requester=MINISTRY)
    assert "does not count" in world.why(world.approval("c-1", second))


@pytest.mark.parametrize("sponsored", [False, True])
def test_the_request_of_one_change_is_not_the_request_of_another(world: World, sponsored: bool) -> None:
    """Whatever is altered, the signature does not hold; nor on another ledger, nor under another roster."""
    good = asked(world, OPERATORS[1], requester=MINISTRY if sponsored else "operator-2")
    assert not world.why(good)
    other = Move(target=BOOK, base=None, new=B)
    altered: list[dict[str, Any]] = [
        {"change": "c-2"},
        {"moves": (other,)},
        {"moves": (*good.moves, Move(target="book:more", base=None, new=A))},
        {"on_behalf_of": "regulator:TWN"},
        {"reason": "another"},
        {"legal_reference": "another"},
        {"expires": good.window.until},
        {"window": good.window.model_copy(update={"until": good.expires})},
        {"nonce": "0" * 32},
        {"requester": "somebody"} if sponsored else {"reason": "x"},
    ]
    for update in altered:
        assert "other bytes" in world.why(good.model_copy(update=update)), update
    assert good.sponsor is not None
    for update in ({"effect": A}, {"network": A}):
        assert "other bytes" in world.why(
            good.model_copy(update={"sponsor": good.sponsor.model_copy(update=update)})
        ), update
    world.state.origin = "elsewhere.example"
    assert "other bytes" in world.why(good)
    elsewhere = World.founded(roster(lines=LINES[:2], requests="signed"))
    assert "other bytes" in elsewhere.why(good)


def test_a_request_that_was_logged_is_not_proposed_again(world: World) -> None:
    good = asked(world, OPERATORS[1])
    world.append(good)
    assert "proposed before" in world.why(good)


def test_an_approval_is_not_a_request_and_a_request_is_no_approval(world: World) -> None:
    assert "sign with -n openleo-request@v1" in world.why(asked(world, OPERATORS[1], namespace="openleo-approval@v1"))
    ask(world, OPERATORS[1])
    approval = world.approval("c-1", OPERATORS[2])
    from openleo.governance.state import statement

    message = statement(world.state, world.state.changes["c-1"], "approve")
    wrong = approval.model_copy(update={"signature": OPERATORS[2].sign(message, REQUESTS)})
    assert "sign with -n openleo-approval@v1" in world.why(wrong)


def test_the_effect_is_the_one_that_the_request_was_signed_with(world: World) -> None:
    world.append(asked(world, OPERATORS[1]))
    assert "another effect" in world.why(world.effect("c-1", sha256=A))
    assert "another effect" in world.why(world.effect("c-1").model_copy(update={"network": A}))
    assert not world.why(world.effect("c-1"))


def test_officers_sign_who_signed_the_request(world: World) -> None:
    """An approval names the sponsor: it is none for the same change asked for by another."""
    ask(world, OPERATORS[1], requester=MINISTRY)
    change = world.state.changes["c-1"]
    from openleo.governance.state import statement

    assert json.loads(statement(world.state, change, "approve"))["sponsor"] == "operator-2"


# --- keys and rosters -----------------------------------------------------------------------------------------------


def test_a_removed_officer_requests_nothing(world: World) -> None:
    without = roster([one for one in EVERYBODY if one.id != "operator-4"], LINES[:2], requests="signed")
    proposal = asked(
        world, OPERATORS[0], "r-1", *roster_proposal(world, without, "r-1").moves,
        kind="roster", documents={without.sha256: without.document},
    )  # fmt: skip
    early = asked(world, OPERATORS[3], "c-1")
    world.append(proposal)
    world.append(world.effect("r-1"))
    world.approve("r-1", *OPERATORS[1:], TWN[0])
    world.activate("r-1")
    assert "no officer" in world.why(early)
    assert "no officer" in world.why(asked(world, OPERATORS[3], "c-1", requester=MINISTRY))
    # An id that is no officer's any more is as anybody's outside: somebody has to answer for it.
    assert "signed requests" in world.why(world.proposal("c-1", requester="operator-4"))


def test_a_revoked_key_requests_nothing_and_what_it_requested_is_void() -> None:
    second = Person("operator-2", "operator", ("break-glass",), key=2)
    world = World.founded(roster([*EVERYBODY, second], requests="signed"))
    ask(world, OPERATORS[1], "c-1")
    ask(world, second, "c-2", Move(target="book:other", base=None, new=A))
    for id_ in ("c-1", "c-2"):
        world.approve(id_, OPERATORS[2], JPN[0])
        assert status(world, id_) is Status.READY
    revoke(world, OPERATORS[1])
    assert (status(world, "c-1"), status(world, "c-2")) == (Status.VOID, Status.READY)
    assert "that signed its request was revoked" in world.why(world.activated("c-1"))
    assert "is revoked" in world.why(asked(world, OPERATORS[1], "c-3"))
    assert not world.why(asked(world, second, "c-3"))
    assert world.replayed().changes["c-1"].ended == world.state.changes["c-1"].ended
    told = [one for one in notices(world.entries, world.now) if one.kind is Kind.VOID]
    assert [one.subject for one in told] == ["c-1"]
    assert "requester proved: operator-2 signed the request" in told[0].text


def test_a_house_goes_over_to_signed_requests_and_nothing_that_was_only_named_comes_along(named: World) -> None:
    named.propose("c-1")
    named.approve("c-1", OPERATORS[1], TWN[0])
    change_roster(named, roster(requests="signed"), "r-1", OPERATORS[1], TWN[0])
    assert status(named, "c-1") is Status.VOID
    assert "signed requests" in named.why(named.proposal("c-2"))
    assert not named.why(asked(named, OPERATORS[0], "c-2"))
    assert named.replayed().people.settings.requests == "signed"


def test_recovery_needs_no_officer_where_requests_are_signed(world: World) -> None:
    new = roster(lines=LINES[:2], requests="signed")
    world.append(roster_proposal(world, new, "r-1", kind="recovery", requester="vault"))
    world.append(world.effect("r-1"))
    holders = {key.fingerprint: f"recovery-{n}" for n, key in enumerate(world.state.people.recovery.keys, start=1)}
    for one in RECOVERY[:2]:
        world.append(world.approval("r-1", one).model_copy(update={"officer": holders[one.fingerprint]}))
    assert status(world, "r-1") is Status.SCHEDULED
    body = roster_proposal(world, new, "r-2", kind="recovery", requester="vault")
    signed = asked(world, OPERATORS[0], "r-2", *body.moves, kind="recovery", documents=body.documents)
    assert "no sponsor" in world.why(signed)


# --- houses from before ---------------------------------------------------------------------------------------------


def test_a_requester_who_is_named_is_said_to_be(named: World) -> None:
    named.propose()
    assert standing(named.state.changes["c-1"].proposed) == "named"
    ask(named, OPERATORS[1], "c-2", Move(target="book:other", base=None, new=A))  # anybody may sign who wants to
    ask(named, OPERATORS[1], "c-3", Move(target="book:third", base=None, new=A), requester=MINISTRY)
    (first, *_) = notices(named.entries, named.now)
    assert "requester named, not proved" in first.text
    (file, feed), *_ = feeds(source_of(from_bytes(named.entries[0])), [first])
    assert file == "all.atom"
    assert b"requester named, not proved" in feed
    found = {id_: standing(one.proposed) for id_, one in named.replayed().changes.items()}
    assert found == {"c-1": "named", "c-2": "proved", "c-3": "sponsored"}
    assert "does not count" in named.why(named.approval("c-3", OPERATORS[1]))
    forged = asked(named, OPERATORS[1], "c-4")
    assert "other bytes" in named.why(forged.model_copy(update={"reason": "x"}))


def test_entries_and_rosters_from_before_signed_requests_keep_their_bytes(named: World) -> None:
    """As 2026-11-21 wrote them: the hashes are of entries that the version before made."""
    named.propose()
    body = json.loads(named.entries[1])["body"]
    assert "sponsor" not in body
    assert "requests" not in roster().document["settings"]
    assert hashlib.sha256(named.entries[1]).hexdigest() == PROPOSED_BEFORE
    assert roster().sha256 == ROSTER_BEFORE
    message = named.approval("c-1", OPERATORS[1]).statement
    assert message == STATEMENT_BEFORE
    with pytest.raises(EntryRefused, match="canonical"):  # one form: none is left out, and not null
        from_bytes(rfc8785.dumps(json.loads(named.entries[1]) | {"body": body | {"sponsor": None}}))
    document = roster().document
    spelt = document | {"settings": document["settings"] | {"requests": "named"}}
    with pytest.raises(InputError, match="one form"):
        roster_of(spelt)


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office.founded(tmp_path, roster(requests="signed"))


def drafted(office: Office, name: str, verb: str, *words: object, of: str = "change", request: Any = REQUEST) -> Any:
    """What a proposing verb answers, where it writes a draft and logs nothing."""
    before = len(office.entries(0))
    said = json.loads(office.change(verb, *words, *request, "--out", office.path / name, "--json", of=of))
    assert len(office.entries(0)) == before
    assert said["status"] == "draft"
    assert sorted(path.name for path in (office.path / name).iterdir()) == [
        "draft.json",
        "effect.json",
        "to-request.json",
    ]
    return said


def hand_in(office: Office, name: str, by: Person, code: int = 0, namespace: str = REQUESTS) -> str:
    folder = office.path / name
    signature = office.path / f"{name}.sig"
    signature.write_text(by.sign((folder / "to-request.json").read_bytes(), namespace))
    return office.change("submit", folder, "--signature", signature, "--json", code=code)


SUSPEND = ("account.suspended", account("firm"), "--in", "TWN/fixed=30")


def test_a_request_is_signed_and_handed_in_and_the_change_goes_its_way(office: Office, tmp_path: Path) -> None:
    said = drafted(office, "cut", "propose-act", *SUSPEND)
    assert said["sponsor"] == "operator-1"
    assert said["sign"] == f"ssh-keygen -Y sign -n openleo-request@v1 -f KEY {office.path}/cut/to-request.json"
    signature = office.path / "x.sig"
    signature.write_text("x")
    for verb in ("approve", "reject"):
        why = office.change(verb, office.path / "cut", "--officer", "operator-2", "--signature", signature, code=3)
        assert "is a draft" in why
        assert "openleo change submit" in why
    assert "is a draft" in office.change("show", office.path / "cut", code=3)
    assert "no key of operator-1" in hand_in(office, "cut", OPERATORS[1], code=3)
    assert "sign with -n openleo-request@v1" in hand_in(office, "cut", OPERATORS[0], 3, "openleo-approval@v1")
    answer = json.loads(hand_in(office, "cut", OPERATORS[0]))
    assert (answer["status"], answer["requester_is"], answer["sponsor"]) == ("approving", "proved", "operator-1")
    assert not (office.path / "cut" / "draft.json").exists()
    assert openleo("change", "verify", office.path / "cut")[0] == 0
    message = (office.path / "cut" / "to-request.json").read_bytes()
    kept = json.loads((office.path / "cut" / "request.json").read_bytes())["proposed"]["sponsor"]["signature"]
    assert keygen_accepts(tmp_path, message, kept, OPERATORS[0].line, REQUESTS)  # and by OpenSSH
    assert "requester proved: operator-1 signed the request" in office.change("show", answer["change"])
    office.sign("cut", (OPERATORS[1], TWN[0]))
    office.activate("cut")
    assert office.audit()["requesters"] == {"proved": 1, "sponsored": 0, "named": 0}


def test_a_folder_whose_request_was_altered_does_not_verify(office: Office) -> None:
    drafted(office, "cut", "propose-act", *SUSPEND)
    hand_in(office, "cut", OPERATORS[0])
    folder = office.path / "cut"
    request, asked_for = folder / "request.json", folder / "to-request.json"
    whole, bytes_asked = request.read_bytes(), asked_for.read_bytes()
    asked_for.write_bytes(bytes_asked.replace(b"an example", b"no example"))
    assert "does not say what" in _verify(folder)
    asked_for.write_bytes(bytes_asked)
    said = json.loads(whole)
    said["proposed"]["sponsor"]["signature"] = OPERATORS[0].sign(bytes_asked)
    request.write_text(json.dumps(said))
    assert "under the request is for" in _verify(folder)


def _verify(folder: Path) -> str:
    code, _, err = openleo("change", "verify", folder)
    assert code == 3
    return err


def test_a_draft_is_handed_in_once_and_its_folder_mended_after_a_crash(office: Office) -> None:
    drafted(office, "cut", "propose-act", *SUSPEND)
    draft = (office.path / "cut" / "draft.json").read_bytes()
    hand_in(office, "cut", OPERATORS[0])
    size = len(office.entries(0))
    assert "cannot be read" in hand_in(office, "cut", OPERATORS[0], code=3)
    (office.path / "cut" / "draft.json").write_bytes(draft)  # as if the power had failed after the ledger had it
    (office.path / "cut" / "to-sign.json").unlink()
    hand_in(office, "cut", OPERATORS[0])
    assert (office.path / "cut" / "to-sign.json").exists()
    assert len(office.entries(0)) == size


def test_a_draft_that_was_altered_or_whose_ground_moved_is_not_taken(office: Office) -> None:
    drafted(office, "cut", "propose-act", *SUSPEND)
    path = office.path / "cut" / "draft.json"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"an example", b"no example"))
    assert "other bytes" in hand_in(office, "cut", OPERATORS[0], code=3)
    path.write_bytes(b"{}")
    assert "not the draft" in hand_in(office, "cut", OPERATORS[0], code=3)
    path.write_bytes(whole)
    effect = office.path / "cut" / "effect.json"
    read = json.loads(effect.read_bytes())
    read["territories"][0]["lost"]["terminals"] = 3
    kept = effect.read_bytes()
    effect.write_text(json.dumps(read))
    assert "not the effect" in hand_in(office, "cut", OPERATORS[0], code=3)
    effect.write_bytes(kept)
    act = ("account.suspended", account("firm"), "suspended", "--actor", "operator-3", "--reason", "x", "--in", "TWN=1")
    office.change("act", *act)
    assert "its base" in hand_in(office, "cut", OPERATORS[0], code=3)


def test_somebody_outside_the_roster_has_a_sponsor(office: Office) -> None:
    ministry = ("--requester", MINISTRY, *REQUEST[2:])
    why = office.change("propose-act", *SUSPEND, *ministry, "--out", office.path / "x", code=3)
    assert "--sponsor" in why
    assert not (office.path / "x").exists()
    wrong = (*REQUEST, "--sponsor", "operator-2", "--out", office.path / "x")
    assert "signs their own requests" in office.change("propose-act", *SUSPEND, *wrong, code=3)
    wrong = (*ministry, "--sponsor", "nobody", "--out", office.path / "x")
    assert "nobody is no officer" in office.change("propose-act", *SUSPEND, *wrong, code=3)
    drafted(office, "cut", "propose-act", *SUSPEND, "--sponsor", "operator-2", request=ministry)
    answer = json.loads(hand_in(office, "cut", OPERATORS[1]))
    assert answer["requester_is"] == "sponsored"
    assert f"signed by operator-2, who answers for {MINISTRY}" in office.change("show", answer["change"])
    signature = office.path / "own.sig"
    signature.write_text(OPERATORS[1].sign((office.path / "cut" / "to-sign.json").read_bytes()))
    approve = ("approve", office.path / "cut", "--officer", "operator-2", "--signature", signature)
    assert "signed the request" in office.change(*approve, code=3)


def test_rosters_log_keys_and_reverts_are_drafted_too(office: Office) -> None:
    new = office.path / "roster.json"
    new.write_text(json.dumps(roster(lines=LINES[:2], requests="signed").document))
    drafted(office, "r", "propose", new, of="officer")
    words = (*REQUEST, "--out", office.path / "key", "--json")
    before = len(office.entries(0))
    said = json.loads(office.change("propose-log-key", *words, of="officer"))
    assert (said["status"], len(office.entries(0))) == ("draft", before)
    hand_in(office, "key", OPERATORS[0])
    office.sign("key")
    office.activate("key")  # its private key waited for it
    drafted(office, "cut", "propose-act", *SUSPEND)
    cut = json.loads(hand_in(office, "cut", OPERATORS[0]))["change"]
    office.sign("cut")
    office.activate("cut")
    drafted(office, "back", "revert", cut)
    hand_in(office, "back", OPERATORS[0])
    hand_in(office, "r", OPERATORS[0])
    office.sign("r", (*OPERATORS[1:], TWN[0]))
    office.activate("r")
    assert office.audit()["ok"]


def test_where_requesters_are_named_the_contract_holds_and_it_is_said(tmp_path: Path) -> None:
    office = Office.founded(tmp_path)
    said = office.propose("propose-act", "cut", *SUSPEND)
    assert (said["status"], said["requester_is"], said["sponsor"]) == ("approving", "named", None)
    assert "named, not proved" in office.change("show", said["change"])
    office.sign("cut")
    office.activate("cut")
    assert office.audit()["requesters"]["named"] == 1
    assert "named, not proved" in office.change("list", of="officer")
    drafted(
        office,
        "more",
        "propose-act",
        "account.reinstated",
        account("firm"),
        "--in",
        "TWN/fixed=30",
        "--sponsor",
        "operator-1",
    )
    assert json.loads(hand_in(office, "more", OPERATORS[0]))["requester_is"] == "proved"
