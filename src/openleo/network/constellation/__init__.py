"""Which satellites there are: Walker shells of the catalogue or the user's own, or element sets of a file.

shells · elements (OMM, TLE) · catalogue ─► model.Constellation ─► ephemeris
"""

from openleo.network.constellation.model import NO_PLANE, Constellation, from_elements, from_shells, only

__all__ = ["NO_PLANE", "Constellation", "from_elements", "from_shells", "only"]
