"""`InferenceTime`: how long a policy's answers are under way, besides what it really takes to think here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.settings import PerEnvironment, stream
from tasks.tabletop.action_spaces import CONTROL_DT

BURST_S = 0.3
"""What a burst adds to an answer's time [s]."""
DRAWS = 1024
"""Answers after which an episode's random numbers repeat."""


class InferenceTime(PerEnvironment):
    """The time from an observation to the first action that it may lead to, in ``N`` environments; nominally none.

    Settings:
        inference_latency: of each answer [s].
        inference_burst: probability that an answer takes `BURST_S` longer.
    """

    def __init__(self, num_envs: int, device: str = "cpu") -> None:
        super().__init__(num_envs, device, inference_latency=0.0, inference_burst=0.0)
        self._chance = np.ones((num_envs, DRAWS))
        self._answers = np.zeros(num_envs, dtype=np.int64)

    def begin(self, rows: Sequence[int], seeds: Sequence[int]) -> None:
        """Draw the random numbers of new episodes."""
        for row, seed in zip(rows, seeds, strict=True):
            self._chance[row] = stream(seed, "inference").random(DRAWS)
            self._answers[row] = 0

    def delay(self, rows: Sequence[int], thinking_s: float = 0.0) -> np.ndarray:
        """Whole control steps ``[n]`` that the next answers to these rows take, the policy's thinking included."""
        ids = list(rows)
        latency, burst = (
            self[name][ids].cpu().numpy().astype(np.float64)
            for name in ("inference_latency", "inference_burst")
        )
        held_up = self._chance[ids, self._answers[ids] % DRAWS] < burst
        self._answers[ids] += 1
        steps = (thinking_s + latency + BURST_S * held_up) / CONTROL_DT
        return np.ceil(steps - 1e-6).astype(np.int64)
