"""Fair shares of links among flows, beside the same filling with a sparse matrix."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_matrix

from benchmarks.workloads import Baseline, Workload
from openleo.network import max_min

FLOWS, LINKS, HOPS = 20_000, 10_000, 12


def fair_shares() -> Workload:
    """Flows over twelve links each, of which a few are wanted by most, as gateways' are."""
    random = np.random.default_rng(1)
    link = (LINKS * random.random((FLOWS, HOPS)) ** 3).astype(np.int32).ravel()
    offsets = np.arange(0, link.size + 1, HOPS)
    capacity, demand = random.uniform(1e3, 2e4, LINKS), random.exponential(50.0, FLOWS)
    flow = np.repeat(np.arange(FLOWS), HOPS)

    def ours() -> np.ndarray:
        return max_min.fill(offsets, link, capacity, demand_mbps=demand).rate_mbps

    def by_sparse_matrix() -> np.ndarray:
        uses = csc_matrix((np.ones(link.size), (link, flow)), shape=(LINKS, FLOWS)).tocsr()
        by_flow = uses.T.tocsr()
        rate, growing = np.zeros(FLOWS), np.ones(FLOWS, bool)
        while growing.any():
            wanted = uses @ growing.astype(float)
            left = capacity - uses @ np.where(growing, 0.0, rate)
            level_of = np.divide(left, wanted, out=np.full(LINKS, np.inf), where=wanted > 0.0)
            level = level_of.min()
            met = growing & (demand <= level)
            # All demands below the first link's level are met before it is full; then levels are taken anew.
            stopped = met if met.any() else growing & (by_flow @ (level_of == level).astype(float) > 0.0)
            rate[stopped] = np.minimum(demand[stopped], level)
            growing &= ~stopped
        return rate

    def check() -> None:
        assert np.allclose(ours(), by_sparse_matrix(), rtol=1e-9)

    name = f"max-min shares of {FLOWS:,} flows over {LINKS:,} links"
    return Workload(name, ours, (Baseline("scipy sparse, by rounds", by_sparse_matrix),), check)
