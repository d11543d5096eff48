"""Side-by-side benchmarks: each workload with its baseline in the same run, on the same data, checked to agree."""
