"""Policies that know nothing: the floor that any other must clear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from policy.action import ActionSpec
from policy.contract import Decision, Observation


class Hold:
    """Keeps the arm still and the hand open."""

    name = "hold"
    cameras: tuple[str, ...] = ()
    privileged = False
    execute_steps = 1

    def __init__(self, num_envs: int, action_spec: ActionSpec, device: str = "cpu") -> None:
        self.action_spec = action_spec
        self._action = torch.tensor(action_spec.idle_action, device=device).repeat(num_envs, 1, 1)

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation) -> Decision:
        """The same for everyone."""
        n = len(observation.env_ids)
        return Decision(self._action[list(observation.env_ids)], [None] * n)


class Random:
    """Draws every channel evenly from a fifth of its range; the hand opens or closes for whole chunks of 8 steps."""

    name = "random"
    cameras: tuple[str, ...] = ()
    privileged = False
    execute_steps = 8
    scale = 0.2

    def __init__(self, num_envs: int, action_spec: ActionSpec, device: str = "cpu") -> None:
        self.action_spec = action_spec
        self.device = device
        self._generators = [np.random.default_rng(0) for _ in range(num_envs)]

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """Begin each environment's random numbers anew."""
        for row, seed in zip(env_ids, seeds, strict=True):
            self._generators[row] = np.random.default_rng(seed)

    def act(self, observation: Observation) -> Decision:
        """One chunk a row, from the row's own random numbers."""
        spec = self.action_spec
        gripper = spec.gripper_index
        chunks = []
        for row in observation.env_ids:
            rng = self._generators[row]
            chunk = rng.uniform(spec.low, spec.high, (self.execute_steps, spec.dim)) * self.scale
            chunk = np.clip(chunk, spec.low, spec.high)  # limits need not hold zero
            if gripper is not None:
                chunk[:, gripper] = rng.choice((-1.0, 1.0))
            chunks.append(chunk)
        actions = torch.tensor(np.stack(chunks), dtype=torch.float32, device=self.device)
        return Decision(actions, [None] * len(chunks))
