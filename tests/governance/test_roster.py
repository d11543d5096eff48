"""Rosters: read whole, with every problem; one document to the byte; the lines that a change has to satisfy."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ssh_made import TOKEN, Key, keygen

from ledgers import witness_key
from openleo.errors import InputError
from openleo.governance.keys import PublicKey
from openleo.governance.roster import ANY, KINDS, Above, Loss, Roster, Settings, all_satisfied, lines_for
from openleo.governance.roster_file import read_roster, roster_of
from openleo.places.territories import territories

LINES = [Key(n).line for n in range(30)]

TEXT = f"""
schema = 1
witnesses = '''
witness w1 {witness_key(1).verifier} https://w1.example
witness w2 {witness_key(2).verifier}
group any-one any w1 w2
quorum any-one
'''

[[party]]
id = "regulator:TWN"
name = "A regulator"
[[party]]
id = "operator"

[[officer]]
id = "op-2"
party = "operator"
roles = ["ops", "legal"]
keys = ["{LINES[2]} somebody@somewhere", "{LINES[1]}"]
[[officer]]
id = "op-1"
party = "operator"
keys = ["{LINES[3]}"]
[[officer]]
id = "op-3"
party = "operator"
keys = ["{Key(4, TOKEN).line}"]
[[officer]]
id = "twn-1"
party = "regulator:TWN"
keys = ["{LINES[5]}"]
[[officer]]
id = "twn-2"
party = "regulator:TWN"
keys = ["{LINES[6]}"]

[[quorum]]
quorum = "all( 1 of operator,1 of regulator:TWN )"
[[quorum]]
territory = "twn"
kind = "rules"
above = {{people_share_ppm = 10000}}
quorum = "all(2 of operator, 1 of regulator:TWN)"
[[quorum]]
above = {{emergency_terminals = 0}}
quorum = "any(all(2 of operator, 1 of regulator:TWN), all(1 of operator, 1 of regulator:TWN))"

[settings]
notice_hours = {{TWN = 48, "*" = 1}}
[settings.single_acts]
terminals = 5

[recovery]
threshold = 2
keys = ["{LINES[20]}", "{LINES[21]}", "{LINES[22]}"]
"""


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "roster.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def roster(path) -> Roster:
    return read_roster(path)


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "r.toml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        read_roster(path)
    return [str(problem).removeprefix(f"{path}: ") for problem in refused.value.problems]


# --- the value ------------------------------------------------------------------------------------------------------


def test_a_roster_is_read_in_one_order(roster):
    assert [party.id for party in roster.parties] == ["operator", "regulator:TWN"]
    assert [officer.id for officer in roster.officers] == ["op-1", "op-2", "op-3", "twn-1", "twn-2"]
    second = roster.officer("op-2")
    assert second.roles == ("legal", "ops")
    assert [key.line for key in second.keys] == sorted(LINES[1:3])
    assert roster.holder(PublicKey.of_line(LINES[2])) == second
    assert roster.holder(PublicKey.of_line(LINES[20])) is None
    assert roster.officer("nobody") is None
    assert {line.territory for line in roster.lines} == {"*", "TWN"}
    assert roster.settings.single_acts.terminals == 5
    assert roster.settings.single_acts.share_ppm == 10_000
    assert "somebody" not in json.dumps(roster.document)


def test_the_order_of_the_file_has_no_meaning(roster, path):
    data = copy.deepcopy(roster.document)
    for key in ("party", "officer", "quorum"):
        data[key].reverse()
    data["officer"][0]["keys"].reverse()
    data["recovery"]["keys"].reverse()
    other = path.with_name("other.JSON")
    other.write_text(json.dumps(data, indent=2))
    again = read_roster(other)
    assert again == roster
    assert again.sha256 == roster.sha256
    with pytest.raises(InputError, match="not in its one form"):
        roster_of(data)


def test_the_document_reads_back_to_the_byte(roster):
    again = roster_of(json.loads(roster.canonical))
    assert again == roster
    assert again.canonical == roster.canonical
    assert roster.sha256 == hashlib.sha256(roster.canonical).hexdigest()


def test_canonical_bytes_against_another_writer(roster):
    """RFC 8785 of ASCII keys, integers and printable text is JSON with sorted keys and no blanks."""
    text = json.dumps(roster.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert roster.canonical == text.encode()

    def numbers(value):
        if isinstance(value, dict | list):
            return [n for inner in (value.values() if isinstance(value, dict) else value) for n in numbers(inner)]
        return [value] if isinstance(value, int | float) else []

    assert numbers(roster.document)
    assert all(type(number) is int for number in numbers(roster.document))


@pytest.mark.parametrize(
    "alter",
    [
        lambda d: d["settings"].pop("tolerance_ppm"),
        lambda d: d["quorum"][0].update(quorum=d["quorum"][0]["quorum"].replace(", ", ",")),
        lambda d: d["officer"][0].update(keys=[d["officer"][0]["keys"][0] + " comment"]),
        lambda d: d["officer"].reverse(),
        lambda d: d["officer"][1]["roles"].reverse(),
    ],
)
def test_another_text_of_the_same_roster_is_no_document(roster, alter):
    document = json.loads(roster.canonical)
    alter(document)
    with pytest.raises(InputError, match="not in its one form"):
        roster_of(document)


@pytest.mark.parametrize("name", ["XQZ", "twn", "Kinmen Islands"])
def test_a_document_may_name_a_territory_of_another_version(roster, name, monkeypatch):
    """It stays as it is written, and its lines hold for the same places, whatever a version knows or calls so."""
    document = json.loads(roster.canonical)
    line = next(line for line in document["quorum"] if line["territory"] == "TWN")
    line["territory"] = name
    document["quorum"].sort(key=lambda line: json.dumps(line, sort_keys=True, separators=(",", ":")))
    document["settings"]["notice_hours"] = {name: 9}

    def read() -> list[object]:
        again = roster_of(document)
        assert {line.territory for line in again.lines} == {"*", name}
        asked = [loss(place, lost=10_001) for place in (name, f"{name}.sea12", f"{name}.sea200", "TWN")]
        lines = [told(lines_for(again, "rules", [one])) for one in asked]
        return [again.sha256, lines, [again.settings.notice_hours_of([one.territory]) for one in asked]]

    before = read()
    assert before[2] == [9, 9, 0, 0]
    assert [len(lines) for lines in before[1]] == [2, 2, 1, 1]
    whole = territories()
    later = {**whole, name: replace(whole["LUX"], id=name)}
    for known in ({}, later):
        monkeypatch.setattr("openleo.places.territories.territories", lambda known=known: known)
        assert read() == before
    monkeypatch.setattr("openleo.governance.roster_file.territory_id", lambda word: "TWN")
    assert read() == before


def test_reading_takes_keys_that_ssh_keygen_made(tmp_path, path):
    assert keygen("-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "k").returncode == 0
    line = (tmp_path / "k.pub").read_text().strip()
    path.write_text(TEXT.replace(LINES[3], line))
    assert read_roster(path).holder(PublicKey.of_line(line)).id == "op-1"


# --- what is refused ------------------------------------------------------------------------------------------------

REFUSED = {
    "an officer of no party": (
        [('id = "op-1"\nparty = "operator"', 'id = "op-1"\nparty = "operatr"')],
        'officer "op-1": is of the party "operatr", which is not in the file. Did you mean operator?',
    ),
    "an officer twice": ([('id = "op-2"', 'id = "op-1"')], 'officer "op-1": stands twice.'),
    "a party twice": (
        [('id = "operator"', 'id = "operator"\n[[party]]\nid = "operator"')],
        'party "operator": stands twice.',
    ),
    "one key of two people": (
        [(LINES[3], LINES[5])],
        'stands at officer "op-1": keys[0] already. One key belongs to one person',
    ),
    "one key twice": ([(LINES[2], LINES[1])], 'stands at officer "op-2": keys[0] already.'),
    "one point in a file and in a token": (
        [(LINES[5], Key(3, TOKEN).line)],
        'officer "twn-1": keys[0]: SHA256:',
    ),
    "a recovery key of an officer": ([(LINES[21], LINES[5])], 'stands at officer "twn-1": keys[0] already.'),
    "a recovery key twice": ([(LINES[21], LINES[20])], "recovery: keys[1]: SHA256:"),
    "one recovery key": ([("threshold = 2", "threshold = 1")], "recovery.threshold: is 1"),
    "recovery that can never be": ([("threshold = 2", "threshold = 4")], "asks for 4 of 3 keys, which can never be."),
    "no recovery": ([(TEXT[TEXT.index("[recovery]") :], "")], "recovery: is missing."),
    "a key of another kind": (
        [(LINES[3], "ssh-rsa AAAAB3NzaC1yc2E=")],
        'officer "op-1": keys[0]: is a key of kind ssh-rsa; officers sign with Ed25519. Make one with `ssh-keygen',
    ),
    "an officer without a key": ([(f'["{LINES[3]}"]', "[]")], "officer[1].keys: is []"),
    "an officer with a name": (
        [('id = "op-1"', 'id = "Ann Other"')],
        "officer[1].id: is 'Ann Other'; ids are public and neutral",
    ),
    "an officer with an address": ([('id = "op-1"', 'id = "a@b.example"')], "officer[1].id: is 'a@b.example'"),
    "one party alone": (
        [("all( 1 of operator,1 of regulator:TWN )", "2 of operator")],
        'quorum[0].quorum: "2 of operator" can be satisfied by operator alone. Every way to satisfy a quorum needs',
    ),
    "one party alone by one way": (
        [("all( 1 of operator,1 of regulator:TWN )", "any(all(1 of operator, 1 of regulator:TWN), 3 of operator)")],
        "can be satisfied by operator alone.",
    ),
    "a quorum of nobody": (
        [("all( 1 of operator,1 of regulator:TWN )", "all(1 of operator, 1 of regulater:TWN)")],
        'quorum[0].quorum: no officer is of the party "regulater:TWN". Did you mean regulator:TWN?',
    ),
    "a role of nobody": (
        [("all( 1 of operator,1 of regulator:TWN )", "all(1 of operator/leg, 1 of regulator:TWN)")],
        'no officer of operator has the role "leg".',
    ),
    "more than there are": (
        [("all( 1 of operator,1 of regulator:TWN )", "all(4 of operator, 1 of regulator:TWN)")],
        '"all(4 of operator, 1 of regulator:TWN)" cannot be satisfied by the officers there are: it lacks 1 more of ',
    ),
    "more than there are without the requester": (
        [("all( 1 of operator,1 of regulator:TWN )", "all(3 of operator, 1 of regulator:TWN)")],
        "cannot be satisfied when op-1, op-2 or op-3 requests, who then does not count: it lacks 1 more of operator.",
    ),
    "a role of the requester alone": (
        [("all( 1 of operator,1 of regulator:TWN )", "all(1 of operator/legal, 1 of regulator:TWN)")],
        "cannot be satisfied when op-2 requests, who then does not count: it lacks 1 of operator/legal.",
    ),
    "a text that is no quorum": (
        [("all( 1 of operator,1 of regulator:TWN )", "both(1 of operator, 1 of regulator:TWN)")],
        'quorum[0].quorum: at character 1: "both(1 of operator, 1 of regulator:TWN)" is no way to join quorums',
    ),
    "witnesses that cannot be read": (
        [("group any-one any", "group any-one some")],
        "witnesses: is no tlog-policy: line 3: ",
    ),
    "witnesses of whom nobody is asked": (
        [("quorum any-one", "quorum none")],
        "witnesses: has the quorum none, which asks nobody. Leave the key out to have no witnesses.",
    ),
    "witnesses without an address": (
        [("any-one any w1 w2", "any-one all w1 w2")],
        'witnesses: has the quorum "any-one", which the witnesses with an address cannot meet.',
    ),
    "a territory that nobody knows": ([('"twn"', '"TAW"')], 'quorum[1].territory: there is no territory "TAW"'),
    "a kind that nobody knows": ([('kind = "rules"', 'kind = "rule"')], "Did you mean rules?"),
    "a bound of nothing": (
        [("{people_share_ppm = 10000}", "{}")],
        "quorum[1].above: gives no bound. Write people_share_ppm or emergency_terminals; for both, write two lines.",
    ),
    "two bounds": (
        [("{people_share_ppm = 10000}", "{people_share_ppm = 10000, emergency_terminals = 1}")],
        "quorum[1].above: gives two bounds",
    ),
    "a share as a fraction": (
        [("people_share_ppm = 10000", "people_share = 0.01")],
        'there is no key "people_share" here. Did you mean people_share_ppm?',
    ),
    "changes without a line": (
        [('[[quorum]]\nquorum = "all( 1', '[[quorum]]\nkind = "network"\nquorum = "all( 1')],
        "quorum: no line holds for every change of kind rules, roster, account, class, group or log_key, so some would",
    ),
    "changes without a line that has no bound": (
        [('[[quorum]]\nquorum = "all( 1', '[[quorum]]\nabove = {emergency_terminals = 3}\nquorum = "all( 1')],
        "no line holds for every change of kind rules, network,",
    ),
    "changes elsewhere without a line": (
        [('[[quorum]]\nquorum = "all( 1', '[[quorum]]\nterritory = "JPN"\nquorum = "all( 1')],
        "no line holds for every change of kind rules, network,",
    ),
    "a line twice": (
        [("[settings]", '[[quorum]]\nquorum = "all(1 of operator, 1 of regulator:TWN)"\n[settings]')],
        "quorum[3]: stands twice",
    ),
    "a notice where nobody knows": (
        [("{TWN = 48", "{TAW = 48")],
        'settings.notice_hours.TAW: there is no territory "TAW"',
    ),
    "a notice twice": ([("{TWN = 48", "{TWN = 48, twn = 49")], "settings.notice_hours: names a territory twice."),
    "a notice that never ends": ([("TWN = 48", "TWN = 100000")], "settings.notice_hours.TWN: is 100000"),
    "a key of the file that nobody knows": ([("terminals = 5", "terminal = 5")], "Did you mean terminals?"),
    "another schema": ([("schema = 1", "schema = 2")], "schema: is 2; this version reads schema 1."),
    "no schema": ([("schema = 1", "")], "schema: is missing."),
    "a name of several lines": (
        [('"A regulator"', '"A\\nregulator"')],
        "party[0].name: is 'A\\nregulator'; it must be",
    ),
    "too much for an entry": (
        [("witness w1", "#" + "x" * 9_900 + "\nwitness w1"), (f'"{LINES[20]}"', ", ".join(
            f'"{Key(n, TOKEN, "ssh:" + "x" * 500).line}"' for n in range(100, 140)))],
        "bytes as a document; at most 32,768 fit into an entry.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_said(case, tmp_path):
    pairs, told = REFUSED[case]
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    found = problems(tmp_path, text)
    assert any(told in problem for problem in found), found
    assert len(found) <= 3, f"one fault, many words: {found}"


def test_every_problem_is_told_at_once(tmp_path):
    text = TEXT
    cases = ("an officer of no party", "a recovery key of an officer", "a territory that nobody knows", "two bounds",
             "a notice where nobody knows", "a key of the file that nobody knows", "a role of nobody")  # fmt: skip
    for case in cases:
        for old, new in REFUSED[case][0]:
            text = text.replace(old, new, 1)
    found = problems(tmp_path, text)
    for case in cases:
        assert any(REFUSED[case][1] in problem for problem in found), (case, found)


def test_quorums_are_not_judged_while_an_officers_party_is_unknown(tmp_path):
    """Without that officer, one line could not be satisfied; but the party was only misspelt."""
    ((old, new),) = REFUSED["an officer of no party"][0]
    assert len(problems(tmp_path, TEXT.replace(old, new))) == 1


def test_what_cannot_be_read_hides_nothing_of_the_rest(tmp_path):
    """Where an officer, a line and the recovery are no such thing, the faults of the others are told, and no more."""
    text = TEXT
    cases = ("no schema", "an officer with a name", "a kind that nobody knows", "one recovery key",
             "a notice where nobody knows", "one party alone", "one key twice")  # fmt: skip
    for case in cases:
        for old, new in REFUSED[case][0]:
            assert old in text
            text = text.replace(old, new, 1)
    found = problems(tmp_path, text)
    for case in cases:
        assert any(REFUSED[case][1] in problem for problem in found), (case, found)
    assert len(found) == len(cases), found


def test_a_file_that_is_no_table_is_refused(tmp_path):
    for text in ("[]", "1", '"x"', "null"):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(InputError, match="no table"):
            read_roster(tmp_path / "r.json")
    with pytest.raises(InputError, match="no such file"):
        read_roster(tmp_path / "none.toml")


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)))  # fmt: skip
def test_any_document_is_refused_in_words(document):
    with pytest.raises(InputError):
        roster_of(document)


@settings(deadline=None)
@given(st.data())
def test_a_document_with_one_value_altered_is_another_roster_or_refused(data):
    document = json.loads(WHOLE.canonical)
    holder, key = document, data.draw(st.sampled_from(sorted(document)))
    while isinstance(holder[key], dict | list) and holder[key]:
        holder = holder[key]
        keys = sorted(holder) if isinstance(holder, dict) else range(len(holder))
        key = data.draw(st.sampled_from(keys))
    old = holder[key]
    holder[key] = data.draw(
        st.none() | st.booleans() | st.integers(0, 100) | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
    )
    try:
        again = roster_of(document)
    except InputError:
        return
    assert (again.sha256 == WHOLE.sha256) == (holder[key] == old and type(holder[key]) is type(old))
    assert json.loads(again.canonical) == document


# --- the lines of a change ------------------------------------------------------------------------------------------


def loss(territory="TWN", people=1_000_000, lost=0, emergency: int | None = 0) -> Loss:
    return Loss(territory, people, lost, emergency)


def told(lines) -> list[tuple[str, str, bool]]:
    return sorted((line.territory, line.kind, line.above is not None) for line in lines)


ALWAYS, LARGE, URGENT = ("*", "*", False), ("TWN", "rules", True), ("*", "*", True)


@pytest.mark.parametrize(
    ("kind", "losses", "lines"),
    [
        ("rules", [], [ALWAYS]),
        ("rules", [loss("JPN", lost=1_000_000)], [ALWAYS]),
        ("rules", [loss(lost=10_000)], [ALWAYS]),  # one per cent is not above one per cent
        ("rules", [loss(lost=10_001)], [ALWAYS, LARGE]),
        ("network", [loss(lost=10_001)], [ALWAYS]),
        ("rules", [loss(people=0, lost=0)], [ALWAYS]),
        ("rules", [loss(people=0, lost=1)], [ALWAYS, LARGE]),
        ("rules", [loss("TWN.sea12", lost=10_001)], [ALWAYS, LARGE]),  # its waters are the land's to speak for
        ("rules", [loss("TWN.sea200", lost=10_001)], [ALWAYS]),
        ("rules", [loss(), loss("JPN", lost=1_000_000)], [ALWAYS]),  # another's loss does not raise this one's quorum
        ("rules", [loss(emergency=1)], [ALWAYS, URGENT]),
        ("rules", [loss("JPN", emergency=None)], [ALWAYS, URGENT]),  # not counted: there may be some
        ("rules", [loss(lost=20_000, emergency=3)], [ALWAYS, URGENT, LARGE]),
    ],
)
def test_lines_for_a_change(roster, kind, losses, lines):
    assert told(lines_for(roster, kind, losses)) == sorted(lines)


def test_a_territory_that_is_only_named_matches_too(path):
    path.write_text(TEXT.replace("above = {people_share_ppm = 10000}", ""))
    roster = read_roster(path)
    assert told(lines_for(roster, "rules", [], ["TWN"])) == [ALWAYS, ("TWN", "rules", False)]
    assert told(lines_for(roster, "rules", [loss()])) == [ALWAYS, ("TWN", "rules", False)]
    assert told(lines_for(roster, "rules", [], ["JPN"])) == [ALWAYS]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_change_has_a_line(roster, kind):
    assert lines_for(roster, kind, [])


@pytest.mark.parametrize("kind", ["recovery", "*", "", "rule"])
def test_a_kind_that_no_quorum_approves_has_none(roster, kind):
    with pytest.raises(ValueError, match="is no kind of change"):
        lines_for(roster, kind, [])


losses = st.builds(
    loss, st.sampled_from(["TWN", "TWN.sea12", "JPN"]), st.integers(0, 3_000), st.integers(0, 3_000),
    st.none() | st.integers(0, 3),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(losses, max_size=3), losses)
def test_a_loss_more_never_asks_for_less(found, more):
    few, many = lines_for(WHOLE, "rules", found), lines_for(WHOLE, "rules", [*found, more])
    assert set(map(str, few)) <= set(map(str, many))
    for count in range(len(WHOLE.officers) + 1):
        voters = WHOLE.officers[:count]
        assert all_satisfied(few, voters) or not all_satisfied(many, voters)


@settings(deadline=None)
@given(losses, st.integers(0, 1_000_000))
def test_shares_are_compared_exactly(one, ppm):
    from fractions import Fraction

    above = Above(people_share_ppm=ppm).passed_by(one)
    share = Fraction(one.people_lost, one.people) if one.people else Fraction(one.people_lost * 10**9)
    assert above == (share > Fraction(ppm, 1_000_000))


def test_terminals_lost_where_nobody_counted_people_are_above_every_share():
    bound = Above(people_share_ppm=999_999)
    assert bound.passed_by(Loss("TWN", 0, 0, 0, terminals_lost=1))
    assert not bound.passed_by(Loss("TWN", 0, 0, 0, terminals_lost=0))
    assert not bound.passed_by(Loss("TWN", 0, 0, 0, terminals_lost=None))  # of a sea, where nobody lives
    assert not bound.passed_by(Loss("TWN", 1000, 10, 0, terminals_lost=10))


def test_without_a_line_nothing_is_approved(roster):
    assert not all_satisfied([], roster.officers)
    assert all_satisfied(roster.lines, roster.officers)


def test_the_longest_notice_counts():
    made = Settings(notice_hours={"TWN": 48, "JPN.sea12": 72, ANY: 1})
    assert made.notice_hours_of([]) == 1
    assert made.notice_hours_of(["JPN"]) == 1
    assert made.notice_hours_of(["TWN.sea12"]) == 48
    assert made.notice_hours_of(["TWN", "JPN.sea12"]) == 72
    assert Settings().notice_hours_of(["TWN"]) == 0


def whole() -> Roster:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "roster.toml")
        path.write_text(TEXT)
        return read_roster(path)


WHOLE = whole()


def test_governance_knows_neither_orbits_nor_rules():
    """What an auditor has to load and trust."""
    code = (
        "import sys, openleo.governance.roster_file, openleo.governance.sshsig, openleo.governance.commitments\n"
        "print(' '.join(name for name in sys.modules if name.startswith('openleo.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    rooms = {name.split(".")[1] for name in loaded}
    assert rooms <= {"governance", "errors", "reading", "ledger", "places", "instants", "units"}, rooms
