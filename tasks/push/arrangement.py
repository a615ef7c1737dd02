"""Where bodies stand so that an object can be pushed straight to its landmark, and has some way to go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.push.judge import APART
from tasks.tabletop.scene import Scene
from tasks.tabletop.workspace import OBJECT_REGION, pool

BEHIND = 0.05
"""Room that the hand needs behind the object, from its bounding circle on [m]."""
LANE = 0.012
"""Room on both sides of the object on its way [m]."""
HAND_REGION = ((0.29, 0.71), (-0.27, 0.27))
"""Where the hand comes down behind the object: (x low, x high), (y low, y high) [m]; the arm reaches all of it."""
_TRIES = 5000


def draw_poses(rng: np.random.Generator, slots: Sequence[str], clearance: float) -> list[float]:
    """As `TaskSpec.draw_poses`; the lane from behind the object to the landmark is free (rejection sampling).

    Raises RuntimeError when no arrangement is found, which for the default pool does not happen.
    """
    bodies = pool()
    radius = np.array([bodies[name].radius for name in slots])
    low, high = np.array(OBJECT_REGION).T
    yaw = rng.uniform(-np.pi, np.pi, len(slots))
    for _ in range(_TRIES):
        spots = rng.uniform(low, high, (2, 2))
        if lane_problem(spots[0], spots[1], radius[0], radius[1]) is not None:
            continue
        found = list(spots)
        for k in range(2, len(slots)):
            for spot in rng.uniform(low, high, (60, 2)):
                gaps = [np.hypot(*(spot - q)) - radius[k] - radius[i] for i, q in enumerate(found)]
                free = in_lane(spot, spots[0], spots[1], radius[0]) >= radius[k]
                if min(gaps) >= clearance and free:
                    found.append(spot)
                    break
            else:
                break
        if len(found) == len(slots):
            return [float(v) for xy, a in zip(found, yaw, strict=True) for v in (*xy, a)]
    raise RuntimeError(f"no room on the table to push {slots[0]} to {slots[1]} among {', '.join(slots[2:])}")


def lane_problem(
    target: np.ndarray, landmark: np.ndarray, target_radius: float, landmark_radius: float
) -> str | None:
    """Why an object at ``target`` cannot be pushed to a landmark [m]; None if it can."""
    way = landmark - target
    far = float(np.hypot(*way))
    gap = far - target_radius - landmark_radius
    if gap < APART:
        return f"object and landmark are {gap:.3f} m apart, less than {APART} m"
    x, y = target - way / far * (target_radius + BEHIND)
    (x0, x1), (y0, y1) = HAND_REGION
    if not (x0 <= x <= x1 and y0 <= y <= y1):
        return f"the hand cannot come down behind the object, at ({x:.3f}, {y:.3f})"
    return None


def in_lane(spot: np.ndarray, target: np.ndarray, landmark: np.ndarray, target_radius: float) -> float:
    """Distance of a spot from the lane that pushing takes [m]; negative inside."""
    way = landmark - target
    start = target - way / np.hypot(*way) * (target_radius + BEHIND)
    way = landmark - start
    share = float(np.clip((spot - start) @ way / (way @ way), 0.0, 1.0))
    return float(np.hypot(*(spot - start - share * way))) - target_radius - LANE


def problems(scene: Scene) -> list[str]:
    """What keeps a scene from being one of pushing, in plain sentences."""
    slots = pool()
    target, landmark = scene.target, scene.receptacle
    if slots[target.slot].is_receptacle or not slots[landmark.slot].is_receptacle:
        return ["the target must be an object and the landmark a receptacle"]
    spots = [np.array((p.x, p.y)) for p in (target, landmark)]
    radius = [slots[p.slot].radius for p in (target, landmark)]
    found = lane_problem(*spots, *radius)
    problems = [] if found is None else [found]
    return problems + [
        f"{p.slot} is in the way of the {target.slot}"
        for p in scene.distractors
        if p.slot in slots and in_lane(np.array((p.x, p.y)), *spots, radius[0]) < slots[p.slot].radius - 1e-9
    ]
