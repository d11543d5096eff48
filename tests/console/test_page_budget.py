"""What the page may cost with the largest network it is made for: bytes a slot, and script a frame.

The network is that of `stand_in`: 10,080 satellites, 20,160 links, 41,162 cells. The page's own bytes: test_pages.py.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from console import stand_in
from console.browser import MAP, chromium, opened
from openleo.controller import plan_arrow, rounded

MOST_SLOT_BYTES = 300 * 1024
MOST_SCRIPT_MS = 4.0
# Fixed work, 60 times, between which the page goes on: its median beside its least says how much others slow it down.
SLOWED = """async () => {
  const took = [];
  for (let n = 0; n < 60; n++) {
    const began = performance.now();
    let sum = 0;
    for (let k = 0; k < 1_000_000; k++) sum += Math.sqrt(k) * (sum % 3);
    took.push(performance.now() - began + (sum < 0 ? 1 : 0));
    await new Promise(done => setTimeout(done, 20));
  }
  took.sort((one, other) => one - other);
  return took[30] / took[0];
}"""
MEASURED_MS = 5_000
# Times all callbacks of a frame: everything that the page does to move and draw satellites is done in them. Draw calls
# and flushes do nothing: drawing in software, they would wait for pixels to be painted, which on a graphics card no
# script does. Uploads of what moved stay, as the script makes them. `own`: draw calls of the map's own canvas, `sky`:
# of the one above it.
FRAMES = """
(() => {
  const real = requestAnimationFrame.bind(window);
  let now = null;
  window.frames = [];
  window.requestAnimationFrame = (work) => real((at) => {
    if (now?.at !== at) window.frames.push((now = {at, spent: 0, own: 0, sky: 0}));
    const began = performance.now();
    try { work(at); } finally { now.spent += performance.now() - began; }
  });
  const ofMap = ({canvas}) => canvas.classList.contains('maplibregl-canvas');
  const count = (context) => { if (now) now[ofMap(context) ? 'own' : 'sky']++; };
  for (const name of ['drawElements', 'drawArrays', 'drawElementsInstanced', 'drawArraysInstanced'])
    WebGL2RenderingContext.prototype[name] = function () { count(this); };
  for (const name of ['clear', 'flush', 'finish']) WebGL2RenderingContext.prototype[name] = function () {};
})();
"""


def test_a_slot_of_all_cells_is_at_most_300_kib() -> None:
    plan = stand_in.plan(7)
    sent = rounded.sent(plan_arrow.of_plan(plan), plan.sha256)
    assert len(plan.cells) == 41_162
    assert len(sent.gzipped) <= MOST_SLOT_BYTES


@pytest.mark.slow
def test_script_takes_at_most_4_ms_where_ten_thousand_satellites_move() -> None:
    assert len(stand_in.network()["satellites"]["name"]) == 10_080
    assert len(stand_in.network()["isl"]) == 2 * 20_160
    with stand_in.standing(stand_in.StandIn()) as server, chromium() as browser:
        server.arrow(server.number)  # made once, before anybody waits for it
        page, seen = opened(browser)
        page.add_init_script(FRAMES)
        page.goto(f"{server.url}/#isl=1")
        page.wait_for_selector(MAP)
        page.wait_for_timeout(3_000)
        took = [measured(page)]
        slowed = 1.0
        while took[-1] > MOST_SCRIPT_MS * slowed and len(took) < 3:  # a busy machine has others to serve
            slowed = max(1.0, float(page.evaluate(SLOWED)))
            took.append(measured(page))
        assert seen.errors == []
    assert min(took) <= MOST_SCRIPT_MS * slowed, f"medians: {took}, on a machine slowed down {slowed:.2f} times"


def measured(page: Any) -> float:
    """The median of the script's milliseconds for a picture of the moving sky.

    Satellites move in each sixth frame; those between them do next to nothing, and do not count. The frame before the
    one that draws counts with it, as places may have been computed there.
    """
    page.evaluate("() => { window.frames.length = 0; }")
    page.wait_for_timeout(MEASURED_MS)
    frames = page.evaluate("() => window.frames")
    pairs = [(one, before) for before, one in pairwise(frames) if one["sky"]]
    assert len(pairs) > 20
    again = sum(one["own"] > 0 for one, _ in pairs)
    assert again < len(pairs) / 4, "the map and its cells are drawn again where satellites alone move"
    return median(one["spent"] + (0.0 if before["sky"] else before["spent"]) for one, before in pairs)
