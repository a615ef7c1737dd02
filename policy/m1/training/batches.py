"""What training asks of its data: batches of four kinds, by row numbers.

A `Source` is any object that has streams of such batches; `workbench.training` has one for the archive. Rows are asked
for with the epoch in which they are asked, so that a source can vary what it shows of a row, as a function of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from policy.m1.model import PerturbedHands


@dataclass(frozen=True)
class ActionBatch:
    """Demonstrated action chunks and what was seen before each."""

    images: Mapping[str, torch.Tensor]
    """Camera -> ``[B, H, W, 3]`` RGB uint8."""
    instructions: Sequence[str]
    actions: torch.Tensor
    """``[B, T, A]`` in the physical units of the model's action spec."""
    valid: torch.Tensor
    """``[B, T]`` bool: False past the end of an episode; what stands there in `actions` changes nothing."""
    hand: torch.Tensor | None = None
    """What the robot measured of its hand ``[B, 5]`` (`policy.m1.prompt.measured_hand`)."""
    perturbed: PerturbedHands | None = None
    """What is told as numbers, where `actions` begin from elsewhere than where the hand was and is seen."""


@dataclass(frozen=True)
class NumbersBatch:
    """The same without pictures and words: what they would tell stands there as numbers."""

    hand: torch.Tensor
    """``[B, 5]`` as in `ActionBatch`."""
    places: torch.Tensor
    """``[B, S, 2]`` what the slots of the prompt stand for, in pixels of the first view as the model sees it."""
    actions: torch.Tensor
    """``[B, T, A]`` as in `ActionBatch`."""
    valid: torch.Tensor
    """``[B, T]`` bool."""


@dataclass(frozen=True)
class Asked:
    """A question about one picture, with the answer wanted."""

    question: str
    """The whole user turn."""
    answer: str
    looks: tuple[tuple[float, float], ...] = ()
    """For each whole-number coordinate in the answer, in order, the place (u, v) that it is about, in the pixels of
    the picture as the model sees it; empty where that is unknown."""


@dataclass(frozen=True)
class Marked:
    """The prompt for acting, with the places that its slots stand for."""

    instruction: str
    places: tuple[tuple[float, float] | None, ...]
    """(u, v) of each of the prompt's slots, in the pixels of the picture as the model sees it; None for a place that
    is not in the picture."""
    hand: tuple[float, ...] | None = None
    """As in `ActionBatch`, of one sample."""


@dataclass(frozen=True)
class AnswerBatch:
    """Pictures, several questions about each."""

    pictures: torch.Tensor
    """``[B, H, W, 3]`` RGB uint8."""
    asked: Sequence[Sequence[Asked | Marked]]
    """``[B]``; a picture may have none."""


@dataclass(frozen=True)
class SceneBatch:
    """Pictures with everything that stands in them."""

    pictures: torch.Tensor
    """``[B, H, W, 3]`` RGB uint8."""
    boxes: Sequence[np.ndarray]
    """``[B]`` of ``[n, 4]``: u_min, v_min, u_max, v_max [px]."""
    colors: Sequence[np.ndarray]
    """``[B]`` of ``[n]``: class numbers."""
    shapes: Sequence[np.ndarray]
    """``[B]`` of ``[n]``: class numbers."""


Batch = ActionBatch | NumbersBatch | AnswerBatch | SceneBatch


class Stream(Protocol):
    """Rows of one kind."""

    size: int
    """Number of rows."""

    def batch(self, rows: Sequence[tuple[int, int]]) -> Any:
        """The batch of ``(row, epoch)``; the same arguments always give the same batch."""
        ...


class Source(Protocol):
    """Where training data comes from."""

    colors: int
    """Classes of colour in a `SceneBatch`."""
    shapes: int
    """Classes of shape."""

    def stream(self, objective: str, phase: str) -> Stream:
        """Rows for an objective: one of `policy.m1.training.phases.OBJECTIVES`, in a phase."""
        ...
