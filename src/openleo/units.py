"""Constants and conversions: each with its unit in its name and its source beside it."""

from __future__ import annotations

LIGHT_KM_PER_S = 299_792.458  # exact, SI
EARTH_RADIUS_KM = 6378.137  # WGS 84 equatorial radius (NGA.STND.0036)
EARTH_FLATTENING = 1.0 / 298.257223563  # WGS 84 (NGA.STND.0036)
EARTH_POLAR_RADIUS_KM = EARTH_RADIUS_KM * (1.0 - EARTH_FLATTENING)
EARTH_MEAN_RADIUS_KM = 6371.0088  # (2a + b) / 3 of WGS 84
WGS72_RADIUS_KM = 6378.135  # WGS 72 equatorial radius (Seppelin 1974): SGP4's unit of length
GRAZING_ALTITUDE_KM = 80.0  # lasers keep above the mesosphere (Hypatia, IMC 2020, section 3.1, uses the same)
BEAM_KM = 12.0  # half of the 24 km that a cell of Starlink's is wide; its filed -3 dB contours are up to 30 km around
NAUTICAL_MILE_KM = 1.852  # exact, BIPM
SECONDS_PER_DAY = 86_400.0
MS_PER_S = 1_000.0
M_PER_KM = 1_000.0

FIBRE_REFRACTIVE_INDEX = 1.468  # group index of G.652 single-mode fibre at 1550 nm (Corning SMF-28 data sheet: 1.4682)
