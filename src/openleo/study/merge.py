"""Shards that were computed apart, put together: the results in several folders into one store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openleo.errors import InputError, Problem, counted
from openleo.study.running import Asked
from openleo.study.store import Store


@dataclass(frozen=True)
class Merged:
    """How many runs came, how many of them stood in several folders, how many files are of no run of the study."""

    taken: int
    twice: int
    strange: int


def merge(folders: Sequence[Path], asked: Sequence[Asked], store: Store) -> Merged:
    """Take the results of a study's runs from other folders. Raises InputError with every problem; then none is taken.

    A run in several folders is the same in all: its address says what it was computed from.
    """
    problems = _faults(folders, store)
    if problems:
        raise InputError(problems)
    wanted = {one.address: one.run.number for one in asked}
    whence: dict[str, Store] = {one: store for one in store.addresses() if one in wanted}
    here = set(whence)
    twice = strange = 0
    for folder in folders:
        shard = Store(folder, store.version)
        for address in shard.addresses():
            if address not in wanted:
                strange += 1
            elif (found := shard.get(address)) is None:
                rule = f"holds results of run {wanted[address]} that are not whole: {shard.path(address).name}."
                problems.append(Problem(str(folder), "", rule, "Remove that file; the run is computed again."))
            elif (other := whence.setdefault(address, shard)) is not shard:
                twice += address not in here
                if (known := other.get(address)) is not None and known.rows != found.rows:
                    rule = f"has other results of run {wanted[address]} than {other.folder}."
                    way_out = (
                        f"One of them was altered, or a processor computes otherwise ({address}); compute it again."
                    )
                    problems.append(Problem(str(folder), "", rule, way_out))
    if problems:
        raise InputError(problems)
    coming = [address for address in whence if address not in here or address not in store]
    for address in coming:
        if (found := whence[address].get(address)) is not None:
            store.keep(found)
    return Merged(len(coming), twice, strange)


def _faults(folders: Sequence[Path], store: Store) -> list[Problem]:
    problems = []
    seen: dict[Path, Path] = {}
    for folder in folders:
        place = folder.resolve()
        if place in seen:
            problems.append(Problem(f"--merge {folder}", "", "is given twice.", "Name each shard's folder once."))
        elif place == store.folder.resolve():
            problems.append(Problem(f"--merge {folder}", "", "is where the study is put together.", "Leave it out."))
        elif not place.is_dir():
            problems.append(Problem(f"--merge {folder}", "", "there is no such folder.", "Check the path."))
        else:
            problems += _versions(folder, store.version)
        seen[place] = folder
    return problems


def _versions(folder: Path, version: str) -> list[Problem]:
    shard = Store(folder, version)
    if next(shard.addresses(), None) is not None:
        return []
    others = ", ".join(f"{counted(count, 'run', form=',')} of {name}" for name, count in shard.others().items())
    if not others:
        rule = "holds no results of runs."
        return [Problem(f"--merge {folder}", "", rule, "Name the --out folder of a shard.")]
    rule = f"holds {others}; this is {version}, and results of two versions are not mixed."
    return [Problem(f"--merge {folder}", "", rule, "Compute the shard again, or merge with that version.")]
