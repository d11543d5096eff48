"""The keys of lasers: counts that a pattern takes, and keys that change nothing in a constellation."""

from __future__ import annotations

from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.scenario import Scenario

TWO_SHELLS = """
[[constellation.shell]]
name = "low"
altitude_km = 550
inclination_deg = 53
planes = 6
per_plane = 6
[[constellation.shell]]
name = "high"
altitude_km = 600
inclination_deg = 53
planes = 6
per_plane = 6
"""
DARK = TWO_SHELLS.replace("per_plane = 6\n", "per_plane = 6\nlaser_share = 0.0\n")
ONE_SHELL = TWO_SHELLS.split('[[constellation.shell]]\nname = "high"')[0]


def load(folder: Path, keys: str, shells: str = ONE_SHELL) -> Scenario:
    said = f'name = "t"\nstart = 2026-11-20T00:00:00Z\nduration = "1m"\n[constellation]\n{keys}\n{shells}'
    (folder / "s.toml").write_text(said + '[ground]\narea = ["TON"]\n')
    return Scenario.load(folder / "s.toml")


def said_of(scenario: Scenario) -> list[str]:
    return [note for note in scenario.case.notes if "has no effect" in note]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("laser_terminals = 2", 'isl "+grid", its default, takes 4 lasers, and laser_terminals is 2'),
        ("laser_terminals = 2", 'leave it out, or write isl = "ring".'),
        ("laser_terminals = 5", 'isl = "nearest"'),
        ('isl = "+grid"\nlaser_terminals = 8', 'isl "+grid" takes 4 lasers, and laser_terminals is 8'),
        ('isl = "zig-zag"\nlaser_terminals = 4', 'isl = "+grid"'),
        ('isl = "ring"\nlaser_terminals = 3', 'isl = "zig-zag"'),
        ('isl = "none"\nlaser_terminals = 4', 'isl "none" takes no lasers'),
    ],
)  # fmt: skip
def test_a_count_of_lasers_that_the_pattern_does_not_take_is_refused(tmp_path: Path, keys: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        load(tmp_path, keys)
    (problem,) = error.value.problems
    assert problem.where == "constellation"
    assert said in problem.rule


@pytest.mark.parametrize(
    ("keys", "columns"),
    [("", 4), ("laser_terminals = 4", 4), ('isl = "zig-zag"\nlaser_terminals = 3', 4), ('isl = "ring"', 4),
     ('isl = "nearest"', 4), ('isl = "nearest"\nlaser_terminals = 7', 7), ('isl = "none"', 0)],
)  # fmt: skip
def test_a_count_of_lasers_that_the_pattern_takes_is_one(tmp_path: Path, keys: str, columns: int) -> None:
    assert load(tmp_path, keys).case.network.topology.neighbours.shape[1] == columns


@pytest.mark.parametrize(
    ("keys", "shells", "said"),
    [
        ("inter_shell = true", ONE_SHELL, "one shell has lasers"),
        ("inter_shell = true", DARK, "no satellite"),
        ("inter_shell = true\nisl_range_km = 30", TWO_SHELLS, "in reach"),
        ('isl = "ring"\nisl_polar_cutoff_deg = 60', ONE_SHELL, "across planes"),
        ('isl = "none"\nisl_range_km = 3000', ONE_SHELL, "isl_range_km has no effect"),
        ('isl = "none"\nisl_grazing_altitude_km = 100', ONE_SHELL, "isl_grazing_altitude_km has no effect"),
    ],
)  # fmt: skip
def test_a_key_of_lasers_without_effect_is_said(tmp_path: Path, keys: str, shells: str, said: str) -> None:
    assert any(said in note for note in said_of(load(tmp_path, keys, shells)))


@pytest.mark.parametrize(
    ("keys", "shells"),
    [
        ("inter_shell = true\nisl_polar_cutoff_deg = 60\nisl_range_km = 6000", TWO_SHELLS),
        ('isl = "none"\ninter_shell = true\nisl_range_km = 6000\nisl_polar_cutoff_deg = 60', TWO_SHELLS),
        ('isl = "nearest"\nisl_polar_cutoff_deg = 60', ONE_SHELL),
    ],
)
def test_a_key_of_lasers_with_effect_has_no_note(tmp_path: Path, keys: str, shells: str) -> None:
    assert said_of(load(tmp_path, keys, shells)) == []
