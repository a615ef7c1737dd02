"""Perturbed hands: told elsewhere than they were, with actions that lead them back.

In demonstrations the hand is always where it should be. Whoever imitates them learns to go on from where the hand is,
and never to come back to where it should be. So the measured hand is moved, in the base frame and in the picture alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from policy.action import ActionSpec
from workbench.data.episode import DatasetEpisode
from workbench.data.projection import project_frames

PERTURBED_SHARE = 0.5
"""Share of the hands that are perturbed."""
PERTURBATION = (0.02, 0.02, 0.01, 0.15)
"""Standard deviation of how far: x, y, z [m], turn about the vertical [rad]."""
BACK_AFTER = 6
"""Control steps after which actions have led a hand back."""
STEADY = 8
"""Control steps from now on in which the gripper's command must stay as it is, or the hand is not perturbed: it is too
late to come back."""
MOTION = ("dx", "dy", "dz", "drot_z")
"""Channels that lead back, for the numbers of `PERTURBATION`."""


class HandPerturbation:
    """Perturbs hands whose actions are of one spec; never where joint changes do not say where the hand goes."""

    def __init__(self, action_spec: ActionSpec) -> None:
        names = [channel.name for channel in action_spec.channels]
        self._motion = [names.index(name) for name in MOTION if name in names]
        self._gripper = action_spec.gripper_index

    def drawn(self, rng: np.random.Generator, chunk: np.ndarray) -> np.ndarray:
        """How far a hand is moved before the actions ``[T, A]``: ``[4]`` as `PERTURBATION`; zeros where it is not."""
        if self._gripper is None or len(self._motion) < len(MOTION):
            return np.zeros(len(PERTURBATION))
        command = np.sign(chunk[:STEADY, self._gripper])
        if (command != command[0]).any() or rng.random() >= PERTURBED_SHARE:
            return np.zeros(len(PERTURBATION))
        return np.array(PERTURBATION) * rng.normal(size=len(PERTURBATION))

    def lead_back(self, hands: np.ndarray, actions: np.ndarray, by: np.ndarray) -> None:
        """Move hands ``[B, 5]`` (`policy.m1.prompt.measured_hand`) by ``[B, 4]``; change actions ``[B, T, A]``."""
        hands[:, :4] += by
        # As `policy.m1.prompt.measured_hand` tells it.
        hands[:, 3] = (hands[:, 3] + math.pi / 2) % math.pi - math.pi / 2
        actions[:, :BACK_AFTER, self._motion] -= by[:, None, : len(self._motion)] / BACK_AFTER


@dataclass(frozen=True)
class Eye:
    """The cameras that drew some frames, and the tool before them."""

    tool: np.ndarray
    """``[N, 3]`` in the base frame, at the instants shown [m]."""
    position: np.ndarray
    rotation: np.ndarray
    """As in `workbench.data.episode.CameraFrames`, ``[N, 3]`` and ``[N, 3, 3]``."""
    intrinsics: np.ndarray
    """``[N, 3, 3]`` of the square picture seen [px]."""
    distortion: np.ndarray
    """``[N]``"""

    @classmethod
    def of(cls, episode: DatasetEpisode, view: str, frame: int, side: int) -> Self:
        camera = episode.cameras[view]
        scale = np.diag([side / camera.width, side / camera.height, 1.0])
        return cls(
            episode.ee_pose[int(episode.shown_steps[frame]), :3],
            camera.position[frame],
            camera.rotation[frame],
            scale @ camera.intrinsics,
            np.array(camera.distortion),
        )

    @classmethod
    def together(cls, eyes: Sequence[Self]) -> Self:
        return cls(*(np.stack(parts) for parts in zip(*(vars(eye).values() for eye in eyes), strict=True)))

    def pixels(self, rows: np.ndarray, perturbed_by: np.ndarray) -> np.ndarray:
        """Where the tool is seen ``[B, 2]`` once it is perturbed by ``[B, 3]``; NaN behind the camera."""
        tool = (self.tool[rows] + perturbed_by)[:, None]
        cameras = (self.position, self.rotation, self.intrinsics, self.distortion)
        return project_frames(tool, *(each[rows] for each in cameras))[:, 0]
