"""Why all pixels of a camera lie elsewhere than projected: one change of its calibration or pose that explains them.

Causes are tried in turn, each with few numbers fitted to all pixels: what it explains to within the tolerance, it is.
Causes that the pixels cannot tell apart are all given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from workbench.data.projection import project_frames
from workbench.data.validation.checks.evidence import Pictures

POINT_TOLERANCE = 0.1
"""Between stored and projected points, and what a cause that explains them may leave [px]. Clean data: 5e-5 px among
points within half a picture of its edges, of numbers stored as float32."""
FEWEST = 6
"""Pixels from which a cause can be found."""
MOST = 2000
"""Pixels that causes are fitted to."""


def causes(camera: Pictures, uv: np.ndarray, xyz: np.ndarray, frame: np.ndarray) -> list[tuple[str, str]]:
    """Fields at fault and what is wrong with each, in words; empty if no one cause explains the pixels.

    Args:
        camera: as stored.
        uv: stored pixels ``[n, 2]``.
        xyz: the points that they are of ``[n, 3]`` [m].
        frame: of each ``[n]``.
    """
    if len(uv) < FEWEST:
        return []
    if len(uv) > MOST:
        some = np.linspace(0, len(uv) - 1, MOST).astype(int)
        uv, xyz, frame = uv[some], xyz[some], frame[some]
    found = (cause(camera, uv, xyz, frame) for cause in CAUSES)
    return [said for said in found if said is not None]


Cause = Callable[[Pictures, np.ndarray, np.ndarray, np.ndarray], tuple[str, str] | None]


def _focal(camera: Pictures, uv: np.ndarray, xyz: np.ndarray, frame: np.ndarray) -> tuple[str, str] | None:
    ideal = _ideal(camera, xyz, frame)
    found = np.linalg.lstsq(_design(ideal), uv.ravel(), rcond=None)[0]
    k = np.array(((found[0], 0, found[2]), (0, found[1], found[3]), (0, 0, 1.0)))
    if not _explains(ideal @ k[:2, :2].T + k[:2, 2] - uv):
        return None
    stored = camera.intrinsics
    ratio = np.array((stored[0, 0] / k[0, 0], stored[1, 1] / k[1, 1]))
    shift = stored[:2, 2] - k[:2, 2]
    scaled = np.abs(stored[:2, 2] / k[:2, 2] - ratio).max() < 2e-3 and np.abs(ratio - 1).max() > 2e-3
    if scaled:
        return camera.fields[
            "intrinsics"
        ], f"the whole matrix of intrinsics is {ratio[0]:.4g} times that of the pixels"
    parts = []
    if np.abs(ratio - 1).max() > 2e-3:
        same = abs(ratio[0] - ratio[1]) < 2e-3
        parts.append(
            f"the focal length is {ratio[0]:.4g} times that of the pixels"
            if same
            else f"the focal lengths are {ratio[0]:.4g} and {ratio[1]:.4g} times those of the pixels"
        )
    if np.abs(shift).max() > POINT_TOLERANCE:
        parts.append(f"the principal point is {px(shift)} from that of the pixels")
    if not parts:
        return None
    said = listed(parts)
    if len(parts) == 1 and "principal" in said:
        said += ", or that all points and boxes were moved by as much the other way"
    return camera.fields["intrinsics"], said


def _moved(camera: Pictures, uv: np.ndarray, xyz: np.ndarray, frame: np.ndarray) -> tuple[str, str] | None:
    for own, words in ((False, "of the base frame"), (True, "of the camera itself")):

        def residual(offset: np.ndarray, own: bool = own) -> np.ndarray:
            by = np.einsum("fij,j->fi", camera.rotation, offset) if own else offset
            return _projected(camera, xyz, frame, camera.position - by, camera.rotation) - uv

        offset = _fitted(residual, 3)
        if offset is not None:
            return camera.fields[
                "position"
            ], f"the camera's position is off by {mm(offset)} along the axes {words}"
    return None


def _turned(camera: Pictures, uv: np.ndarray, xyz: np.ndarray, frame: np.ndarray) -> tuple[str, str] | None:
    def residual(vector: np.ndarray) -> np.ndarray:
        rotation = camera.rotation @ Rotation.from_rotvec(-vector).as_matrix()
        return _projected(camera, xyz, frame, camera.position, rotation) - uv

    vector = _fitted(residual, 3)
    if vector is None:
        return None
    degrees = np.degrees(np.linalg.norm(vector))
    return camera.fields["rotation"], f"the camera's rotation is off by {degrees:.2f} degrees"


def _transposed(
    camera: Pictures, uv: np.ndarray, xyz: np.ndarray, frame: np.ndarray
) -> tuple[str, str] | None:
    turned = camera.rotation.transpose(0, 2, 1)
    if _explains(_projected(camera, xyz, frame, camera.position, turned) - uv):
        return camera.fields["rotation"], "the camera's rotation is transposed: its rows are the axes"
    return None


def _in_millimetres(
    camera: Pictures, uv: np.ndarray, xyz: np.ndarray, frame: np.ndarray
) -> tuple[str, str] | None:
    for scale in (1000.0, 100.0, 10.0):
        if _explains(_projected(camera, xyz, frame, camera.position / scale, camera.rotation) - uv):
            return camera.fields[
                "position"
            ], f"the camera's position is {scale:g} times what it must be in metres"
    return None


def _lens(camera: Pictures, uv: np.ndarray, xyz: np.ndarray, frame: np.ndarray) -> tuple[str, str] | None:
    def residual(k: np.ndarray) -> np.ndarray:
        points = xyz[:, None]
        found = project_frames(
            points, camera.position[frame], camera.rotation[frame], camera.intrinsics, float(k[0])
        )
        return found[:, 0] - uv

    k = _fitted(residual, 1, np.array([camera.distortion]))
    if k is None:
        return None
    return camera.fields[
        "distortion"
    ], f"the distortion is {camera.distortion:.4g}, the pixels have {k[0]:.4g}"


def _swapped(camera: Pictures, uv: np.ndarray, xyz: np.ndarray, frame: np.ndarray) -> tuple[str, str] | None:
    found = _projected(camera, xyz, frame, camera.position, camera.rotation)
    if _explains(found - uv[:, ::-1]):
        return listed(list(camera.points)), "u and v are swapped in its pixels"
    for scale in _ratios(found, uv):
        if _explains(found * scale - uv):
            return listed(
                list(camera.points)
            ), f"its pixels are {scale:.4g} times those of the stored picture size"
    return None


CAUSES: tuple[Cause, ...] = (_focal, _moved, _turned, _transposed, _in_millimetres, _lens, _swapped)
"""In the order in which they are named."""


def _ratios(found: np.ndarray, uv: np.ndarray) -> list[float]:
    good = np.isfinite(found).all(1)
    return [float((found[good] * uv[good]).sum() / (found[good] ** 2).sum())] if good.any() else []


def _ideal(camera: Pictures, xyz: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Normalised pixels ``[n, 2]``, bent by the lens."""
    eye = np.eye(3)
    return project_frames(
        xyz[:, None], camera.position[frame], camera.rotation[frame], eye, camera.distortion
    )[:, 0]


def _design(ideal: np.ndarray) -> np.ndarray:
    """Of the least squares for fx, fy, cx, cy."""
    n = len(ideal)
    rows = np.zeros((n, 2, 4))
    rows[:, 0, 0], rows[:, 1, 1] = ideal[:, 0], ideal[:, 1]
    rows[:, 0, 2], rows[:, 1, 3] = 1, 1
    return rows.reshape(2 * n, 4)


def _projected(
    camera: Pictures, xyz: np.ndarray, frame: np.ndarray, position: np.ndarray, rotation: np.ndarray
) -> np.ndarray:
    return project_frames(
        xyz[:, None], position[frame], rotation[frame], camera.intrinsics, camera.distortion
    )[:, 0]


def _fitted(
    residual: Callable[[np.ndarray], np.ndarray], size: int, start: np.ndarray | None = None
) -> np.ndarray | None:
    """Numbers for which a residual [px] is within the tolerance; None if there are none."""

    def flat(x: np.ndarray) -> np.ndarray:
        return np.nan_to_num(residual(x), nan=1e3).ravel()

    found = least_squares(flat, np.zeros(size) if start is None else start, x_scale=0.1, max_nfev=30)
    return found.x if _explains(residual(found.x)) else None


def _explains(residual: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        return bool((np.abs(residual).max(-1) <= 2 * POINT_TOLERANCE).mean() > 0.98)


def px(shift: np.ndarray) -> str:
    """A shift ``[2]`` [px] in words, as "10.0 px right"."""
    parts = []
    for value, plus, minus in ((shift[0], "right", "left"), (shift[1], "down", "up")):
        if abs(value) > POINT_TOLERANCE:
            parts.append(f"{abs(value):.1f} px {plus if value > 0 else minus}")
    return " and ".join(parts) or "0 px"


def mm(offset: np.ndarray) -> str:
    """A vector ``[3]`` [m] in millimetres."""
    return "(" + ", ".join(f"{1000 * v:+.1f}" for v in offset) + ") mm"


def listed(words: Iterable[str], between: str = ", ") -> str:
    """Words once each, in their order."""
    return between.join(dict.fromkeys(words))
