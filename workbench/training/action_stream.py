"""Chunks of actions as demonstrated, behind what the cameras showed before them; and their exact statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from policy.action import ActionSpec, Normalisation
from policy.m1.config import GRIPPER
from policy.m1.training.batches import ActionBatch
from policy.m1.training.randomness import numpy_generator
from workbench.training.answer_stream import hand_at, worded
from workbench.training.augment import jitter
from workbench.training.frames import ArchiveFrames

SCHEMES = ("min_max", "q01_q99")
LEAST_SPAN = 1e-6
"""A channel that varies by less, in its unit, is held constant: scaled up, its rounding would be the lesson."""


def with_statistics(frames: ArchiveFrames, scheme: str) -> ActionSpec:
    """The data's action spec with the statistics of all its control steps, each demonstration counted once.

    Renderings of one demonstration share its actions. The gripper is left out: its levels are its own.
    """
    demonstrations = {episode.demonstration: episode.actions for episode in frames.episodes}
    actions = np.concatenate([demonstrations[index] for index in sorted(demonstrations)]).astype(np.float64)
    if scheme == "min_max":
        low, high = actions.min(0), actions.max(0)
    else:
        low, high = np.quantile(actions, 0.01, axis=0), np.quantile(actions, 0.99, axis=0)
    low, high = (np.where(high - low < LEAST_SPAN, (low + high) / 2, x) for x in (low, high))
    names = [channel.name for channel in frames.action_spec.channels]
    mask = tuple(name != GRIPPER for name in names)
    normalisation = Normalisation(
        "min_max" if scheme == "min_max" else "q01_q99", tuple(low.tolist()), tuple(high.tolist()), mask
    )
    return replace(frames.action_spec, normalisation=normalisation)


def chunk_at(actions: np.ndarray, step: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """``length`` actions ``[T, A]`` from a control step on, and which of them the episode had ``[T]``.

    Past its end stands the last action again. That is never learned from, but nobody can mistake it for a command to
    open the hand, as a row of zeros can be.
    """
    steps = np.arange(step, step + length)
    return actions[np.minimum(steps, len(actions) - 1)], steps < len(actions)


class ActionStream:
    """One row a frame. A frame's chunk begins at its own control step, whatever earlier state its picture shows: that
    delay is the camera's, and the policy will be asked with it, too.
    """

    def __init__(
        self,
        frames: ArchiveFrames,
        views: Sequence[str],
        length: int,
        seed: int,
        augment: bool = True,
        paraphrases: float = 0.0,
    ) -> None:
        """``paraphrases`` is the share of tasks told in the data's other words."""
        self.frames, self.views, self.length, self.seed = frames, tuple(views), length, seed
        self.augment, self.paraphrases = augment, paraphrases
        self.rows = frames.rows(before_end=True)
        self.size = len(self.rows)

    def batch(self, rows: Sequence[tuple[int, int]]) -> ActionBatch:
        """See `policy.m1.training.batches.Stream`."""
        pictures: dict[str, list[np.ndarray]] = {view: [] for view in self.views}
        instructions, actions, valid, hands = [], [], [], []
        for row, epoch in rows:
            number, frame = self.rows[row]
            episode = self.frames.episodes[number]
            rng = numpy_generator(self.seed, "action", row, epoch)
            instructions.append(worded(episode, self.paraphrases, rng))
            chunk, had = chunk_at(episode.actions, int(episode.frame_steps[frame]), self.length)
            hands.append(hand_at(episode, frame))
            actions.append(chunk)
            valid.append(had)
            for view in self.views:
                pictures[view].append(self._shown(self.frames.picture(number, view, frame), rng))
        return ActionBatch(
            {view: torch.from_numpy(np.stack(some)) for view, some in pictures.items()},
            instructions,
            torch.from_numpy(np.stack(actions)).float(),
            torch.from_numpy(np.stack(valid)),
            torch.tensor(hands),
        )

    def _shown(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        # Never cropped: the policy will see whole pictures, and a few pixels are as wide as a fingertip.
        return jitter(picture, rng) if self.augment else picture
