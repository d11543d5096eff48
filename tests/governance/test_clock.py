"""Time never precedes what is known: the newest entry, and the instants at which witnesses saw the last checkpoint."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from test_activate import EFFECT, ORIGIN
from world_made import JPN, OPERATORS, START, TWN, World, roster

from openleo.governance import activate as activating
from openleo.governance.activate import activate
from openleo.governance.drafting import freezing
from openleo.governance.entries import entry, from_bytes, instant
from openleo.governance.house import Folder, House, found
from openleo.governance.state import Refused
from openleo.ledger import keys, serve, witness_server
from openleo.ledger.checkpoint import parse_body
from openleo.ledger.cosignature import cosign
from openleo.ledger.faults import NotProven
from openleo.ledger.note import Note
from openleo.ledger.witness_client import AHEAD_S, Collected
from openleo.ledger.witness_memory import Witness

WITNESS = keys.generate("witness.example", keys.COSIGNATURE)
POLICY = f"witness w1 {WITNESS.verifier} https://witness.example\nquorum w1\n"


@pytest.fixture
def house_folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    signer = keys.generate(ORIGIN)
    keys.write_signer(folder.key, signer)
    people = roster().document | {"witnesses": POLICY}
    from openleo.governance.roster_file import roster_of

    world = World.founded(roster_of(people), log_vkey=str(signer.verifier))
    found(folder, signer, from_bytes(world.entries[0]))
    return folder


def cosigned(house: House, time_s: int) -> None:
    signed = house.ledger.signed()
    assert signed is not None
    house.ledger.add_cosignatures(house.ledger.size, [cosign(parse_body(signed.text), WITNESS, time_s)])


@pytest.mark.parametrize("later_s", [1, AHEAD_S])
def test_an_entry_is_not_older_than_a_cosignature(house_folder: Folder, later_s: int) -> None:
    with House(house_folder) as house:
        assert house.now(START) == START
        cosigned(house, int(START.timestamp()) + later_s)
        assert house.now(START) == START + timedelta(seconds=later_s)
        assert house.now(START + timedelta(hours=1)) == START + timedelta(hours=1)


@pytest.mark.parametrize("later_s", [AHEAD_S + 1, 1 << 62])  # the latter is after the year 9999
def test_a_clock_behind_a_cosignature_is_refused_after_a_restart(house_folder: Folder, later_s: int) -> None:
    with House(house_folder) as house:
        cosigned(house, int(START.timestamp()) + later_s)
    with House(house_folder) as house, pytest.raises(Refused, match="saw the last checkpoint"):
        house.now(START)


def test_a_clock_behind_the_newest_entry_is_refused(house_folder: Folder) -> None:
    with House(house_folder) as house, pytest.raises(Refused, match="time does not go back"):
        house.now(START - timedelta(seconds=1))


def _approved(house: House) -> None:
    world = World(house.state)
    house.artefacts.put_json(EFFECT)
    for body in (world.proposal(), freezing("c-1", EFFECT)):
        house.append([entry(START, body)])
    for person in (OPERATORS[1], OPERATORS[2], TWN[0], JPN[0]):
        house.append([entry(START, world.approval("c-1", person))])


@pytest.mark.parametrize("later_s", [0, AHEAD_S, AHEAD_S + 1])
def test_an_activation_is_not_older_than_its_witnesses(
    house_folder: Folder, later_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their clocks are ahead of the one that logs, which is seen only when they are asked."""

    def seen(signed: Note, *_: object) -> Collected:
        return Collected((cosign(parse_body(signed.text), WITNESS, int(START.timestamp()) + later_s),), ())

    monkeypatch.setattr(activating, "collect", seen)
    with House(house_folder) as house:
        _approved(house)
        size = house.state.size
        if later_s > AHEAD_S:
            with pytest.raises(Refused, match="saw the last checkpoint 16 s later"):
                activate(house, "c-1", START, lambda _: EFFECT)
            assert house.state.size == size
        else:
            made = activate(house, "c-1", START, lambda _: EFFECT)
            assert house.entry(made.index).at == START + timedelta(seconds=later_s)


def test_an_effect_that_took_minutes_does_not_make_the_witnesses_early(
    house_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is asked again once it is computed."""
    later = START + timedelta(minutes=5)

    def seen(signed: Note, *_: object) -> Collected:
        return Collected((cosign(parse_body(signed.text), WITNESS, int(later.timestamp())),), ())

    monkeypatch.setattr(activating, "collect", seen)
    with House(house_folder) as house:
        _approved(house)
        made = activate(house, "c-1", START, lambda _: EFFECT, lambda: later)
        assert house.entry(made.index).at == later


@pytest.mark.parametrize("ahead", [timedelta(seconds=AHEAD_S + 1), timedelta(days=3650)])
def test_a_witness_whose_clock_is_ahead_does_not_stop_the_log(house_folder: Folder, ahead: timedelta) -> None:
    """Its cosignature is not taken, so the activation waits; entries go on."""
    then = START + ahead
    kept = Witness(
        house_folder.path / "w1", WITNESS, {ORIGIN: [keys.read_signer(house_folder.key).verifier]}, then.timestamp
    )
    with House(house_folder) as house, serve.Running(witness_server.serving(kept)) as server:
        house.state.roster = replace(
            house.state.people, witnesses=POLICY.replace("https://witness.example", server.url)
        )
        _approved(house)
        with pytest.raises(NotProven) as said:
            activate(house, "c-1", START, lambda _: EFFECT)
        assert f"w1: it dates its cosignature {instant(then)}, and here it is {instant(START)}" in str(said.value)
        assert house.now(START) == START
        house.append([entry(START, World(house.state).proposal("c-2"))])
