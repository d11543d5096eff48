"""Round-trip times of all pairs, against Hypatia's own.

Hypatia (snkas/hypatia, algorithm free_one_only_over_isls) computed the figures. The shared folder holds all pairs at
four instants with its inputs, and is read where it is there; a few of its figures stand here with the shell they
belong to, so that the comparison holds without it. An independent replica agrees to 0.0014 ms; we ask for 0.01.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from command_line import openleo
from compared import compared, same

SHARED = Path("shared") / "golden" / "hypatia_starlink_550"
GOLDEN = next(
    (there for folder in Path(__file__).resolve().parents if (there := folder / SHARED).is_dir()),
    Path(__file__).parents[3] / SHARED,
)
TOLERANCE_MS = 0.01
PLANES, PER_PLANE = 72, 22

# Hypatia's answers at t = 0, in ms, and the places as its list of cities has them.
PLACES = {
    "Manila": (14.6042, 120.9822),
    "Dalian": (38.9122, 121.6022),
    "Istanbul": (41.0135, 28.9497),
    "Nairobi": (-1.2833, 36.8167),
}
AT_0 = {("Manila", "Dalian"): 38.896, ("Istanbul", "Nairobi"): 76.505}


def rtt(scenario: Path, out: Path, *options: str) -> list[dict[str, str]]:
    """The rows that `openleo rtt` writes."""
    code, _, err = openleo("rtt", scenario, "--out", out, *options)
    assert code == 0, err
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def with_checksum(line: str) -> str:
    return line + str(sum(int(c) if c.isdigit() else c == "-" for c in line) % 10)


def shell_as_tles() -> str:
    """Starlink's first shell as Hypatia writes it: odd planes lead by half a slot, angles to four decimals."""
    lines = [f"{PLANES} {PER_PLANE}"]
    for plane in range(PLANES):
        for slot in range(PER_PLANE):
            number = plane * PER_PLANE + slot + 1
            anomaly = (slot + (plane % 2) / 2.0) * 360.0 / PER_PLANE
            first = f"1 {number:05d}U 00000ABC 00001.00000000  .00000000  00000-0  00000+0 0    0"
            node = plane * 360.0 / PLANES
            second = f"2 {number:05d}  53.0000 {node:8.4f} 0000001   0.0000 {anomaly:8.4f} 15.19000000    0"
            lines += [f"shell {number - 1}", with_checksum(first), with_checksum(second)]
    return "\n".join(lines) + "\n"


def grid_links() -> str:
    lines = []
    for plane in range(PLANES):
        for slot in range(PER_PLANE):
            here = plane * PER_PLANE + slot
            lines.append(f"{here} {plane * PER_PLANE + (slot + 1) % PER_PLANE}")
            lines.append(f"{here} {(plane + 1) % PLANES * PER_PLANE + slot}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hypatia")
    (folder / "tles.txt").write_text(shell_as_tles())
    (folder / "isls.txt").write_text(grid_links())
    stations = [f"{n},{name},{lat},{lon},0.0,0,0,0" for n, (name, (lat, lon)) in enumerate(PLACES.items())]
    (folder / "ground_stations.txt").write_text("\n".join(stations) + "\n")
    (folder / "description.txt").write_text("max_gsl_length_m=1089686.418\nmax_isl_length_m=5016591.233\n")
    return folder


def scenario(folder: Path, directory: Path) -> Path:
    path = folder / "scenario.toml"
    path.write_text(f'conventions = "hypatia"\n[constellation]\nhypatia = "{directory}"\n')
    return path


def test_a_few_pairs_against_hypatia(directory: Path, tmp_path: Path) -> None:
    rows = rtt(scenario(tmp_path, directory), tmp_path / "rtt.csv", "--at", "0")
    found = {(row["from"], row["to"]): float(row["rtt_ms"]) for row in rows}
    assert len(found) == len(PLACES) * (len(PLACES) - 1)
    for (start, end), expected_ms in AT_0.items():
        compared(
            authority="Hypatia",
            what="RTT over Starlink's first shell at t = 0, both ways",
            case=f"{start} to {end}",
            theirs=[expected_ms, expected_ms],
            ours=[found[start, end], found[end, start]],
            tolerance=TOLERANCE_MS,
            unit="ms",
        )


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the shared golden round-trip times are not here")
def test_all_pairs_against_hypatia(tmp_path: Path) -> None:
    golden = np.load(GOLDEN / "rtt.npz")
    times = [f"{time:g}" for time in golden["times_s"]]
    rows = rtt(scenario(tmp_path, GOLDEN), tmp_path / "rtt.csv", "--at", ",".join(reversed(times)))
    names = [line.split(",")[1] for line in (GOLDEN / "ground_stations.txt").read_text().splitlines()]
    assert len(rows) == len(times) * len(names) * (len(names) - 1)
    place = {name: n for n, name in enumerate(names)}
    at = np.array([times.index(row["t_s"]) for row in rows])
    start, end = (np.array([place[row[key]] for row in rows]) for key in ("from", "to"))
    robust, expected_ms, hops = (golden[key][at, start, end] for key in ("robust", "rtt_ms", "hops"))
    found_ms, found_hops = (np.array([float(row[key] or "nan") for row in rows]) for key in ("rtt_ms", "hops"))
    reached = np.isfinite(expected_ms)
    assert robust.mean() > 0.9
    compared(
        authority="Hypatia",
        what="RTT of all pairs of 100 cities at four instants",
        theirs=expected_ms[robust & reached],
        ours=found_ms[robust & reached],
        tolerance=TOLERANCE_MS,
        unit="ms",
    )
    same(
        authority="Hypatia",
        what="links on the way, all pairs of 100 cities",
        theirs=hops[robust & reached],
        ours=found_hops[robust & reached],
    )
    assert np.isnan(found_ms[robust & ~reached]).all()


def test_without_links_far_places_are_unreachable_and_near_ones_share_a_satellite(
    directory: Path, tmp_path: Path
) -> None:
    (tmp_path / "bare").mkdir()
    for name in ("tles.txt", "ground_stations.txt", "description.txt"):
        (tmp_path / "bare" / name).write_text((directory / name).read_text())
    (tmp_path / "bare" / "isls.txt").write_text("0 1\n")
    sites = tmp_path / "sites.csv"
    sites.write_text("name,lat_deg,lon_deg\nManila,14.6042,120.9822\nSubic,14.82,120.28\nNairobi,-1.2833,36.8167\n")
    rows = rtt(scenario(tmp_path, tmp_path / "bare"), tmp_path / "rtt.csv", "--at", "0,15", "--sites", str(sites))
    found = {(row["t_s"], row["from"], row["to"]): (row["rtt_ms"], row["hops"]) for row in rows}
    assert found["0", "Manila", "Nairobi"] == ("", "")
    assert found["15", "Manila", "Subic"][1] == "2"  # one satellite, first and last


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("isls.txt", "3 9999", "satellites 0 to 1583"),
        ("isls.txt", "7 7", "joins 7 and 7"),
        ("isls.txt", "1 0", "joins 1 and 0, as line 1 does"),
        ("isls.txt", "a b", "two numbers"),
        ("ground_stations.txt", "4,Manila,1.0,2.0,0.0,0,0,0", "stands there twice"),
        ("ground_stations.txt", "4,Nowhere,north,2.0,0.0,0,0,0", "without latitude"),
    ],
)
def test_a_directory_at_fault_is_refused_with_the_line(
    directory: Path, tmp_path: Path, name: str, line: str, said: str
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in directory.iterdir():
        (broken / path.name).write_text(path.read_text() + (line + "\n" if path.name == name else ""))
    out = tmp_path / "rtt.csv"
    code, _, err = openleo("rtt", scenario(tmp_path, broken), "--out", out, "--at", "0")
    assert code == 2
    assert said in err
    assert name in err
    assert not out.exists()
