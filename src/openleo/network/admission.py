"""Which ground links count: what a scenario says beside the two elevation masks.

Takes masks of shells and of single gateways, horizons and the angle to the geostationary arc; gives the Conditions that
every kernel with ground links tests, so that all verbs admit the same links. By default nothing is added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.network.constellation import NO_PLANE, Constellation
from openleo.network.jamming import Disturbed
from openleo.network.kernels.admission import Conditions

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroundLimits:
    """Masks in degrees by shell, in the constellation's order (empty for none): the greater of these and the site's
    own counts. horizons: by name of a site, rows (azimuth, elevation) in degrees by azimuth. gso_exclusion_deg: the
    least angle to the geostationary arc, 0 for none. gateway_own_deg, gateway_antennas: axes (gateway,), NaN and −1
    where nothing is said; empty for none. gateway_spread_ms: of light, one way; how much longer a way may be so that
    gateways carry more alike; None for the nearest gateway. hidden: where cells do not see the low sky.
    """

    user_shell_deg: tuple[float, ...] = ()
    gateway_shell_deg: tuple[float, ...] = ()
    gso_exclusion_deg: float = 0.0
    horizons: Mapping[str, Floats] = field(default_factory=dict)
    gateway_own_deg: tuple[float, ...] = ()
    gateway_antennas: tuple[int, ...] = ()
    gateway_spread_ms: float | None = None
    hidden: tuple[Disturbed, ...] = ()

    def said(self) -> dict[str, Any]:
        """Everything of it, for a fingerprint; empty by default."""
        named: dict[str, Any] = {
            "user_shell_deg": [str(deg) for deg in self.user_shell_deg],
            "gateway_shell_deg": [str(deg) for deg in self.gateway_shell_deg],
            "gso_exclusion_deg": str(self.gso_exclusion_deg) if self.gso_exclusion_deg else "",
            "horizons": {n: hashlib.sha256(rows.tobytes()).hexdigest() for n, rows in sorted(self.horizons.items())},
            "gateway_own_deg": [str(deg) for deg in self.gateway_own_deg],
            "gateway_antennas": list(self.gateway_antennas),
            "gateway_spread_ms": "" if self.gateway_spread_ms is None else str(self.gateway_spread_ms),
            "hidden": [one.said() for one in self.hidden],
        }
        return {name: value for name, value in named.items() if value}

    def for_users(self, constellation: Constellation, names: Sequence[str]) -> Conditions:
        """What the links of terminals must meet; `names` of the sites, or empty where none has a horizon."""
        return self._conditions(constellation, self.user_shell_deg, names)

    def for_gateways(self, constellation: Constellation, names: Sequence[str]) -> Conditions:
        """What feeder links must meet."""
        return self._conditions(constellation, self.gateway_shell_deg, names)

    def gateway_masks_deg(self, otherwise_deg: float, gateways: int) -> Floats:
        """Each gateway's own mask, or `otherwise_deg` where its list says none."""
        own = np.array(self.gateway_own_deg or [np.nan] * gateways)
        return np.where(np.isnan(own), otherwise_deg, own)

    def _conditions(
        self, constellation: Constellation, shell_deg: tuple[float, ...], names: Sequence[str]
    ) -> Conditions:
        rows = [closed(self.horizons[name]) if name in self.horizons else np.empty((0, 2)) for name in names]
        has_horizon = any(len(one) for one in rows)
        if not shell_deg and not self.gso_exclusion_deg and not has_horizon:
            return NO_CONDITIONS
        sine = np.full(len(constellation), -1.0)
        if shell_deg:
            if len(shell_deg) != len(constellation.shell_names):
                raise ValueError(f"masks of {len(shell_deg)} shells for {len(constellation.shell_names)} shells")
            placed = constellation.shell != NO_PLANE  # who is in no shell keeps to the site's own mask alone
            sine[placed] = np.sin(np.radians(shell_deg))[constellation.shell[placed]]
        offsets = np.concatenate([[0], np.cumsum([len(one) for one in rows])]).astype(np.int64)
        return Conditions(
            True,
            sine,
            float(np.radians(self.gso_exclusion_deg)),
            offsets if has_horizon else np.zeros(0, np.int64),
            np.concatenate(rows) if has_horizon else np.empty((0, 2)),
        )


def closed(rows: Floats) -> Floats:
    """A horizon's rows by azimuth, with its last before 0° and its first after 360°."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    rows = rows[:-1] if rows[-1, 0] - rows[0, 0] == 360.0 else rows
    turn = np.array([360.0, 0.0])
    return np.ascontiguousarray(np.vstack([rows[-1] - turn, rows, rows[0] + turn]))


NO_LIMITS = GroundLimits()
NO_CONDITIONS = Conditions(False, np.empty(0), 0.0, np.zeros(0, np.int64), np.empty((0, 2)))
