"""The picture of an emulation: what was planned, measured, lost, handed over and dark is in it, each where it was."""

from pathlib import Path

import numpy as np
from matplotlib.image import imread

from openleo.report.emulation_plot import MOST_SHOWN, Panel, _folded, _range, draw

AT = np.arange(0.0, 60.0, 0.1)
DARK = [(20.0, 40.0, "not_permitted (twn-1)")]


def panel(name: str = "Taipei ↔ Tokyo", stray_ms: float = 0.0) -> Panel:
    planned = np.where((AT >= 20.0) & (AT < 40.0), np.nan, 30.0 + AT / 20.0)
    measured = planned + 0.3
    measured[5] += stray_ms
    came = ~np.isnan(measured)
    return Panel(name, AT, planned, AT[came], measured[came], AT[~came], [45.0], DARK)


def test_the_picture_has_a_panel_a_terminal_and_no_more_than_fit(tmp_path: Path) -> None:
    draw([panel()], "one", "said", "", 60.0, tmp_path / "one.png")
    draw([panel(f"$place_{n}") for n in range(MOST_SHOWN + 2)], "many", "said", "late", 60.0, tmp_path / "many.png")
    one, many = imread(tmp_path / "one.png"), imread(tmp_path / "many.png")
    assert one.shape[1] == many.shape[1]
    assert many.shape[0] > 3 * one.shape[0]
    shade = np.isclose(one[:, :, :3], 0.88, atol=0.01).all(axis=2)
    assert shade.any(axis=0).mean() > 0.25  # a third of the run was dark


def test_what_strays_far_does_not_hide_the_rest() -> None:
    assert _range(panel(stray_ms=5000.0))[1] < 50.0
    nothing = np.full(len(AT), np.nan)
    assert _range(Panel("x", AT, nothing, AT, nothing, AT, [], [])) == (0.0, 1.0)


def test_reasons_are_said_in_words() -> None:
    assert _folded("not_permitted (twn-1)") == "not permitted\n(twn-1)"
    assert _folded("no_satellite") == "no satellite"
