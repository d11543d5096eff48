"""Which satellites there are: Walker shells of the catalogue or the user's own, element sets or ephemerides of files.

shells · elements (OMM, TLE) · ephemeris_set (OEM, MEME) · catalogue ─► model.Constellation ─► ephemeris
"""

from openleo.network.constellation.model import (
    NO_PLANE,
    Constellation,
    from_elements,
    from_ephemerides,
    from_shells,
    only,
)

__all__ = ["NO_PLANE", "Constellation", "from_elements", "from_ephemerides", "from_shells", "only"]
