"""Chunks of actions behind what is measured of the hand and the annotated places alone: no pictures, no words.

Demonstrations are always where they should be, so that whoever imitates them learns to go on from where the hand is and
never to come back to where it should be. Numbers, unlike pictures, can be changed: half of the hands told have strayed,
in the base frame and in the picture alike, and their actions lead back to the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from policy.m1.config import GRIPPER, PATH
from policy.m1.training.batches import NumbersBatch
from policy.m1.training.randomness import numpy_generator
from workbench.data.archive import ArchiveError
from workbench.data.episode import DatasetEpisode
from workbench.data.projection import project_frames
from workbench.training.action_stream import chunk_at
from workbench.training.answer_stream import hand_at, slot_places
from workbench.training.frames import ArchiveFrames

PLACE_ERROR = 2.5
"""Standard deviation of what is added to a place [px]: about what the language model errs by on pictures that it has
not seen. A head that was told the truth alone would rely on it to the pixel."""
STRAYED = 0.5
"""Share of the hands that have strayed."""
STRAY = (0.02, 0.02, 0.01, 0.15)
"""Standard deviation of how far: x, y, z [m], turn about the vertical [rad]."""
BACK_AFTER = 6
"""Control steps after which actions have led a hand back."""
STEADY = 8
"""Control steps from now on in which the gripper's command must stay as it is, or the hand has not strayed: it is too
late to come back."""
MOTION = ("dx", "dy", "dz", "drot_z")
"""Channels that lead back, for the numbers of `STRAY`."""


@dataclass(frozen=True)
class _Eye:
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

    def pixels(self, rows: np.ndarray, strayed_by: np.ndarray) -> np.ndarray:
        """Where the tool is seen ``[B, 2]`` once it has strayed by ``[B, 3]``; NaN behind the camera."""
        tool = (self.tool[rows] + strayed_by)[:, None]
        cameras = (self.position, self.rotation, self.intrinsics, self.distortion)
        return project_frames(tool, *(each[rows] for each in cameras))[:, 0]


class NumbersStream:
    """One row a frame, all of them in memory; frames with a place outside the picture are left out."""

    def __init__(
        self,
        frames: ArchiveFrames,
        view: str,
        slots: Sequence[str],
        side: int,
        length: int,
        seed: int,
    ) -> None:
        """``side`` is that of the square picture of ``view`` that the model sees [px]; no ``slots``, no places.

        Raises ArchiveError if no frame shows them all.
        """
        self.seed, self.side = seed, side
        self._tool = slots.index(PATH) if PATH in slots else None
        """The slot of where the tool is; of its way ahead nothing is known once it has strayed."""
        if list(slots).count(PATH) > 1:
            raise ValueError("of the tool's way, only where it begins can be told as a number")
        hands, places, actions, valid, eyes = [], [], [], [], []
        for number, frame in frames.rows(before_end=True):
            episode = frames.episodes[number]
            known = slot_places(episode, view, frame, slots, side)
            if None in known:
                continue
            chunk, had = chunk_at(episode.actions, int(episode.frame_steps[frame]), length)
            hands.append(hand_at(episode, frame))
            places.append(np.array(known).reshape(-1, 2))
            actions.append(chunk)
            valid.append(had)
            eyes.append(_Eye.of(episode, view, frame, side))
        if not hands:
            raise ArchiveError(f"no frame of camera {view} shows all of {', '.join(dict.fromkeys(slots))}")
        self.size = len(hands)
        self.hands, self.places = np.array(hands), np.array(places)
        self.actions, self.valid = np.array(actions, np.float64), np.array(valid)
        self._eyes = _Eye.together(eyes)
        names = [channel.name for channel in frames.action_spec.channels]
        self._motion = [names.index(name) for name in MOTION if name in names]
        self._steady = np.zeros(self.size, bool)
        # Joints' changes do not say where the hand goes.
        if len(self._motion) == len(MOTION) and GRIPPER in names:
            command = np.sign(self.actions[:, :STEADY, names.index(GRIPPER)])
            self._steady = (command == command[:, :1]).all(axis=1)

    def batch(self, rows: Sequence[tuple[int, int]]) -> NumbersBatch:
        """See `policy.m1.training.batches.Stream`. Each epoch errs and strays otherwise."""
        some = np.array([row for row, _ in rows])
        hands, places, actions = self.hands[some], self.places[some], self.actions[some]
        by, errors = np.zeros((len(rows), len(STRAY))), np.empty(places.shape)
        for i, (row, epoch) in enumerate(rows):
            rng = numpy_generator(self.seed, "numbers", row, epoch)
            errors[i] = PLACE_ERROR * rng.normal(size=places.shape[1:])
            if self._steady[row] and rng.random() < STRAYED:
                by[i] = STRAY * rng.normal(size=len(STRAY))
        hands[:, :4] += by
        # As `policy.m1.prompt.measured_hand` tells it.
        hands[:, 3] = (hands[:, 3] + math.pi / 2) % math.pi - math.pi / 2
        actions[:, :BACK_AFTER, self._motion] -= by[:, None, : len(self._motion)] / BACK_AFTER
        if self._tool is not None:
            moved = self._eyes.pixels(some, by[:, :3])
            known = by.any(axis=1) & ~np.isnan(moved).any(axis=1)
            places[known, self._tool] = moved[known].clip(0, self.side)
        hand, told, led = (torch.from_numpy(x).float() for x in (hands, places + errors, actions))
        return NumbersBatch(hand, told, led, torch.from_numpy(self.valid[some]))
