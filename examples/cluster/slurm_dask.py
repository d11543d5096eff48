"""A study on SLURM by dask-jobqueue: starts the workers, computes, and ends them.

    pip install dask-jobqueue
    python examples/cluster/slurm_dask.py STUDY.toml [openleo study's options]

Run it where jobs can be submitted, in an environment that workers have, too: the same OpenLEO, on a shared disk.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any


def main(cluster_class: Any, jobs: int, arguments: list[str], **of_a_job: Any) -> int:
    """Give `openleo study` a cluster of some jobs; each has `cores` of its own, one process a core."""
    with cluster_class(**of_a_job) as cluster:
        cluster.scale(jobs=jobs)
        cluster.wait_for_workers(1)
        openleo = Path(sys.executable).with_name("openleo")  # of this environment, as workers'
        command = [openleo, "study", *arguments, "--cluster", cluster.scheduler_address]
        return subprocess.run(command).returncode  # noqa: S603 - what its own user asked for


if __name__ == "__main__":  # workers that are processes read this file again
    from dask_jobqueue import SLURMCluster

    sys.exit(main(SLURMCluster, 8, sys.argv[1:], cores=16, processes=16, memory="32GB", walltime="02:00:00"))
