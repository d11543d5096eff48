"""A terminal's leases: what it signs to ask for one, and what each answer leaves it with.

Written from the protocol's description (docs/reference/http.md), with nothing of the controller's. Pure: the time, the
nonce and the answer are handed in.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DOMAIN = b"openleo-lease@v1\n"
UNCERTAINTY_M, ALTITUDE_M = 20.0, 20.0  # of a dish on a roof
NOT_ASKED, LAPSED = "no_lease", "lease_lapsed"  # why nothing passes
NOT_PERMITTED = "not_permitted"
GIVEN, UNKNOWN, REFUSED = 201, 401, 403  # answers that decide; all others leave things as they were


@dataclass(frozen=True)
class Device:
    """A terminal that stands still."""

    id: str
    key: Ed25519PrivateKey
    latitude_deg: float
    longitude_deg: float

    def request(self, at_s: float, nonce: str) -> dict[str, Any]:
        """The body that asks for a lease, signed."""
        position = {"lat_deg": self.latitude_deg, "lon_deg": self.longitude_deg, "uncertainty_m": UNCERTAINTY_M}
        said: dict[str, Any] = {
            "terminal": self.id,
            "position": position | {"age_s": 0.0, "source": "gnss"},
            "speed_kmh": 0.0,
            "altitude_m": ALTITUDE_M,
            "at": datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "nonce": nonce,
        }
        signature = self.key.sign(DOMAIN + rfc8785.dumps(said))
        return said | {"signature": base64.b64encode(signature).decode()}


@dataclass(frozen=True)
class InHand:
    """A lease over slots from `first` up to `until`, or none. why, because: of the last refusal, "" where none was."""

    first: int = 0
    until: int = 0
    rate_mbps: tuple[float, float] = (math.inf, math.inf)  # up, down
    why: str = ""
    because: str = ""

    def holds(self, slot: int) -> bool:
        return self.first <= slot < self.until

    @property
    def why_dark(self) -> str:
        """In a slot that it does not hold."""
        return self.why or (LAPSED if self.until else NOT_ASKED)

    def after(self, status: int, said: dict[str, Any], slot_s: float, phase_s: float) -> InHand:
        """What an answer leaves.

        A refusal by the rules or by the registry ends what is in hand, for the plan serves it no longer; so does that
        nobody of this key is known. Where the network has nothing to give now, and where no decision came, a lease
        lapses by itself.
        """
        if status == GIVEN:
            valid_until_s = datetime.fromisoformat(said["valid_until"]).timestamp()
            whole = math.floor((valid_until_s - phase_s) / slot_s + 1e-6)  # slots that it holds to the end of
            rates = [math.inf if said[name] is None else float(said[name]) for name in ("up_mbps", "down_mbps")]
            return InHand(int(said["slots"][0]), min(int(said["slots"][1]), whole), (rates[0], rates[1]))
        if status == REFUSED:
            rules = " ".join(one["rule"] for one in said.get("because", ()))
            refused = replace(self, why=said["why"], because=rules)
            return replace(refused, first=0, until=0) if said["why"] == NOT_PERMITTED else refused
        if status == UNKNOWN:
            return InHand(why=NOT_ASKED, because=str(said.get("type", "")).rpartition(":")[2])
        return self
