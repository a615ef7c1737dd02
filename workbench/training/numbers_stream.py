"""Chunks of actions behind what is measured of the hand and the annotated places alone: no pictures, no words.

Numbers, unlike pictures, can be changed: half of the hands told are perturbed (`hand_perturbation`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from policy.m1.config import PATH
from policy.m1.training.batches import NumbersBatch
from policy.m1.training.randomness import numpy_generator
from workbench.data.archive.archive import ArchiveError
from workbench.training.action_stream import chunk_at
from workbench.training.annotations import hand_at, slot_places
from workbench.training.frames import ArchiveFrames
from workbench.training.hand_perturbation import PERTURBATION, Eye, HandPerturbation

PLACE_ERROR = 2.5
"""Standard deviation of what is added to a place [px]: about what the language model errs by on pictures that it has
not seen. A head that was told the truth alone would rely on it to the pixel."""


class NumbersStream:
    """One row a frame that is to be imitated, all in memory; frames with a place outside the picture are left out."""

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
        """The slot of where the tool is; of its way ahead nothing is known once it is perturbed."""
        if list(slots).count(PATH) > 1:
            raise ValueError("of the tool's way, only where it begins can be told as a number")
        hands, places, actions, valid, eyes = [], [], [], [], []
        for number, frame in frames.imitable_rows():
            episode = frames.episodes[number]
            known = slot_places(episode, view, frame, slots, side)
            if None in known:
                continue
            chunk, had = chunk_at(episode.actions, int(episode.frame_steps[frame]), length)
            hands.append(hand_at(episode, frame))
            places.append(np.array(known).reshape(-1, 2))
            actions.append(chunk)
            valid.append(had)
            eyes.append(Eye.of(episode, view, frame, side))
        if not hands:
            raise ArchiveError(f"no frame of camera {view} shows all of {', '.join(dict.fromkeys(slots))}")
        self.size = len(hands)
        self.hands, self.places = np.array(hands), np.array(places)
        self.actions, self.valid = np.array(actions, np.float64), np.array(valid)
        self._eyes = Eye.together(eyes)
        self._perturbation = HandPerturbation(frames.action_spec)

    def batch(self, rows: Sequence[tuple[int, int]]) -> NumbersBatch:
        """See `policy.m1.training.batches.Stream`. Each epoch errs and perturbs otherwise."""
        some = np.array([row for row, _ in rows])
        hands, places, actions = self.hands[some], self.places[some], self.actions[some]
        by, errors = np.zeros((len(rows), len(PERTURBATION))), np.empty(places.shape)
        for i, (row, epoch) in enumerate(rows):
            rng = numpy_generator(self.seed, "numbers", row, epoch)
            errors[i] = PLACE_ERROR * rng.normal(size=places.shape[1:])
            if self._tool is not None:
                by[i] = self._perturbation.drawn(rng, self.actions[row])
        self._perturbation.lead_back(hands, actions, by)
        if self._tool is not None:
            moved = self._eyes.pixels(some, by[:, :3])
            known = by.any(axis=1) & ~np.isnan(moved).any(axis=1)
            places[known, self._tool] = moved[known].clip(0, self.side)
        hand, told, led = (torch.from_numpy(x).float() for x in (hands, places + errors, actions))
        return NumbersBatch(hand, told, led, torch.from_numpy(self.valid[some]))
