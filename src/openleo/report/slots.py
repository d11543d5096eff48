"""Every slot of every cell, for those who want more than statistics: `slots.zarr`.

A SlotsWriter is handed each chunk of reach while the run goes on. It writes beside the output folder; `write` moves
what it wrote into place with the other files, and leaving the writer removes it if that did not happen.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec

import openleo
from openleo import cells as h3cells
from openleo.instants import instant_text
from openleo.network.reach import Reach
from openleo.report.staging import Staging, blaming
from openleo.results import Case

SLOTS_ZARR = "slots.zarr"
CELLS_IN_CHUNK = 16_384
NS_PER_S = 1_000_000_000

# name → (type, unit, meaning), axes (slot, cell)
VARIABLES = {
    "rtt_ms": ("float32", "ms", "Round-trip time from the terminal to the PoP; NaN where nobody serves."),
    "satellite": ("int32", "", "Number of the serving satellite, an index into satellite_name; -1 for nobody."),
    "seen": ("int16", "satellites", "Satellites above the elevation mask."),
}


class SlotsWriter:
    """A context manager; hand `on_reach` to the run and the writer itself to `write`."""

    def __init__(self, folder: Path, case: Case):
        self._folder = folder
        self._case = case
        self._staging = Staging(folder)
        self._arrays: dict[str, Any] = {}

    @property
    def path(self) -> Path:
        """Where the store is until it is moved into place."""
        return self._staging.path / SLOTS_ZARR

    def __enter__(self) -> SlotsWriter:
        with blaming(self._folder):
            self._staging.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._staging.__exit__(kind, error, trace)

    def on_reach(self, cells: h3cells.Cells, reach: Reach) -> None:
        """Write one chunk of slots."""
        with blaming(self._folder):
            if not self._arrays:
                self._create(cells, len(reach.satellite))
            where = slice(reach.first_slot, reach.first_slot + len(reach.satellite))
            self._arrays["rtt_ms"][where] = np.where(reach.satellite >= 0, reach.rtt_ms, np.float32(np.nan))
            self._arrays["satellite"][where] = reach.satellite
            self._arrays["seen"][where] = reach.seen

    def _create(self, cells: h3cells.Cells, slots_in_chunk: int) -> None:
        """The store, chunked in time as the run is, so that no chunk is written twice."""
        case = self._case
        group = zarr.create_group(self.path, zarr_format=3)
        group.attrs.update(
            {
                "scenario": case.name,
                "openleo": openleo.__version__,
                "start": instant_text(case.grid.start),
                "slot_s": case.grid.slot_s,
                "resolution": case.resolution,
                "network_sha256": case.network_sha256,
                "coordinates": "time satellite_name satellite_id",
            }
        )
        shape = (case.grid.slots, len(cells))
        for name, (type_, unit, meaning) in VARIABLES.items():
            self._arrays[name] = group.create_array(
                name,
                shape=shape,
                chunks=(slots_in_chunk, min(len(cells), CELLS_IN_CHUNK)),
                dtype=type_,
                fill_value=np.nan if type_ == "float32" else -1,
                compressors=BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"),
                dimension_names=("slot", "cell"),
                attributes={"long_name": meaning, **({"units": unit} if unit else {})},
            )
        constellation = case.network.constellation
        _coordinate(group, "cell", "cell", np.array(h3cells.text(cells)), "H3 index, in hexadecimal")
        _coordinate(group, "satellite_name", "number", np.array(constellation.satellite_name), "name of each satellite")
        _coordinate(
            group, "satellite_id", "number", constellation.satellite_id, "catalogue number; of shells, the index"
        )
        _coordinate(group, "time", "slot", self._time_ns(), "start of the slot, UTC", **TIME)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zarr: "not part of the Zarr format 3 specification"; xarray asks for it
            zarr.consolidate_metadata(group.store)

    def _time_ns(self) -> NDArray[np.int64]:
        start = np.datetime64(self._case.grid.start.replace(tzinfo=None), "ns").astype(np.int64)
        since = np.round(self._case.grid.seconds(0, self._case.grid.slots) * NS_PER_S).astype(np.int64)
        return np.asarray(start + since)


TIME = {"units": "nanoseconds since 1970-01-01", "calendar": "proleptic_gregorian"}


def _coordinate(group: Any, name: str, axis: str, values: NDArray[Any], meaning: str, **attributes: str) -> None:
    """A one-dimensional array; strings are written with a length of their own each (zarr's `string`)."""
    text = values.dtype.kind == "U"
    array = group.create_array(
        name,
        shape=values.shape,
        dtype="string" if text else values.dtype,
        dimension_names=(axis,),
        attributes={"long_name": meaning, **attributes},
    )
    array[:] = values.astype(object) if text else values
