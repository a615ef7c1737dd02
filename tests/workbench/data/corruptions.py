"""Plants what goes wrong with data: units, signs, orders, rows, calibration, words, pictures. One wrong thing each.

`archive_corruptions` and `lerobot_corruptions` change one thing of episode `BAD` (pictures and tasks are swapped with
another's) and mend the statistics: data that was wrong when it was written has the statistics of what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BAD, OTHER = 0, 1
"""Episodes that are changed: two renderings of one demonstration."""
OTHER_TASK = 2
"""An episode of another demonstration."""
NONSENSE = "colourless green ideas sleep furiously"
TRANSLATION = slice(0, 3)


@dataclass(frozen=True)
class Corruption:
    """One wrong thing."""

    name: str
    says: str
    """Regular expression that one problem must match: the field at fault, and the cause."""
    plant: Callable[..., None]
    """Changes a list of episodes of an archive, or the folder of a LeRobot dataset, in place."""


def scaled(values: np.ndarray, columns: slice | int, factor: float) -> np.ndarray:
    """Rows of which some numbers are multiplied."""
    found = values.copy()
    found[..., columns] *= factor
    return found
