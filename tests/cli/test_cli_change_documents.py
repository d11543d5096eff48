"""`openleo change verify`: whoever has a change's folder computes again what was signed, and finds what was altered."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_cli_change import NETWORK, SAID, Place, place, run_at, walked
from test_cli_policy_effect import PERMITS, SCENARIO

__all__ = ["place", "walked"]  # fixtures

TERMINALS = "id,lat_deg,lon_deg,class,uncertainty_m,age_s,source\n" + "".join(
    f"t{number},{latitude},{longitude},{class_},50,0,registered\n"
    for number, (latitude, longitude, class_) in enumerate(
        [(1.35, 103.82, "fixed")] * 25 + [(1.35, 103.82, "maritime")] * 3 + [(1.5, 103.75, "fixed")] * 4
    )
)


def of_folder(place: Place, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((place.path / name / "documents.json").read_bytes())
    return read


def test_a_folder_carries_what_its_effect_was_computed_of(place: Place) -> None:
    folder = place.path / "first"
    documents = {one.name: one.read_bytes() for one in (folder / "documents").iterdir()}
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in documents.items())
    listed = of_folder(place, "first")
    assert listed["base"]["books"] == {}
    (book,) = listed["new"]["books"].values()
    request = json.loads((folder / "request.json").read_bytes())
    assert book == request["proposed"]["moves"][0]["new"]
    assert json.loads(documents[book])["rule"][0]["id"] == "both"
    network = listed["network"]
    assert network["sha256"] == request["effect"]["network"]
    assert documents[network["files"]["s.toml"]] == SCENARIO.encode()
    inputs = json.loads(documents[network["sha256"]])["inputs"]  # the hash of the network is of this document
    assert inputs == {name: one["sha256"] for name, one in network["inputs"].items()}
    assert (network["left_out"], listed["base_network"]) == ([], None)


def test_an_outsider_computes_the_effect_again(place: Place, tmp_path: Path) -> None:
    """With a copy of the folder alone: no ledger, no scenario."""
    shutil.copytree(place.path / "first", tmp_path / "elsewhere" / "first")
    outside = Place(tmp_path / "elsewhere")
    assert outside.run("change", "verify", "first", "--json").json["recomputed"] is True
    assert "computed again, and the same within 1 %" in outside.run("change", "verify", "first").out
    done = outside.run("change", "verify", "first", "--no-recompute", "--json")
    assert done.json["recomputed"] is False
    assert "it was not asked for" in done.err


def signed_anew(folder: Path, effect: dict[str, Any]) -> None:
    """A folder whose files all agree on another effect: as if it had been what was computed and signed."""
    from openleo.governance import losses, to_sign
    from openleo.governance.folder import STATEMENTS, ChangeFolder, readable
    from openleo.governance.gate import effect_sha256

    shutil.rmtree(folder / "approvals", ignore_errors=True)
    effect["sha256"] = effect_sha256(effect)
    (folder / "effect.json").write_bytes(readable(effect))
    request = json.loads((folder / "request.json").read_bytes())
    touched = [one.model_dump(mode="json") for one in losses.touched(effect)]
    ends = [one.model_dump(mode="json") for one in losses.ends(effect)]
    request["effect"] |= {"effect": effect["sha256"], "touched": touched, "ends": ends}
    (folder / "request.json").write_bytes(readable(request))
    of = ChangeFolder(folder)
    for decision, name in STATEMENTS.items():
        said = to_sign.of_change(
            decision, request["origin"], request["roster"], of.proposed, of.frozen, request["quorum"]
        )
        (folder / name).write_bytes(said)


def test_an_effect_that_does_not_follow_is_named_by_its_place(place: Place) -> None:
    effect = json.loads((place.path / "first" / "effect.json").read_bytes())
    row = next(row for row in effect["territories"] if (row["territory"], row["class"]) == ("SGP", "fixed"))
    was = row["gained"]["people"]
    row["gained"]["people"] = round(was * 0.98)
    signed_anew(place.path / "first", effect)
    why = place.run("change", "verify", "first", "--json", code=3).json["why"]
    assert f"SGP, fixed, gained.people: {row['gained']['people']:,} signed, {was:,} computed again" in why
    row["gained"]["people"] = round(was * 0.995)  # within the tolerance
    signed_anew(place.path / "first", effect)
    assert place.run("change", "verify", "first", "--json").json["recomputed"] is True
    effect["territories"].remove(row)
    signed_anew(place.path / "first", effect)
    assert "SGP, fixed: not signed" in place.run("change", "verify", "first", "--json", code=3).json["why"]


@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("altered", "was altered"),
        ("gone", "is not in"),
        ("book", "is not the book operator"),
        ("no files", "is no table of texts"),
        ("away", "which lies outside"),
        ("no rules", "cannot be read"),
        ("rules", "others than those that the change moves"),
        ("scenario", "is the network"),
        ("name", "lies outside"),
        ("list", "is no list of documents"),
        ("base", "make the rules"),
    ],
)
def test_documents_that_do_not_fit_are_refused(place: Place, which: str, why: str) -> None:
    folder, listed = place.path / "first", of_folder(place, "first")
    (book,) = listed["new"]["books"].values()

    def keep(data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        (folder / "documents" / sha256).write_bytes(data)
        return sha256

    match which:
        case "altered":
            (folder / "documents" / book).write_bytes((folder / "documents" / book).read_bytes() + b" ")
        case "gone":
            (folder / "documents" / book).unlink()
        case "book":
            listed["new"]["books"]["operator"] = keep(b'{"book":"another"}')
        case "no files":
            listed["new"]["books"]["operator"] = keep(b'{"book":"operator","rule":[],"schema":1}')
        case "away":
            listed["new"]["books"]["operator"] = keep(b'{"book":"operator","files":{"a\\u0000b":"x"},"schema":1}')
        case "no rules":
            listed["new"]["books"]["operator"] = keep(b'{"book":"operator","files":{},"rule":7,"schema":1}')
        case "rules":
            listed["new"] = listed["base"]
        case "scenario":
            other = SCENARIO.replace("resolution = 5", "resolution = 4")
            listed["network"]["files"]["s.toml"] = keep(other.encode())
        case "name":
            listed["network"]["files"]["/etc/s.toml"] = listed["network"]["files"]["s.toml"]
        case "list":
            del listed["new"]
        case "base":
            listed["base"]["books"]["operator"] = book
    (folder / "documents.json").write_text(json.dumps(listed))
    assert why in place.run("change", "verify", "first", "--json", code=3).json["why"]
    assert place.run("change", "verify", "first", "--no-recompute").code == 0


def test_a_folder_without_its_documents_says_so(place: Place) -> None:
    (place.path / "first" / "documents.json").unlink()
    done = place.run("change", "verify", "first", "--json")
    assert done.json["recomputed"] is False
    assert "its documents are not in the folder" in done.err
    why = place.run("change", "verify", "first", "--recompute", "--json", code=3).json["why"]
    assert "its documents are not in the folder" in why


def test_a_scenario_of_ones_own_stands_for_what_was_left_out(place: Place) -> None:
    listed = of_folder(place, "first")
    listed["network"]["left_out"] = [{"name": "big.csv", "sha256": "0" * 64, "bytes": 1, "why": "it is large"}]
    (place.path / "first" / "documents.json").write_text(json.dumps(listed))
    assert "big.csv (sha256 000" in place.run("change", "verify", "first", "--json").err
    own = ("change", "verify", "first", "--scenario")
    assert place.run(*own, "s.toml", "--json").json["recomputed"] is True
    (place.path / "t.toml").write_text(SCENARIO.replace("resolution = 5", "resolution = 4"))
    assert "t.toml is the network" in place.run(*own, "t.toml", "--json", code=3).json["why"]


def test_terminals_are_counted_and_few_of_them_not_told_apart(place: Place) -> None:
    (place.path / "t.csv").write_text(TERMINALS)
    said = place.propose("less", "none", "old.toml", "--terminals", "t.csv").json
    touched = {one["territory"]: one for one in said["effect"]["touched"]}
    assert touched["SGP"]["terminals_lost"] == 25 + 9  # of one class 25, of the other 3, which stand as 9
    assert touched["MYS"]["terminals_lost"] == 9
    assert touched["SGP"]["emergency_terminals_lost"] == 0
    effect, detail = (json.loads((place.path / "less" / name).read_bytes()) for name in ("effect.json", "detail.json"))
    lost = [
        {(row["territory"], row["class"]): row["lost"]["terminals"] for row in one["territories"]}
        for one in (effect, detail)
    ]
    assert [one["SGP", "maritime"] for one in lost] == [9, 3]
    assert [one["MYS", "fixed"] for one in lost] == [9, 4]
    assert [one["SGP", "fixed"] for one in lost] == [25, 25]
    assert all(one["lost"]["terminals"] is None for one in effect["totals"])  # else the sums would tell
    artefact = place.path / "ledger" / "artefacts" / said["effect"]["effect"]
    assert json.loads(artefact.read_bytes()) == {key: value for key, value in effect.items() if key != "sha256"}

    done = place.run("change", "verify", "less", "--json")
    assert done.json["recomputed"] is True
    assert "Terminals were not counted again" in done.err
    assert "not counted" not in place.run("change", "verify", "less", "--terminals", "t.csv").err
    three = "".join(f"m{number},1.35,103.82,fixed,50,0,registered\n" for number in range(3))
    (place.path / "more.csv").write_text(TERMINALS + three)
    why = place.run("change", "verify", "less", "--terminals", "more.csv", "--json", code=3).json["why"]
    assert "SGP, fixed, lost.terminals: 25 signed, 28 computed again" in why

    for who in ("operator-2", "sgp-1"):
        place.vote("approve", "less", who)
    assert "--terminals" in place.run("change", "activate", "less", *NETWORK, code=2).err
    again = ("change", "activate", "less", *NETWORK, "--json", "--terminals")
    assert "28 terminals lost, 25 signed" in place.run(*again, "more.csv", code=3).json["why"]
    place.run(*again, "t.csv")
    back = place.run("change", "show", "less", "--json").json["change"]
    reverted = place.run(
        "change", "revert", back, *NETWORK, *SAID, "--out", "back", "--terminals", "t.csv", "--json"
    ).json
    gained = {one["territory"]: one["terminals_gained"] for one in reverted["effect"]["touched"]}
    assert gained == {"MYS": 9, "SGP": 34, "SGP.sea12": 0}


def test_a_detail_of_another_effect_is_refused(place: Place) -> None:
    (place.path / "t.csv").write_text(TERMINALS)
    place.propose("less", "none", "old.toml", "--terminals", "t.csv")
    file = place.path / "less" / "detail.json"
    detail = json.loads(file.read_bytes())
    for row in detail["territories"]:
        row["lost"]["terminals"] += 20
    file.write_text(json.dumps(detail))
    assert "another effect" in place.run("change", "verify", "less", "--json", code=3).json["why"]


@pytest.mark.slow
def test_a_network_is_computed_again_from_both_its_scenarios(place: Place) -> None:
    few = SCENARIO.replace('gateways = "starlink-2026"', 'gateways = "few.csv"')
    (place.path / "few.csv").write_text("name,lat_deg,lon_deg\nFar,-31.95,115.86\n")
    (place.path / "few.toml").write_text(few)
    words = ("propose-network", "s.toml", "--slots", 2, *SAID, "--out", "network", "--json")
    place.run("change", *words)
    for who in ("operator-2", "sgp-1", "mys-1"):
        place.vote("approve", "network", who)
    place.activate("network")
    place.run("change", "propose-network", "few.toml", "--base", "s.toml", "--slots", 2, *SAID, "--out", "fewer")
    shutil.rmtree(place.path / "ledger")
    for name in ("s.toml", "few.toml", "few.csv"):
        (place.path / name).unlink()
    for folder in ("network", "fewer"):
        assert place.run("change", "verify", folder, "--recompute", "--json").json["recomputed"] is True
    listed = of_folder(place, "fewer")
    assert set(listed["network"]["files"]) == {"few.toml", "few.csv"}
    listed["base_network"] = None
    (place.path / "fewer" / "documents.json").write_text(json.dumps(listed))
    assert "others than those" in place.run("change", "verify", "fewer", "--json", code=3).json["why"]


def test_what_is_computed_on_no_network_says_so(place: Place) -> None:
    account = "account:hmac-sha256:" + "1" * 64
    words = ("change", "propose-act", "account.suspended", account, "--in", "SGP/fixed=1300", *SAID, "--out", "unpaid")
    place.run(*words)
    done = place.run("change", "verify", "unpaid", "--json")
    assert done.json["recomputed"] is False
    assert "is computed on no network" in done.err


def test_the_documents_of_a_book_with_files_go_along(place: Place) -> None:
    (place.path / "area").mkdir()
    square = [[103.6, 1.2], [104.1, 1.2], [104.1, 1.5], [103.6, 1.5], [103.6, 1.2]]
    (place.path / "area" / "z.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [square]}))
    rules = PERMITS.replace(
        'territory = { in = ["SGP", "MYS"], include = [] }', 'territory = { in = "area/z.geojson" }'
    )
    (place.path / "drawn.toml").write_text(rules)
    place.propose("drawn", "drawn.toml", "old.toml")
    shutil.rmtree(place.path / "area")
    assert place.run("change", "verify", "drawn", "--recompute", "--json").json["recomputed"] is True


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_byte_altered_anywhere_is_a_no_or_makes_no_difference(place: Place, data: st.DataObject) -> None:
    """Of documents.json and of every document; what is refused is refused in words."""
    folder = place.path / "first"
    files = [folder / "documents.json", *sorted((folder / "documents").iterdir())]
    file = files[data.draw(st.integers(0, len(files) - 1))]
    was = file.read_bytes()
    at = data.draw(st.integers(0, len(was) - 1))
    altered = bytearray(was)
    altered[at] ^= 1 << data.draw(st.integers(0, 6))
    file.write_bytes(altered)
    try:
        done = run_at(place, "change", "verify", "first", "--json")
    finally:
        file.write_bytes(was)
    network = of_folder(place, "first")["network"]["sha256"]  # of this one nothing is computed
    assert done.code in ((0, 3) if file.name in ("documents.json", network) else (3,))
    assert "Traceback" not in done.err
