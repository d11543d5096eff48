"""`openleo policy effect`, as a user meets it: Singapore and Johor across the strait."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

TOLD = Path(__file__).parents[1] / "golden" / "policy-effect-strip.txt"
SCENARIO = """
name = "strait"
start = 2026-11-20T00:00:00Z
duration = "5min"
[constellation]
catalogue = "starlink-gen1"
[ground]
area = ["SGP", "SGP.sea12", "buffer(SGP, 30) & MYS"]
resolution = 5
gateways = "starlink-2026"
[policy]
rules = "there-is-no-such-file.toml"
"""
PERMITS = """schema = 1
book = "operator"
[[rule]]
id = "both"
effect = "permit"
territory = { in = ["SGP", "MYS"], include = [] }
authority = "operator"
reason = "licensed"
"""
STRIP = """
[[rule]]
id = "strip"
effect = "forbid"
territory = { in = "coast(SGP, 20) + buffer(SGP, 5) - SGP" }
emergency = "keep"
authority = "regulator:SGP"
reason = "a strip around an island, as an example"
legal_reference = "Act 1"
"""
WINDOW = "from = 2026-12-01T00:00:00Z\nuntil = 2027-01-01T00:00:00Z\n"
SLOW = """
[[rule]]
id = "slow"
effect = "forbid"
territory = { in = "SGP" }
conditions = { speed_kmh_min = 75 }
emergency = "keep"
authority = "regulator:SGP"
reason = "a speed limit"
"""


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def effect(run, tmp_path, cache, monkeypatch):
    """Writes the files and runs the verb; files by name."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))

    def effect(old: str, new: str, *options: object):
        for name, text in (("s.toml", SCENARIO), ("old.toml", old), ("new.toml", new)):
            (tmp_path / name).write_text(text)
        return run("policy", "effect", "old.toml", "new.toml", "--scenario", "s.toml", "--slots", 4, *options)

    return effect


def test_a_strip_is_told_in_words(effect):
    done = effect(PERMITS, PERMITS + STRIP)
    assert done.code == 0, done.err
    told = re.sub(r"(?<=Fingerprint: )[0-9a-f]{64}", "of the whole", done.out)  # it covers versions of inputs as well
    if os.environ.get("OPENLEO_WRITE_GOLDEN"):
        TOLD.write_text(told)
    assert told == TOLD.read_text(), "read the change; OPENLEO_WRITE_GOLDEN=1 writes it there"


def test_the_same_as_json_is_of_the_form_of_the_contract(effect):
    said = effect(PERMITS, PERMITS + STRIP, "--json").json
    assert list(said)[:5] == ["sha256", "base", "new", "network", "territories"]
    row = next(row for row in said["territories"] if (row["territory"], row["class"]) == ("MYS", "fixed"))
    assert {
        "territory", "class", "lost", "gained", "displaced_by_capacity", "freed_by_capacity", "rtt_ms_p50",
        "down_mbps_p50", "up_mbps_p50", "spill_people", "because",
    } <= row.keys()  # fmt: skip
    assert row["lost"]["people"] > 100_000
    assert row["because"] == ["strip"]
    assert row["displaced_by_capacity"] is row["freed_by_capacity"] is None
    assert row["spill_people"] > 0  # people of the strip whom beams for Singapore light all the same
    emergency = next(row for row in said["territories"] if (row["territory"], row["class"]) == ("MYS", "emergency"))
    assert emergency["lost"]["people"] == emergency["gained"]["people"] == 0


def test_going_back_is_the_mirror(effect):
    there, back = effect(PERMITS, PERMITS + STRIP, "--json").json, effect(PERMITS + STRIP, PERMITS, "--json").json
    for one, other in zip(there["territories"], back["territories"], strict=True):
        assert (one["lost"], one["may_lose"]) == (other["gained"], other["may_gain"])
        assert one["rtt_ms_p50"] == other["rtt_ms_p50"][::-1]
        assert (one["beams"] or {}).get("lit_people", [])[::-1] == (other["beams"] or {}).get("lit_people", [])


def test_nothing_changes_under_the_same_rules(effect):
    done = effect(PERMITS + STRIP, PERMITS + STRIP)
    assert "Nothing changes: nobody loses service and nobody gains it." in done.out


def test_a_window_ahead_is_told_at_both_edges(effect):
    """Without --at, the effect is of the instant at which the two first differ."""
    said = effect(PERMITS, PERMITS + STRIP + WINDOW, "--json").json
    assert said["at"] == "2026-12-01T00:00:00Z"
    (end,) = said["edges"]
    assert (end["at"], end["of"]) == ("2027-01-01T00:00:00Z", ["new"])
    lost = {(row["territory"], row["class"]): row["lost"] for row in said["territories"] if row["lost"]["cells"]}
    assert {(row["territory"], row["class"]): row["gained"] for row in end["new_before_and_after"]} == lost
    assert end["base_and_new"] == []  # from then on they are alike

    before = effect(PERMITS, PERMITS + STRIP + WINDOW, "--json", "--at", "2026-11-20T00:00:00Z").json
    assert not any(row["lost"]["cells"] for row in before["territories"])
    assert [edge["at"] for edge in before["edges"]] == ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]
    short = effect(
        PERMITS, PERMITS + STRIP + WINDOW, "--json", "--at", "2026-11-20T00:00:00Z", "--until", "2026-12-02T00:00:00Z"
    ).json
    assert [edge["at"] for edge in short["edges"]] == ["2026-12-01T00:00:00Z"]


def test_a_permit_that_expires_is_a_switch_off(effect):
    ends = PERMITS + "until = 2027-03-01T00:00:00Z\n"
    said = effect(ends, PERMITS, "--json").json
    assert said["at"] == "2027-03-01T00:00:00Z"  # until then the two are alike
    gained = {row["territory"] for row in said["territories"] if row["gained"]["people"]}
    assert gained == {"SGP", "MYS"}
    off = effect(PERMITS, ends, "--at", "2026-11-20T00:00:00Z").out
    assert "At 2027-03-01T00:00:00Z the new rules change by themselves:" in off
    assert "loses:" in off


def test_a_speed_limit_may_take_service_and_does_not_count_as_taken(effect):
    said = effect(PERMITS, PERMITS + SLOW, "--json").json
    rows = {(row["territory"], row["class"]): row for row in said["territories"]}
    assert rows["SGP", "fixed"]["lost"]["people"] == 0
    assert rows["SGP", "fixed"]["may_lose"]["people"] > 4_000_000
    assert rows["SGP", "fixed"]["because"] == ["slow"]
    assert rows["SGP", "emergency"]["may_lose"]["people"] == 0
    faster = effect(PERMITS + SLOW, PERMITS + SLOW.replace("75", "120"), "--json").json
    row = next(row for row in faster["territories"] if (row["territory"], row["class"]) == ("SGP", "fixed"))
    assert row["may_gain"]["people"] == row["may_lose"]["people"] > 4_000_000  # another limit: nobody knows for whom


def test_what_the_first_run_computed_is_kept(effect, cache):
    done = effect(PERMITS, PERMITS + STRIP, "--json")
    files = {path: path.stat().st_size for path in (cache / "openleo" / "reach").iterdir()}
    assert any(path.name.startswith("reach-") for path in files)
    again = effect(PERMITS, PERMITS + STRIP, "--json")
    assert again.json == done.json
    assert {path: path.stat().st_size for path in (cache / "openleo" / "reach").iterdir()} == files
    for path in files:
        path.write_bytes(b"damaged")
    assert effect(PERMITS, PERMITS + STRIP, "--json").json == done.json


def test_files_and_pictures(effect, tmp_path):
    done = effect(PERMITS, PERMITS + STRIP, "--out", "out", "--json")
    assert done.code == 0, done.err
    names = {"effect.json", "effect.txt", "report.md", "map.png", "before-and-after.png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert json.loads((tmp_path / "out" / "effect.json").read_text()) == done.json
    for name in ("map.png", "before-and-after.png"):
        assert (tmp_path / "out" / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    page = (tmp_path / "out" / "report.md").read_text()
    assert "| Malaysia | fixed |" in page
    assert "![What changes](map.png)" in page


def test_what_lies_outside_the_area_is_not_dropped_in_silence(effect):
    more = PERMITS.replace('["SGP", "MYS"]', '["SGP", "MYS", "THA"]')
    said = effect(PERMITS, more)
    assert "Nothing changes" in said.out
    assert "outside the scenario's area as well, which is not counted: THA, THA.sea12." in said.out
    assert "outside" not in effect(PERMITS, PERMITS + STRIP).out.partition("Fingerprint")[0].partition("Beams")[0]


def test_several_files_and_folders_of_rules(effect, run, tmp_path, monkeypatch):
    whole = effect(PERMITS, PERMITS + STRIP, "--json").json
    (tmp_path / "strip.toml").write_text('schema = 1\nbook = "regulator"\n' + STRIP)
    (tmp_path / "books").mkdir()
    for name in ("old.toml", "strip.toml"):
        (tmp_path / "books" / name).write_text((tmp_path / name).read_text())
    for new in ("old.toml,strip.toml", "books"):
        done = run("policy", "effect", "old.toml", new, "--scenario", "s.toml", "--slots", 4, "--json")
        assert done.code == 0, done.err
        changed = [row["lost"] for row in done.json["territories"]]
        assert changed == [row["lost"] for row in whole["territories"]]


def test_all_faults_are_told_together(effect, run, tmp_path):
    done = effect(PERMITS.replace('"permit"', '"allow"'), STRIP, "--slots", 4)
    assert done.code == 2
    assert "old.toml" in done.err
    assert "new.toml" in done.err
    for options, word in (
        (("--at", "soon"), "--at: is 'soon'"),
        (("--at", "2026-11-20T00:00:00"), "--at: "),
        (("--at", "soon", "--until", "late"), "--until: is 'late'"),
        (("--classes", "fixd"), 'there is no class "fixd". Did you mean fixed?'),
    ):
        done = effect(PERMITS, PERMITS, *options)
        assert done.code == 2, done.out
        assert word in done.err
    (tmp_path / "bad.csv").write_text(TERMINALS.replace("vehicle", "vehicel"))
    said = effect(
        PERMITS, PERMITS, "--at", "soon", "--until", "late", "--classes", "fixd,govt", "--terminals", "bad.csv"
    )
    assert (said.code, said.out) == (2, "")
    for word in ("--at: is 'soon'", "--until: is 'late'", '"fixd"', '"govt"', "vehicel"):
        assert word in said.err
    said = effect(PERMITS, PERMITS.replace('"permit"', '"allow"'), "--at", "soon", "--terminals", "no.csv")
    assert all(word in said.err for word in ("new.toml", "--at", "no.csv"))
    (tmp_path / "empty").mkdir()
    done = run("policy", "effect", "empty", "new.toml", "--scenario", "s.toml")
    assert (done.code, "is a folder without a rule file" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--at", "2026-12-02T00:00:00Z", "--until", "2026-12-01T00:00:00Z"),
            "--until: is 2026-12-01T00:00:00Z, which is not after --at 2026-12-02T00:00:00Z: there is nothing between.",
        ),
        (
            ("--until", "2026-11-20T00:00:00Z"),
            "--until: is 2026-11-20T00:00:00Z, which is not after the scenario's start 2026-11-20T00:00:00Z",
        ),
    ],
)
def test_an_end_before_the_instant_is_refused(effect, options, said):
    done = effect(PERMITS, PERMITS + STRIP + WINDOW, *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_without_an_instant_an_end_before_the_first_difference_tells_of_none(effect):
    done = effect(PERMITS, PERMITS + STRIP + WINDOW, "--until", "2026-11-25T00:00:00Z", "--json")
    assert done.code == 0, done.err
    assert (done.json["at"], done.json["edges"]) == ("2026-11-20T00:00:00Z", [])
    assert all(row["lost"]["cells"] == 0 for row in done.json["territories"])


QUIET = """
[[rule]]
id = "quiet"
effect = "forbid"
applies_to = "beam"
territory = { in = "SGP" }
emergency = "cut"
authority = "regulator:SGP"
reason = "quiet for radio astronomy, as an example"
"""


@pytest.mark.slow
def test_a_rule_on_beams_takes_service_across_the_border_too(effect):
    """Johor Bahru lies on the strait; people of it lose service by a rule that speaks of Singapore alone."""
    forth, back = effect(PERMITS, PERMITS + QUIET, "--json"), effect(PERMITS + QUIET, PERMITS, "--json")
    assert (forth.code, back.code) == (0, 0), forth.err + back.err
    rows = {(row["territory"], row["class"]): row for row in forth.json["territories"]}
    far = {
        (row["territory"], row["class"]): row
        for row in effect(PERMITS, PERMITS + QUIET, "--beam-km", "24", "--json").json["territories"]
    }
    beside, farther, under = rows["MYS", "fixed"], far["MYS", "fixed"], rows["SGP", "fixed"]
    assert 100_000 < beside["lost"]["people"] < farther["lost"]["people"]
    assert 100.0 < beside["lost"]["area_km2"] < farther["lost"]["area_km2"]
    assert under["lost"] == far["SGP", "fixed"]["lost"]  # all of it, however far a beam is felt
    assert under["lost"]["people"] > 4_000_000
    assert beside["because"] == under["because"] == ["quiet"]
    assert all(row["spill_people"] is None and row["beams"] is None for row in forth.json["territories"])
    text = effect(PERMITS, PERMITS + QUIET).out  # points 2 km apart told some as lit whom the rule keeps dark
    assert "lit all the same" not in text
    assert "dark if no beam" not in text
    assert "Beams that point at" not in text
    said = "Rules on beams (quiet) withhold service within 12 km of whatever they keep dark: so far a beam is felt."
    assert said in forth.json["notes"]
    for row in back.json["territories"]:
        assert (row["gained"], row["lost"]) == tuple(
            rows[row["territory"], row["class"]][key] for key in ("lost", "gained")
        )
    same = effect(PERMITS + QUIET, PERMITS + QUIET, "--json").json["territories"]
    assert not any(row[key]["people"] or row[key]["cells"] for row in same for key in ("lost", "gained"))


def test_it_takes_whom_points_tell_to_go_dark_if_no_beam_may_reach_there(effect):
    """Polygons widened, against a tree of points 2 km apart (service/spill) of a plain rule on terminals."""
    plain = effect(PERMITS, PERMITS + QUIET.replace('applies_to = "beam"\n', ""), "--json").json
    felt = effect(PERMITS, PERMITS + QUIET, "--json").json
    told = [
        next(row for row in one["territories"] if (row["territory"], row["class"]) == ("MYS", "fixed"))
        for one in (plain, felt)
    ]
    assert told[0]["lost"]["people"] == 0
    assert told[0]["beams"]["dark_people"][1] == pytest.approx(told[1]["lost"]["people"], rel=0.08)


@pytest.mark.slow
def test_the_reach_of_a_beam_is_in_the_fingerprint_of_what_it_takes(effect):
    said = [effect(PERMITS, PERMITS + QUIET, "--beam-km", km, "--json").json for km in ("0", "0.02")]
    assert said[0]["sha256"] != said[1]["sha256"]
    assert said[0]["new"] == said[1]["new"]


def test_a_rule_on_beams_that_cannot_be_drawn_is_refused(effect):
    done = effect(PERMITS, PERMITS + QUIET.replace('"SGP"', '"sea"'))
    assert done.code == 2
    assert 'rule "quiet": is about beams, and "sea" has no outline' in " ".join(done.err.split())


def test_terminals_in_a_beams_shadow_are_counted_as_lost(effect, tmp_path):
    """One in Johor Bahru, 2 km from Singapore's waters; one 40 km inland."""
    rows = "near,fixed,1.4655,103.7578,10,0,\nfar,fixed,1.8500,103.7578,10,0,\n"
    (tmp_path / "t.csv").write_text(TERMINALS.splitlines()[0] + "\n" + rows)
    done = effect(PERMITS, PERMITS + QUIET, "--terminals", tmp_path / "t.csv", "--json")
    assert done.code == 0, done.err
    row = next(row for row in done.json["territories"] if (row["territory"], row["class"]) == ("MYS", "fixed"))
    assert row["lost"]["terminals"] == 1


NO_GATEWAYS = """
[[rule]]
id = "gw"
effect = "forbid"
territory = { in = "world" }
applies_to = "gateway"
emergency = "cut"
reason = "an example"
"""


def test_rules_on_gateways_are_computed_with_a_network_of_their_own(effect):
    """Without any gateway nobody is served; they were refused."""
    said = effect(PERMITS, PERMITS + NO_GATEWAYS, "--json").json
    rows = {(row["territory"], row["class"]): row for row in said["territories"]}
    nobody = effect(PERMITS, PERMITS.replace('"permit"', '"forbid"') + 'emergency = "cut"\n', "--json")
    off = {(row["territory"], row["class"]): row for row in nobody.json["territories"]}
    for key, row in rows.items():
        assert row["lost"] == off[key]["lost"]
        assert row["because"] == (["gw"] if row["lost"]["cells"] else [])
    assert rows["SGP", "fixed"]["lost"]["people"] > 4_000_000
    back = effect(PERMITS + NO_GATEWAYS, PERMITS, "--json").json
    assert [row["gained"] for row in back["territories"]] == [row["lost"] for row in said["territories"]]


def test_beams_of_each_side_are_those_of_its_own_network(effect):
    """Where no gateway is left nobody is lit and nobody could go dark; both sides were told of all gateways."""
    here = PERMITS.replace('["SGP", "MYS"]', '["SGP"]')
    plain = effect(here, here, "--json").json
    beams = {(row["territory"], row["class"]): row["beams"] for row in plain["territories"]}
    assert beams["MYS", "fixed"]["lit_people"][0] > 100_000
    for row in effect(here, here + NO_GATEWAYS, "--json").json["territories"]:
        for what, before_and_after in row["beams"].items():
            assert before_and_after == [beams[row["territory"], row["class"]][what][0], 0]


def test_windows_of_rules_on_gateways_are_looked_at(effect):
    said = effect(PERMITS, PERMITS + NO_GATEWAYS + WINDOW, "--json").json
    assert said["at"] == "2026-12-01T00:00:00Z"
    (end,) = said["edges"]
    assert end["at"] == "2027-01-01T00:00:00Z"
    lost = {(row["territory"], row["class"]): row["lost"] for row in said["territories"] if row["lost"]["cells"]}
    assert {(row["territory"], row["class"]): row["gained"] for row in end["new_before_and_after"]} == lost
    assert end["base_and_new"] == []
    assert said["edges_untold"] == []


def test_land_in_is_refused(effect):
    done = effect(PERMITS, PERMITS + 'land_in = ["SGP"]\n')
    assert done.code == 2
    assert "land_in is not yet kept by an effect." in done.err


# --- terminals ----------------------------------------------------------------------------------------------------

TERMINALS = """id,class,lat_deg,lon_deg,uncertainty_m,speed_kmh,groups
city,fixed,1.3000,103.8300,10,0,
fast,fixed,1.3100,103.8200,10,90,aid
car,vehicle,1.3200,103.8100,10,50,
bahru,fixed,1.4650,103.7400,10,0,
ferry,maritime,1.4660,103.7410,10,10,
help,emergency,1.4670,103.7400,10,0,
bridge,fixed,1.4510,103.7690,9000,0,
paris,fixed,48.8566,2.3522,10,0,
"""


def terminals(said: dict, what: str) -> dict[tuple[str, str], int]:
    """Terminals that lose or gain, by territory and class."""
    return {
        (row["territory"], row["class"]): row[what]["terminals"]
        for row in said["territories"]
        if row[what]["terminals"]
    }


def told(effect, tmp_path, old: str, new: str, *options: object) -> dict:
    (tmp_path / "t.csv").write_text(TERMINALS)
    done = effect(old, new, "--terminals", "t.csv", "--json", *options)
    assert done.code == 0, done.err
    return done.json


def test_terminals_of_a_strip(effect, tmp_path):
    """The one whose 9 km of uncertainty reach across the strait is of no single territory, and told apart."""
    said = told(effect, tmp_path, PERMITS, PERMITS + STRIP)
    assert terminals(said, "lost") == {("MYS", "fixed"): 1, ("MYS", "maritime"): 1}
    assert terminals(said, "gained") == {}
    assert said["terminals_elsewhere"] == [
        {"territory": "(several)", "class": "fixed", "lost": 1, "gained": 0, "reached": True}
    ]
    assert len(said["terminals"]) == 64


def test_terminals_of_a_speed_limit(effect, tmp_path):
    said = told(effect, tmp_path, PERMITS, PERMITS + SLOW)
    assert terminals(said, "lost") == {("SGP", "fixed"): 1}
    row = next(row for row in said["territories"] if (row["territory"], row["class"]) == ("SGP", "fixed"))
    assert row["lost"]["people"] == 0
    assert row["because"] == ["slow"]


def test_terminals_of_an_allow_list(effect, tmp_path):
    """Only who is on a list may go on: those that are not, and those of whom it is not known, lose."""
    listed = PERMITS.replace("[[rule]]", "[[rule]]\nwho = { groups = ['aid'] }")
    said = told(effect, tmp_path, PERMITS, listed)
    assert terminals(said, "lost") == {
        ("SGP", "fixed"): 1, ("SGP", "vehicle"): 1,
        ("MYS", "fixed"): 1, ("MYS", "maritime"): 1, ("MYS", "emergency"): 1,
    }  # fmt: skip


def test_terminals_of_an_account_that_is_suspended_come_back_at_the_end(effect, tmp_path):
    suspended = (
        PERMITS
        + """
[[rule]]
id = "unpaid"
effect = "suspend"
territory = { in = ["SGP", "MYS"], include = [] }
who = { groups = ["aid"] }
from = 2026-12-01T00:00:00Z
until = 2026-12-24T00:00:00Z
emergency = "keep"
authority = "operator"
reason = "payment stopped, as an example"
"""
    )
    said = told(effect, tmp_path, PERMITS, suspended, "--at", "2026-12-02T00:00:00Z")
    # All but emergency terminals: of those without an entry nobody knows that they are not of the account.
    assert terminals(said, "lost") == {
        ("SGP", "fixed"): 2, ("SGP", "vehicle"): 1, ("MYS", "fixed"): 1, ("MYS", "maritime"): 1,
    }  # fmt: skip
    (end,) = said["edges"]
    assert end["at"] == "2026-12-24T00:00:00Z"
    back = {(row["territory"], row["class"]): row["gained"]["terminals"] for row in end["new_before_and_after"]}
    assert {key: count for key, count in back.items() if count} == terminals(said, "lost")


def test_terminals_going_back_are_the_mirror(effect, tmp_path):
    there = told(effect, tmp_path, PERMITS, PERMITS + STRIP + SLOW)
    back = told(effect, tmp_path, PERMITS + STRIP + SLOW, PERMITS)
    assert terminals(there, "lost") == terminals(back, "gained")
    assert terminals(there, "gained") == terminals(back, "lost") == {}


def rows_of(tmp_path) -> dict[str, dict]:
    return {row["id"]: row for row in pq.read_table(tmp_path / "out" / "terminals.parquet").to_pylist()}


def test_the_terminals_that_lose_are_written_one_by_one(effect, tmp_path):
    """As many as the counts say, each with its decisions and rules."""
    said = told(effect, tmp_path, PERMITS, PERMITS + STRIP + SLOW, "--out", "out")
    rows = rows_of(tmp_path)
    assert list(rows) == ["fast", "bahru", "ferry", "bridge"]  # in the order of the table
    counted = Counter((row["territory"], row["class"]) for row in rows.values())
    assert counted == {**terminals(said, "lost"), ("(several)", "fixed"): 1}
    assert rows["fast"] == {
        "id": "fast", "territory": "SGP", "class": "fixed", "before": "PERMITTED", "after": "FORBIDDEN",
        "rules": ["slow"],
    }  # fmt: skip
    assert rows["bahru"]["rules"] == ["strip"]
    told(effect, tmp_path, PERMITS + STRIP, PERMITS, "--out", "out")
    back = rows_of(tmp_path)
    assert (back["bahru"]["before"], back["bahru"]["after"]) == ("FORBIDDEN", "PERMITTED")
    effect(PERMITS, PERMITS, "--out", "out")  # without a table nothing of an earlier one stays
    assert not (tmp_path / "out" / "terminals.parquet").exists()


def test_terminals_that_a_change_of_gateways_leaves_out_of_reach(effect, tmp_path):
    said = told(effect, tmp_path, PERMITS, PERMITS + NO_GATEWAYS, "--out", "out")
    rows = rows_of(tmp_path)
    assert {(row["before"], row["after"], *row["rules"]) for row in rows.values()} == {
        ("PERMITTED", "OUT_OF_REACH", "gw")
    }
    lost = sum(terminals(said, "lost").values()) + sum(one["lost"] for one in said["terminals_elsewhere"])
    assert len(rows) == lost >= 6


def test_faults_of_a_table_are_told(effect, tmp_path):
    (tmp_path / "t.csv").write_text(TERMINALS.replace("vehicle", "vehicel"))
    done = effect(PERMITS, PERMITS + STRIP, "--terminals", "t.csv")
    assert done.code == 2
    assert "vehicel" in done.err
