"""The pictures of docs/scenarios, made by the commands that a reader has.

    python tools/scenario_pictures.py [NAME…]

Maps come from `openleo plan` and `openleo policy effect`, the other pictures from the scripts beside the scenarios. All
are brought to a width that a page shows, and to a palette.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
WIDEST = 1400
SLOTS = ("--slots", "240")

# Name of the scenario's folder, the command in it, and the file that it makes; OUT stands for a folder of its own.
EFFECT = ("policy", "effect", "--scenario", "scenario.toml", "--out", "OUT", *SLOTS)
MADE: dict[str, tuple[tuple[str, ...], str]] = {
    "who-is-reached-when-service-is-activated": (("plan", "gateways-out.toml", "--out", "OUT", *SLOTS), "map.png"),
    "who-loses-service-in-a-coastal-strip": (
        (*EFFECT, "rules/served-to-the-coast.toml", "rules/served-to-the-coast.toml,rules/strip-100-km.toml"),
        "before-and-after.png",
    ),
    "who-depends-on-one-account": (
        (*EFFECT, "rules/in-service.toml", "rules/in-service.toml,rules/payment-stopped.toml"), "map.png",
    ),
    "whom-does-a-speed-limit-cut": (("rates.py", "--picture", "OUT/made.png"), "made.png"),
    "where-does-service-end-across-a-line": (("tracks.py", "--picture", "OUT/made.png"), "made.png"),
    "what-may-a-roaming-terminal-do": (
        (*EFFECT, "rules/roaming.toml", "rules/roaming.toml,rules/no-motion-on-land.toml"), "map.png",
    ),
    "who-depends-on-a-gateway-country": (("plan", "scenario-no-isl.toml", "--out", "OUT", *SLOTS), "map.png"),
}  # fmt: skip


def make(name: str) -> Path:
    """Make the picture of a scenario."""
    words, file = MADE[name]
    program = [sys.executable] if words[0].endswith(".py") else [sys.executable, "-m", "openleo"]
    with tempfile.TemporaryDirectory() as folder:
        words = tuple(word.replace("OUT", folder) for word in words)
        subprocess.run([*program, *words], cwd=ROOT / "examples" / name, check=True, stdout=subprocess.DEVNULL)
        with Image.open(Path(folder) / file) as picture:
            small = picture.convert("RGB")
            small.thumbnail((WIDEST, WIDEST))
            target = PICTURES / f"{name}.png"
            # Covering the range of colours, not the commonest ones: the far end of a scale is rare, and has to show.
            few = small.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            few.save(target, optimize=True)
    return target


def main() -> None:
    for name in sys.argv[1:] or MADE:
        made = make(name)
        print(f"{made.relative_to(ROOT)}: {made.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
