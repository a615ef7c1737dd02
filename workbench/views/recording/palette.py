"""Colours with a meaning, the same in every view.

Objects are red, green, blue, yellow, purple or orange on a brown table; these stand out from all of them.
"""

from __future__ import annotations

Rgba = tuple[int, int, int, int]

PREDICTED: Rgba = (255, 90, 225, 255)
"""What the policy said."""
TRUE: Rgba = (0, 235, 255, 255)
"""What the simulator knows."""
EXECUTED: Rgba = (255, 255, 255, 255)
"""Where the tool went."""
TO_COME: Rgba = (255, 255, 255, 90)
"""Where the tool will go later in the episode."""
RAY: Rgba = (255, 90, 225, 110)
"""Everything in space that a predicted pixel may mean."""
TABLE: Rgba = (120, 105, 90, 255)
SERIES: tuple[Rgba, ...] = (
    (86, 180, 233, 255),
    (230, 159, 0, 255),
    (0, 200, 140, 255),
    (240, 228, 66, 255),
    (213, 94, 0, 255),
    (204, 121, 167, 255),
    (170, 170, 170, 255),
)
"""Lines of a plot in order; Okabe and Ito's palette, which colour-blind readers can tell apart."""
