"""The colours of maps, the same on paper and in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

OCEAN, LAND = "#eef2f5", "#dcdad5"
# By the reason's word. Reds and greys stay apart from the colours of the round-trip time for all common kinds of colour
# vision, and by lightness in print; what is not permitted is hatched besides.
REASON_COLOURS = {
    "not_permitted": "#f6cfc4",
    "no_satellite": "#3c3c3c",
    "no_gateway": "#9d9d9d",
    "no_capacity": "#cc79a7",
}


def rtt_colours() -> Colormap:
    """Viridis without its darkest end, where coasts would drown; short times are light."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["viridis"](np.linspace(0.97, 0.16, 256)), name="rtt")
