"""Whether things are where and what the episode says: the object in the hand, depth, instruction, success."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from robots.registry import robot
from tasks.registry import find
from tasks.tabletop.workspace import pool
from workbench.data.generate.annotate import points_on
from workbench.data.validation.checks.evidence import Evidence, Finding, Pictures

HELD_TOLERANCE = 0.05
"""Between the tool and the place on the object at which it was grasped, while it is carried [m], in the median of an
episode. Clean data: 0.002 (objects slip)."""
REACH = 3.0
"""A body that an arm on a table has to do with is no farther from its base [m]."""
SIZE_TOLERANCE = 1e-3
"""Between a body's stored size and that of its shape [m]. Clean data: 1e-7."""
DEPTH_RATIO = (0.8, 1.25)
"""Of measured depth to the distance of a body's middle along the view, in the median of an episode and camera. Clean
data: 0.91 to 0.99 (half a body's size, and the sensor's errors)."""
LEAST_PIXELS = 40
"""Of a body in a picture, for its depth to be judged."""
HELD, SIZES, DEPTH, WORDING, SUCCESS, ON_HAND = (
    "the object is in the hand while it is carried",
    "bodies have the sizes of their shapes and lie within reach",
    "depth is that of the bodies that masks show",
    "the instruction names the episode's object and receptacle as the factors say",
    "the episode succeeded",
    "the wrist camera stays where it is mounted on the hand",
)


def held(evidence: Evidence) -> Iterator[Finding] | None:
    """`HELD`."""
    known = evidence.held is not None and evidence.body_pose is not None and "grasp" in evidence.points_3d
    return _held(evidence) if known and "trace" in evidence.points_3d else None


def _held(evidence: Evidence) -> Iterator[Finding]:
    assert evidence.held is not None
    assert evidence.body_pose is not None
    rows = evidence.held & np.isfinite(evidence.body_pose[:, 0]).all(1)
    if not rows.any():
        return
    grasp = points_on(evidence.body_pose[rows, 0], evidence.points_3d["grasp"])[:, 0]
    tool = evidence.points_3d["trace"][rows, 0]
    gap = float(np.median(np.linalg.norm(grasp - tool, axis=1)))
    if gap > HELD_TOLERANCE:
        yield Finding(
            evidence.body_field,
            f"puts the object {gap:.3g} m from the hand while it is carried: either the object's poses or the grasp on "
            "it are wrong",
        )


def sizes(evidence: Evidence) -> Iterator[Finding] | None:
    """`SIZES`."""
    return _sizes(evidence) if evidence.bodies else None


def _sizes(evidence: Evidence) -> Iterator[Finding]:
    slots = pool(robot(evidence.robot).workspace.scale)
    for body in evidence.bodies:
        if body.slot in slots:
            true = np.array(slots[body.slot].body.visual.extents) * slots[body.slot].scale
            if np.abs(np.array(body.extents) - true).max() > SIZE_TOLERANCE:
                ratio = float(np.median(np.array(body.extents) / true))
                yield Finding("bodies", f"{body.label} has {ratio:.3g} times the size of a {body.slot}")
    if evidence.body_pose is not None:
        far = np.nanmax(np.abs(evidence.body_pose[..., :3]), axis=(0, 2), initial=0)
        # Distractors may be dropped in from afar, or fall off the table.
        for body, distance in zip(evidence.bodies[:2], far, strict=False):
            if distance > REACH:
                yield Finding(
                    evidence.body_field,
                    f"{body.label} is {distance:.3g} m away, out of any arm's reach: the unit or the scale of bodies' "
                    "positions is another",
                )
                return


def depth(evidence: Evidence) -> Iterator[Finding] | None:
    """`DEPTH`."""
    cameras = [c for c in evidence.pictures if c.depth is not None and c.mask is not None]
    if not cameras or evidence.body_pose is None:
        return None
    return (f for camera in cameras for f in _depth(evidence, camera))


def _depth(evidence: Evidence, camera: Pictures) -> Iterator[Finding]:
    assert camera.depth is not None
    assert camera.mask is not None
    assert evidence.body_pose is not None
    ratios, empty, judged = [], 0, 0
    for f in range(len(camera.position)):
        mask, image = camera.mask[f], camera.depth[f]
        counts = np.bincount(np.asarray(mask).ravel(), minlength=256)
        for k in range(len(evidence.bodies)):
            if counts[k + 1] < LEAST_PIXELS or not np.isfinite(evidence.body_pose[f, k]).all():
                continue
            seen = image[mask == k + 1]
            ahead = float((evidence.body_pose[f, k, :3] - camera.position[f]) @ camera.rotation[f][:, 2])
            judged += 1
            if not (seen > 0).any():
                empty += 1
            elif ahead > 0.02:
                ratios.append(float(np.median(seen[seen > 0])) / ahead)
    field = camera.fields["depth"]
    if judged and empty > judged / 2:
        yield Finding(
            field, f"camera {camera.name}: depth is 0 (unknown) on {empty} of {judged} bodies that are seen"
        )
    elif ratios and not DEPTH_RATIO[0] <= np.median(ratios) <= DEPTH_RATIO[1]:
        yield Finding(
            field,
            f"camera {camera.name}: depth is {np.median(ratios):.3g} times the distance of the bodies that the mask "
            "shows: its unit or scale is another, or it is of other pictures",
        )


def on_hand(evidence: Evidence) -> Iterator[Finding] | None:
    """`ON_HAND`: the tool does not move in its picture."""
    cameras = [camera for camera in evidence.pictures if camera.on_the_hand]
    if not cameras or "trace" not in evidence.points_3d:
        return None
    return (f for camera in cameras for f in _on_hand(evidence, camera))


MOUNT_TOLERANCE = 5e-4
"""How far a wrist camera may wander in the hand [m]. Clean data: 2e-6."""


def _on_hand(evidence: Evidence, camera: Pictures) -> Iterator[Finding]:
    tool = evidence.points_3d["trace"][:, 0] - camera.position
    inside = np.einsum("fji,fj->fi", camera.rotation, tool)
    expected = mounted_at(evidence.robot)
    gap = inside - expected
    if np.abs(gap).max(initial=0) > MOUNT_TOLERANCE:
        middle = np.median(gap, 0)
        said = ", ".join(f"{1000 * v:+.1f}" for v in -middle)
        yield Finding(
            camera.fields["position"],
            f"camera {camera.name} is ({said}) mm along its own axes from where it is mounted on the hand, in the "
            f"median, and up to {1000 * np.abs(gap).max():.1f} mm: the camera's poses or the way ahead, which begins "
            "at the tool, are wrong",
        )


def mounted_at(robot_name: str) -> np.ndarray:
    """The tool ``[3]`` [m] in the axes of a robot's wrist camera."""
    model = robot(robot_name)
    mounted, turned = model.wrist_camera.in_tool(model.spec)
    return np.asarray(-mounted @ turned)


def wording(evidence: Evidence) -> Iterator[Finding] | None:
    """`WORDING`."""
    if evidence.instruction is None or not evidence.bodies:
        return None
    return _wording(evidence)


def _wording(evidence: Evidence) -> Iterator[Finding]:
    target, receptacle = (body.label for body in evidence.bodies[:2])
    said = f"{evidence.instruction!r} is not how the episode's factors ask for {target} and {receptacle}"
    expected = _composed(evidence.task, evidence.factors)
    if expected is None:
        words = set(re.findall(r"[a-z]+", (evidence.instruction or "").lower()))
        named = {word for label in (target, receptacle) for word in label.lower().replace("-", " ").split()}
        if not words & named:
            yield Finding(
                evidence.instruction_field,
                f"{evidence.instruction!r} names nothing of {target} and {receptacle}: it is no instruction for this "
                "episode",
            )
    elif expected != evidence.instruction:
        yield Finding(
            evidence.instruction_field,
            f"{said} ({expected!r}): it is another episode's, or nobody's",
        )


def _composed(task: str, factors: Mapping[str, Any]) -> str | None:
    """The instruction that the values of scene and language make; None where they are not all known."""
    try:
        return find(task).compose(factors).instruction
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def labels(evidence: Evidence) -> Iterator[Finding] | None:
    """Whether bodies are those that the factors placed."""
    if not evidence.bodies or "scene.target_color" not in evidence.factors:
        return None
    return _labels(evidence)


LABELS = "bodies are those that the factors placed"


def _labels(evidence: Evidence) -> Iterator[Finding]:
    from tasks.tabletop.composition import placed_names

    try:
        placed = placed_names(evidence.factors)
    except KeyError:
        return
    slots = pool()
    for k, (name, body) in enumerate(zip(placed, evidence.bodies, strict=False)):
        color, slot = name.split(" ")
        expected = f"{color} {slots[slot].body.noun}"
        if (body.slot, body.label) != (slot, expected):
            yield Finding(
                "bodies", f"body {k} is the {body.label} ({body.slot}), the factors placed the {expected}"
            )
            return


def success(evidence: Evidence) -> Iterator[Finding] | None:
    """`SUCCESS`: what did not is kept in no dataset."""
    if evidence.success is None:
        return None
    said = "is false: the episode is kept among demonstrations and says itself that it failed"
    return iter(() if evidence.success else (Finding(evidence.success_field, said),))
