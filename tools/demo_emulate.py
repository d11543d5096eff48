"""Real packets over a planned network whose rules change at half-time: `make demo-emulate`, as root.

    a ping from Manila to Tokyo ─► Taipei permitted: a stream passes ─► not permitted: nothing does ─► permitted again
                                ─► planned against measured, as a picture

Everything is done by the command line; every command is printed. Fails where the network did otherwise than planned.
Under two minutes. Times are the machine's as well: a busy one is told by the summary, and does not fail this.
"""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = ROOT / "out" / "emulate-taiwan"
TAIWAN = ROOT / "examples" / "taiwan.toml"
EXPERIMENT = ROOT / "examples" / "emulate-taiwan.toml"
OPENLEO = [sys.executable, "-m", "openleo"]
DARK_FROM_S, DARK_UNTIL_S = 30, 45  # as the experiment's rules say
STREAM_MBPS = 2.0


def openleo(*words: str | Path) -> int:
    """Run a verb, shown as a person would type it."""
    shown = [str(word.relative_to(ROOT)) if isinstance(word, Path) else word for word in words]
    print(f"\n$ openleo {shlex.join(shown)}", flush=True)
    return subprocess.run([*OPENLEO, *map(str, words)], cwd=ROOT, check=False).returncode


def check(holds: object, otherwise: str) -> None:
    """Leaves the programme where something is not as it should be."""
    if not holds:
        sys.exit(f"not as it should be: {otherwise}")


def taipei() -> list[dict[str, str]]:
    """The rows of each second of the run at Taipei."""
    with (OUT / "seconds.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["terminal"] == "Taipei"]


def stream_mbps(rows: list[dict[str, str]], first_s: int, last_s: int) -> float:
    """The mean rate towards the terminal over some seconds."""
    some = [float(row["down_mbps"]) for row in rows if first_s <= int(row["t_s"]) < last_s]
    return sum(some) / len(some)


def main() -> None:
    if os.geteuid() != 0:
        print("Not as root: this works where anybody may make a user namespace and open /dev/net/tun.")
    check(
        openleo("emulate", TAIWAN, "--between", "Manila", "Tokyo", "--for", "30s", "--out", OUT / "ping", "--",
                "ping", "-4", "-c", "5", "Tokyo") == 0,
        "a ping from Manila did not come back",
    )  # fmt: skip
    print("\nTaipei, where nothing is served under the scenario's own rules, is refused before anything starts:")
    check(
        openleo("emulate", TAIWAN, "--between", "Taipei", "Tokyo", "--for", "1m", "--", "ping", "Tokyo") == 2,
        "a place that is never served was let through",
    )
    print("\nNow under rules that permit it, withdraw it after 30 s, and permit it again after 45 s:")
    check(openleo("emulate", "experiment", EXPERIMENT, "--out", OUT) == 0, "a command failed")
    rows = taipei()
    before, dark, after = (
        stream_mbps(rows, *span) for span in ((5, DARK_FROM_S), (DARK_FROM_S, DARK_UNTIL_S), (DARK_UNTIL_S, 70))
    )
    came = sum(int(row["sent"]) - int(row["lost"]) for row in rows if row["served"] == "false")
    print(f"\nTowards Taipei: {before:.2f} Mbit/s; while not permitted {dark:.2f}; permitted again {after:.2f}")
    print(f"Echoes that came back while it was not permitted: {came}")
    check(before > 0.8 * STREAM_MBPS, "the stream did not pass while it was permitted")
    check(dark == 0.0 and came == 0, "something passed while it was not permitted")
    check(after > 0.8 * STREAM_MBPS, "the stream did not come back")
    summary = json.loads((OUT / "summary.json").read_text(encoding="utf-8"))
    if not summary["valid"]:
        print(f"This machine was busy: {summary['invalid_because']}. What passed is right, its times are not.")
    print(f"Planned against measured: {(OUT / 'emulation.png').relative_to(ROOT)}")


if __name__ == "__main__":
    main()
