"""Verbs that decide terminals alone say that rules on beams are written, and what those do elsewhere."""

from __future__ import annotations

import json

import pytest

RULES = """schema = 1
book = "operator"
[[rule]]
id = "all"
effect = "permit"
territory = { in = "SGP" }
reason = "an example"
"""
QUIET = """[[rule]]
id = "quiet"
effect = "forbid"
applies_to = "beam"
territory = { in = "SGP" }
emergency = "cut"
reason = "an example"
"""
SAID = (
    "Not asked here: 1 rule on beams (quiet). Plans and effects serve nobody within 12 km, or the beam_km that they "
    "are given, of what such rules keep dark.\n"
)
ASKED = {"class": "fixed", "position": {"lat_deg": 1.3, "lon_deg": 103.8, "uncertainty_m": 10}}
AT = ("--at", "2026-11-20T00:00:00Z")
VERBS = {
    "mask": ("mask", "r.toml", *AT, "--resolution", "3", "--out", "m.parquet"),
    "decide": ("decide", "r.toml", "--request", "q.json"),
    "decide a table": ("decide", "r.toml", "--terminals", "t.csv", *AT, "--out", "d.csv"),
    "shadow": ("shadow", "r.toml", "r.toml", "--requests", "q.json"),
    "shadow of a table": ("shadow", "r.toml", "r.toml", "--terminals", "t.csv", *AT),
    "explain as JSON": ("explain", "r.toml", "--at", "1.3,103.8", "--class", "fixed", "--json"),
    "explain": ("explain", "r.toml", "--at", "1.3,103.8", "--class", "fixed"),
}


@pytest.mark.parametrize("name", VERBS)
def test_rules_on_beams_are_told_where_they_do_not_decide(name, run, tmp_path):
    """Nothing in the output said so, while a plan would not serve the place."""
    (tmp_path / "q.json").write_text(json.dumps([ASKED]))
    (tmp_path / "t.csv").write_text("id,class,lat_deg,lon_deg,uncertainty_m\na,fixed,1.3,103.8,10\n")
    for rules, times in ((RULES, 0), (RULES + QUIET, 1)):
        (tmp_path / "r.toml").write_text(rules)
        done = run("policy", *VERBS[name])
        assert done.code == 0, done.err
        assert (done.out if name == "explain" else done.err).count(SAID) == times
        assert "on beams" not in (done.err if name == "explain" else done.out)


def test_who_asks_about_a_beam_is_told_nothing(run, tmp_path):
    (tmp_path / "q.json").write_text(json.dumps(ASKED))
    (tmp_path / "r.toml").write_text(RULES + QUIET)
    done = run("policy", "decide", "r.toml", "--request", "q.json", "--applies-to", "beam")
    assert (done.code, done.err) == (0, "")
