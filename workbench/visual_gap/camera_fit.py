"""How a real camera stands against the simulated one: place, turn, focal length and distortion, from outlines.

Least squares of the outlines' shifts along their normals (`workbench.visual_gap.edges`), robust (Huber), begun with a
wide search and repeated with narrow ones about what was found. What pictures hardly tell, as a step along the view from
a longer focal length, is held by a prior of `PRIOR`; intervals, from resampling squares of the picture, hold it too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from workbench.visual_gap.edges import EdgeFinder, Outline, outlines
from workbench.visual_gap.pairs import Pairs

PARAMETERS = ("x", "y", "z", "rx", "ry", "rz", "focal", "k1")
"""Of a camera: position along the frame's axes [m], turn about its own [rad], log of its focal length's factor, k1."""
PRIOR = np.array((0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.02, 0.02))
"""Standard deviations of the prior, around the simulated camera."""
REACHES = (14.0, 6.0, 3.0, 2.0)
"""How far outlines are looked for, round by round [px]."""
LEAST_POINTS = 60
LEAST_SQUARES = 6
"""Of outline points, and of squares of the picture that hold some: fewer say nothing of a camera."""
LEAST_SHARE = 0.45
"""Of all outline points that the camera found has to hold. Of drawn pictures right cameras hold 90 to 98 %, one that
had taken other edges for the outlines 35 %."""
ERROR = 0.2
"""Least standard deviation of the error that a square's points have in common [px]: no outline is drawn truer."""


@dataclass(frozen=True)
class CameraFit:
    """What was found, and how well it is known."""

    values: np.ndarray
    """By `PARAMETERS` ``[8]``."""
    low: np.ndarray
    high: np.ndarray
    """95 % intervals ``[8]``."""
    told: np.ndarray
    """Whether an interval is shorter than half of the prior's ``[8]``."""
    before_px: float
    """Root mean square of the outlines' shifts along normals with the simulated camera [px]."""
    after_px: float
    """The same with the camera that was found [px]."""
    shift: np.ndarray
    """Of the picture's middle, right and down ``[2]`` [px]."""
    shift_low: np.ndarray
    shift_high: np.ndarray
    points: int
    by_thing: dict[str, tuple[float, float, int]]
    """Name -> mean shift along normals left with the camera found [px], its standard deviation, number of points."""


def fit_camera(pairs: Pairs, lens_known: bool = False, seed: int = 0, resamples: int = 200) -> CameraFit:
    """The real camera against the simulated one, whose place may differ from frame to frame (one on the hand).

    For a camera that stands, ``x y z`` are along the base frame's axes; for one that moves, along its own.

    Args:
        pairs: of one camera.
        lens_known: whether focal length and distortion are as the simulated camera has them, to a thousandth.
        seed: of outline points and resamples.
        resamples: for the intervals.

    ValueError, in a sentence, where too few outlines are found, or the best camera leaves most of them unexplained.
    """
    outline, finder = outlines(pairs, seed=seed), EdgeFinder(pairs)
    prior = np.where(np.arange(len(PRIOR)) < 6, PRIOR, 0.001) if lens_known else PRIOR
    axes = motion_axes(pairs)
    values = np.zeros(len(PARAMETERS))
    before, result = np.zeros(0), None
    for reach in REACHES:
        expected = projected(outline.point, values, pairs.intrinsics, axes[outline.frame])
        inside = np.isfinite(expected).all(1)
        seen = finder.find(outline, np.where(inside[:, None], expected, -100.0), reach)
        good = seen.good & inside
        cells = outline.cell[good]
        if good.sum() < LEAST_POINTS or len(np.unique(cells)) < LEAST_SQUARES:
            raise ValueError(
                f"{good.sum()} points of outlines are found in the pictures of camera {pairs.camera}, in "
                f"{len(np.unique(cells))} squares of {len(np.unique(outline.cell))}: too few to say how it stands"
            )
        kept = outline.rows(good)
        jacobian = _jacobian(kept, values, pairs.intrinsics, axes)
        target = seen.shift[good] + jacobian @ values
        result = _Robust(jacobian, target, cells, prior)
        values = result.solve(np.ones(result.count))
        # Against where the simulated camera sees the same points.
        before = seen.shift[good] + ((expected[good] - kept.pixel) * kept.normal).sum(1)
    assert result is not None
    random = np.random.default_rng(seed)
    drawn = np.array([result.draw(random) for _ in range(resamples)])
    spread = drawn.std(0, ddof=1)
    low, high = values - 1.96 * spread, values + 1.96 * spread
    centre = _middle_shift(drawn, pairs, axes)
    middle = _middle_shift(values[None], pairs, axes)[0]
    left = target - jacobian @ values
    near = np.abs(left) < 3 * max(ERROR, 1.4826 * float(np.median(np.abs(left))))
    if near.sum() < LEAST_SHARE * len(outline):
        raise ValueError(
            f"the best fit of camera {pairs.camera} holds {100 * near.sum() / len(outline):.0f} % of the outlines' "
            f"points, and {100 * LEAST_SHARE:.0f} % are needed: it took other edges for them"
        )
    named = {
        pairs.names[int(label)]: (
            float(left[near & (kept.label == label)].mean()),
            float(left[near & (kept.label == label)].std()),
            int((near & (kept.label == label)).sum()),
        )
        for label in np.unique(kept.label)
        if (near & (kept.label == label)).any()
    }
    return CameraFit(
        values=values, low=low, high=high, told=spread < 0.5 * prior,
        before_px=_robust_rms(before), after_px=_robust_rms(left), shift=middle,
        shift_low=middle - 1.96 * centre.std(0, ddof=1), shift_high=middle + 1.96 * centre.std(0, ddof=1),
        points=int(near.sum()), by_thing=named,
    )  # fmt: skip


def motion_axes(pairs: Pairs) -> np.ndarray:
    """In which axes a camera's displacement is said, in the camera's frame ``[F, 3, 3]``: columns are those axes."""
    if np.ptp(pairs.position, axis=0).max() < 1e-6:
        return pairs.rotation.transpose(0, 2, 1)  # the base's, as the camera sees them
    return np.tile(np.eye(3), (len(pairs.position), 1, 1))


def projected(point: np.ndarray, values: np.ndarray, k: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Pixels ``[P, 2]`` of points in the simulated camera's frame ``[P, 3]`` as the camera of ``values`` sees them.

    Args:
        point: [m].
        values: by `PARAMETERS`.
        k: calibration of the simulated camera ``[3, 3]`` [px].
        axes: see `motion_axes`, of each point's frame ``[P, 3, 3]``.

    NaN for what is behind the camera.
    """
    moved = point - axes @ values[:3]
    turned = moved @ Rotation.from_rotvec(values[3:6]).as_matrix()  # its inverse, applied from the left
    z = turned[:, 2]
    ray = turned[:, :2] / np.where(z > 1e-3, z, np.nan)[:, None]
    ray = ray * (1 + values[7] * (ray * ray).sum(1, keepdims=True))
    return ray * np.exp(values[6]) * np.array((k[0, 0], k[1, 1])) + k[:2, 2]


def _jacobian(outline: Outline, values: np.ndarray, k: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Of shifts along normals by `PARAMETERS` ``[P, 8]``, by central differences."""
    own = axes[outline.frame]
    rows = []
    for i in range(len(PARAMETERS)):
        step = np.zeros(len(PARAMETERS))
        step[i] = 1e-4
        ends = [projected(outline.point, values + s * step, k, own) for s in (1, -1)]
        rows.append(((ends[0] - ends[1]) / 2e-4 * outline.normal).sum(1))
    return np.stack(rows, 1)


def _middle_shift(values: np.ndarray, pairs: Pairs, axes: np.ndarray) -> np.ndarray:
    """Where each camera ``[R, 8]`` sees what is in the simulated picture's middle: shifts ``[R, 2]`` [px]."""
    known = pairs.depth[pairs.depth > 0]
    far = float(np.median(known)) if len(known) else 1.0
    point = np.array(((0.0, 0.0, far),))
    return np.stack(
        [projected(point, v, pairs.intrinsics, axes[:1])[0] - pairs.intrinsics[:2, 2] for v in values]
    )


def _robust_rms(errors: np.ndarray) -> float:
    """Root mean square without what is farther than three times the usual."""
    if not len(errors):
        return float("nan")
    limit = 3 * max(ERROR, 1.4826 * float(np.median(np.abs(errors))))
    return float(np.sqrt(np.mean(errors[np.abs(errors) <= limit] ** 2)))


class _Robust:
    """Huber's estimate with a prior; each square of the picture counts as what is common to its points allows."""

    def __init__(
        self, jacobian: np.ndarray, target: np.ndarray, cells: np.ndarray, prior: np.ndarray
    ) -> None:
        self._prior = prior
        _, self._square = np.unique(cells, return_inverse=True)
        self._jacobian, self._target = jacobian, target
        self.count = int(self._square.max()) + 1
        size = np.bincount(self._square)
        weight = np.ones(len(target))
        found = np.zeros(jacobian.shape[1])
        self._error = ERROR
        for _ in range(12):
            self._weight = weight / (
                self._error**2 * size[self._square]
            )  # points of a square share one error
            found = self.solve(np.ones(self.count))
            left = target - jacobian @ found
            error = np.abs(left)
            scale = max(0.1, 1.4826 * float(np.median(error)))
            weight = np.minimum(1.0, 1.5 * scale / np.maximum(error, 1e-9)) * (error < 6 * scale)
            # What the points of a square have in common, seen in their mean size.
            common = np.bincount(self._square, weight * left**2) / np.maximum(
                np.bincount(self._square, weight), 1e-9
            )
            self._error = max(ERROR, float(np.sqrt(np.median(common))))

    def solve(
        self, counts: np.ndarray, target: np.ndarray | None = None, prior: np.ndarray | None = None
    ) -> np.ndarray:
        """The best values where each square counts so often ``[squares]``; ``prior`` is the middle of the prior."""
        w = self._weight * counts[self._square]
        information = (self._jacobian * w[:, None]).T @ self._jacobian + np.diag(1 / self._prior**2)
        wanted = self._jacobian.T @ (w * (self._target if target is None else target))
        wanted = wanted + (0.0 if prior is None else prior / self._prior**2)
        return np.linalg.solve(information, wanted)

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """One resample: squares drawn anew, each with a common error of its own, and the prior's middle as well."""
        counts = np.bincount(random.integers(self.count, size=self.count), minlength=self.count).astype(float)
        common = random.normal(0.0, self._error, self.count)[self._square]
        return self.solve(counts, self._target + common, random.normal(0.0, self._prior))
