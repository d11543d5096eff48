#!/bin/sh
# A study on SLURM as independent jobs, each a shard:   sbatch examples/cluster/slurm_array.sh STUDY.toml OUT
#SBATCH --array=1-64
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=02:00:00

# All write to OUT, on a disk that they share; the last one that is done writes the dataset.
# A task that failed is given again alone: sbatch --array=5 examples/cluster/slurm_array.sh STUDY.toml OUT
exec openleo study "$1" --shard "$SLURM_ARRAY_TASK_ID/${SHARDS:-64}" --workers 1 --out "$2"
