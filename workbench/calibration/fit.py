"""`calibrate`: lens, camera and board from pictures, with intervals by a bootstrap over pictures.

Resampled are pictures, not corners: corners of one picture err together, with the arm's posture. The interval of a
number is 1.96 standard deviations of its estimates either way. With n pictures, the spread of a bootstrap is short by
about sqrt((n - p) / n), p of them being used up by the parameters; `widened` says by how much it was made longer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.calibration.board import Seen
from workbench.calibration.hand_eye import HandEye, fit_hand_eye, residuals
from workbench.calibration.lens import LEAST_PICTURES, SIMULATED, Lens, fit_lens
from workbench.calibration.poses import inverse, to_six

NORMAL_95 = 1.959964
USED_UP = 4.0
"""Pictures' worth of data that lens, camera and board take: about 12 + 8 numbers of some 6 that a picture says."""
NAMES = ("focal_x", "focal_y", "centre_x", "centre_y", "k1", "k2", "p1", "p2")
POSE = ("turn_x", "turn_y", "turn_z", "x", "y", "z")


@dataclass(frozen=True)
class Fitted:
    """What pictures say."""

    lens: Lens
    simulated: Lens
    """The simpler lens, see `workbench.calibration.lens`."""
    hand_eye: HandEye
    lens_px: float
    """Root mean square of what the lens alone leaves [px]."""
    simulated_px: float
    hand_eye_px: float
    """The same of lens, camera, board and the arm's postures together [px]."""
    half_widths: dict[str, float]
    """Half of the 95 % interval of each number: of the lens [px, 1], of the camera's pose [rad, m]."""
    board_half_widths: tuple[float, ...]
    """The same of the board's pose ``[6]`` [rad, m]."""
    pictures: int
    resamples: int
    widened: float


def calibrate(
    mount: str,
    views: Sequence[Seen],
    base_from_tool: np.ndarray,
    size: tuple[int, int],
    resamples: int = 100,
    seed: int = 0,
) -> Fitted:
    """Lens, camera and board of pictures.

    Args:
        mount: ``hand`` or ``fixed``, see `workbench.calibration.hand_eye`.
        views: of the board ``N``.
        base_from_tool: postures ``[N, 4, 4]``.
        size: width and height of the pictures [px].
        resamples: of the bootstrap; 0: no intervals.
        seed: of the bootstrap.

    ValueError, in a sentence, for pictures that do not fix the numbers.
    """
    lens, lens_px = fit_lens(views, size)
    simulated, simulated_px = fit_lens(views, size, SIMULATED)
    found = fit_hand_eye(mount, lens, views, base_from_tool)
    left = residuals(found, lens, views, base_from_tool)
    spread, widened = _bootstrap(found, views, base_from_tool, size, resamples, seed)
    numbers = (*NAMES, *POSE)
    return Fitted(
        lens=lens,
        simulated=simulated,
        hand_eye=found,
        lens_px=lens_px,
        simulated_px=simulated_px,
        hand_eye_px=float(np.sqrt((left**2).sum(1).mean())),
        half_widths=dict(zip(numbers, spread[: len(numbers)].tolist(), strict=True)),
        board_half_widths=tuple(spread[len(numbers) :].tolist()),
        pictures=len(views),
        resamples=resamples,
        widened=widened,
    )


def _bootstrap(
    found: HandEye,
    views: Sequence[Seen],
    base_from_tool: np.ndarray,
    size: tuple[int, int],
    resamples: int,
    seed: int,
) -> tuple[np.ndarray, float]:
    """Half widths of all numbers ``[8 + 6 + 6]``, and by what they were widened; NaN without resamples."""
    random = np.random.default_rng(seed)
    count = len(views)
    widened = math.sqrt(count / max(count - USED_UP, 1.0))
    rows = []
    for _ in range(resamples):
        taken = random.integers(count, size=count)
        if len(set(taken.tolist())) < LEAST_PICTURES:
            continue  # less than a lens needs
        drawn = [views[k] for k in taken]
        lens, _ = fit_lens(drawn, size)
        again = fit_hand_eye(found.mount, lens, drawn, base_from_tool[taken], start=found)
        moved = [
            to_six(inverse(a) @ b) for a, b in ((found.camera, again.camera), (found.board, again.board))
        ]
        rows.append(np.concatenate((lens.focal, lens.centre, lens.distortion, *moved)))
    if len(rows) < 2:
        return np.full(20, np.nan), widened
    return NORMAL_95 * widened * np.std(rows, 0, ddof=1), widened
