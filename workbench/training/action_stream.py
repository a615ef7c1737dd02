"""Chunks of actions as demonstrated, behind what the cameras showed before them; and their exact statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from policy.action import ActionSpec, Normalisation
from policy.m1.model import PerturbedHands
from policy.m1.training.batches import ActionBatch
from policy.m1.training.randomness import numpy_generator
from workbench.training.annotations import hand_at, worded
from workbench.training.augment import jitter
from workbench.training.frames import ArchiveFrames
from workbench.training.hand_perturbation import PERTURBATION, Eye, HandPerturbation
from workbench.training.imported_frames import ImportedFrames

LEAST_SPAN = 1e-6
"""A channel that varies by less, in its unit, is held constant: scaled up, its rounding would be the lesson."""


def with_statistics(frames: ArchiveFrames | ImportedFrames, scheme: str) -> ActionSpec:
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
    mask = tuple(i != frames.action_spec.gripper_index for i in range(frames.action_spec.dim))
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
    """One row a frame that is to be imitated.

    A frame's chunk begins at its own control step, whatever earlier state its picture shows: that delay is the
    camera's, and the policy will be asked with it, too.
    """

    def __init__(
        self,
        frames: ArchiveFrames | ImportedFrames,
        views: Sequence[str],
        length: int,
        seed: int,
        augment: bool = True,
        paraphrases: float = 0.0,
        perturbed_at: int | None = None,
    ) -> None:
        """
        Args:
            frames: the archive.
            views: cameras that are seen.
            length: actions in a chunk.
            seed: of all chance.
            augment: whether colours vary.
            paraphrases: share of tasks told in the data's other words.
            perturbed_at: side of the square picture that the model sees [px], if half of the hands are to be told as if
                they were perturbed (`hand_perturbation`), where the first of the views shows the tool.
        """
        self.frames, self.views, self.length, self.seed = frames, tuple(views), length, seed
        self.augment, self.paraphrases, self.perturbed_at = augment, paraphrases, perturbed_at
        self._perturbation = HandPerturbation(frames.action_spec)
        self.rows = frames.imitable_rows()
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
        chunks = np.stack(actions).astype(np.float64)
        perturbed = (
            None if self.perturbed_at is None else self._perturb(rows, hands, chunks, self.perturbed_at)
        )
        return ActionBatch(
            {view: torch.from_numpy(np.stack(some)) for view, some in pictures.items()},
            instructions,
            torch.from_numpy(chunks).float(),
            torch.from_numpy(np.stack(valid)),
            torch.tensor(hands),
            perturbed,
        )

    def _perturb(
        self,
        rows: Sequence[tuple[int, int]],
        hands: Sequence[Sequence[float]],
        chunks: np.ndarray,
        side: int,
    ) -> PerturbedHands:
        """What is told of the hands; changes the ``chunks`` ``[B, T, A]`` of those that are perturbed."""
        assert isinstance(self.frames, ArchiveFrames)  # others have no cameras to see the tool with
        episodes = self.frames.episodes
        by, moved = np.zeros((len(rows), len(PERTURBATION))), np.zeros((len(rows), 2))
        for i, (row, epoch) in enumerate(rows):
            drawn = self._perturbation.drawn(numpy_generator(self.seed, "stray", row, epoch), chunks[i])
            number, frame = self.rows[row]
            eye = Eye.together([Eye.of(episodes[number], self.views[0], frame, side)] * 2)
            was, seen = eye.pixels(np.arange(2), np.stack([np.zeros(3), drawn[:3]])).clip(0, side)
            if not np.isnan([was, seen]).any():
                by[i], moved[i] = drawn, seen - was
        told = np.array(hands, np.float64)
        self._perturbation.lead_back(told, chunks, by)
        return PerturbedHands(torch.from_numpy(told).float(), torch.from_numpy(moved).float())

    def _shown(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        # Never cropped: the policy will see whole pictures, and a few pixels are as wide as a fingertip.
        return jitter(picture, rng) if self.augment else picture
