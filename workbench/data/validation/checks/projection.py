"""Whether points and boxes lie where the stored poses project to through the stored calibration, and if not, why not.

The way ahead is projected by the camera alone: where its pixels are right, so is the camera, and what is off is the
thing itself. Where all are off, causes are tried in turn, each with few numbers fitted to all pixels: what it explains
to within the tolerance, it is. Causes that the pixels cannot tell apart are named together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from workbench.data.validation.checks.camera_causes import POINT_TOLERANCE, causes, listed, px
from workbench.data.validation.checks.evidence import Evidence, Finding, Pictures
from workbench.data.validation.checks.offsets import Offsets, boxes_off

PROJECTED = "points and boxes lie where stored poses and calibration project"


def projected(evidence: Evidence) -> Iterator[Finding] | None:
    """`PROJECTED`, camera by camera."""
    if not evidence.pictures or (evidence.body_pose is None and "trace" not in evidence.points_3d):
        return None
    return _all(evidence)


def _all(evidence: Evidence) -> Iterator[Finding]:
    found, moved = [], []
    for camera in evidence.pictures:
        off = Offsets(evidence, camera)
        if off.trace and (off.points or off.boxes or off.alone):
            found.append(Finding(*_camera_cause(evidence, camera, off)))
        elif off.points or off.boxes or off.trace:
            moved.append((camera, off))
    # Bodies that lie elsewhere are elsewhere for all cameras: one finding.
    bodies = [(camera, off) for camera, off in moved if off.whole_bodies]
    if bodies:
        found.append(Finding(evidence.body_field, _bodies_cause(evidence, *bodies[0])))
    for camera, off in moved:
        if not off.whole_bodies:
            found += [Finding(*said) for said in _things(evidence, camera, off)]
    yield from found


def _camera_cause(evidence: Evidence, camera: Pictures, off: Offsets) -> tuple[str, str]:
    """The field at fault, and the sentence: all pixels of a camera are elsewhere than projected."""
    pixels, world, frames = [], [], []
    for name, points in off.world.items():
        if name not in off.residual:
            continue
        keep = off.near[name] & np.isfinite(off.residual[name]).all(-1)
        pixels.append(camera.points[name][keep])
        world.append(np.broadcast_to(points, (*keep.shape, 3))[keep])
        frames.append(np.broadcast_to(np.arange(len(keep))[:, None], keep.shape)[keep])
    uv, xyz, frame = np.concatenate(pixels), np.concatenate(world), np.concatenate(frames)
    explained = causes(camera, uv, xyz, frame)
    names = listed([*off.points, *(["trace"] if off.trace else []), *(["boxes"] if off.boxes else [])])
    where = f"camera {camera.name}: {names} lie up to {_largest(off):.1f} px from where they project"
    if not explained:
        gap = np.nanmedian(np.abs(np.concatenate([g[off.near[n]] for n, g in off.residual.items()])))
        fields = camera.fields["intrinsics"]
        return fields, f"{where} (median {gap:.1f} px), and no one change of its calibration explains it"
    fields = listed([field for field, _ in explained], " or ")
    return fields, f"{where}; the cause is that {listed([words for _, words in explained], ', or that ')}"


def _bodies_cause(evidence: Evidence, camera: Pictures, off: Offsets) -> str:
    """The sentence: all that lies on bodies is elsewhere, and the camera is right."""
    assert evidence.body_pose is not None
    where = (
        f"camera {camera.name}: boxes and points lie up to {_largest(off):.1f} px from where bodies project"
    )
    for scale in (10.0, 100.0, 1000.0, 0.1, 0.01, 0.001):
        if _explained_by(evidence, camera, partial(np.multiply, 1 / scale)):
            unit = " (millimetres instead of metres)" if scale == 1000 else ""
            return (
                f"{where}; the cause is that bodies' positions are {scale:g} times what the pixels show{unit}"
            )
    return f"{where} and the way ahead does not: bodies' poses are wrong, or are those of another instant or episode"


def _explained_by(evidence: Evidence, camera: Pictures, change: Callable[[np.ndarray], np.ndarray]) -> bool:
    assert evidence.body_pose is not None
    pose = evidence.body_pose.copy()
    pose[..., :3] = change(pose[..., :3])
    off = Offsets(replace(evidence, body_pose=pose), camera)
    return not off.points and not off.boxes


def _things(evidence: Evidence, camera: Pictures, off: Offsets) -> Iterator[tuple[str, str]]:
    """Fields and sentences: the camera is right, and single annotations are elsewhere."""
    names = [*off.points, *(["trace"] if off.trace else [])]
    for name in names:
        gap = off.residual[name][off.near[name]]
        yield (
            camera.fields[name],
            f"camera {camera.name}: {name} lies {_shift_words(gap)} of where it projects to",
        )
    if off.boxes:
        gaps = off.seen - off.outline
        yield camera.fields["boxes"], f"camera {camera.name}: boxes lie {_box_words(off, gaps)}"


def _shift_words(gap: np.ndarray) -> str:
    gap = gap[np.isfinite(gap).all(-1)]
    middle = np.median(gap, 0)
    constant = np.abs(gap - middle).max() <= 2 * POINT_TOLERANCE
    if constant:
        return px(middle)
    return f"up to {np.abs(gap).max():.1f} px (median {px(middle)})"


def _box_words(off: Offsets, gaps: np.ndarray) -> str:
    """How boxes are off from outlines ``gaps`` ``[n, 4]``."""
    seen, outline = off.seen, off.outline
    as_size = np.concatenate((seen[:, :2], seen[:, :2] + seen[:, 2:]), 1)
    if not boxes_off(as_size - outline):
        return "as corner and size (x, y, width, height), not as two corners, around where bodies project"
    if not boxes_off(seen[:, [1, 0, 3, 2]] - outline):
        return "with u and v swapped around where bodies project"
    scale = float((seen * outline).sum() / (outline**2).sum())
    if abs(scale - 1) > 0.05 and not boxes_off(seen / scale - outline):
        return f"at {scale:.4g} times the pixels of where bodies project"
    shift = off.box_shift
    if not boxes_off(gaps - np.tile(shift, 2)):
        return f"{px(shift)} of where bodies project to, by which points of the same camera are right"
    return f"up to {np.abs(gaps).max():.1f} px (median {px(shift)}) of where bodies project to"


def _largest(off: Offsets) -> float:
    found = [np.nanmax(np.abs(g[off.near[n]]), initial=0) for n, g in off.residual.items()]
    found += [np.abs(off.seen - off.outline).max(initial=0)]
    return float(max(found))
