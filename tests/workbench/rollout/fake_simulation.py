"""Environments and policies that need no simulator."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch

from policy.grounding import Grounding, Point
from workbench.rollout.loop import Outcome, Rollout

IDLE = -7.0
CHANNELS = 3  # of an action: decision number, step within the chunk, row


@dataclass(frozen=True)
class Seen:
    """What the policy is shown."""

    env_ids: Sequence[int]
    images: dict
    clock: int
    index: np.ndarray
    age: np.ndarray
    committed: object = None


class FakeSimulation:
    """Episode ``i`` lasts ``lengths[i]`` steps; what happens is written down."""

    idle_action = torch.full((CHANNELS,), IDLE)
    may_begin = True

    def end(self, rows):
        """Nothing to clear."""

    def __init__(self, num_envs, lengths, outcomes=None, max_steps=1000):
        self.num_envs, self.max_steps = num_envs, max_steps
        self.lengths, self.outcomes = lengths, outcomes
        self.index = np.full(num_envs, -1)
        self.age = np.zeros(num_envs, dtype=int)
        self.clock = 0
        self.begun = []
        """(clock, row, index)"""
        self.actions = []
        self.observed = []
        """Clock of each observation."""

    def begin(self, rows, indices):
        assert len(set(rows)) == len(rows) == len(indices)
        for row, index in zip(rows, indices, strict=True):
            self.begun.append((self.clock, row, index))
            self.index[row], self.age[row] = index, 0
        return [1000 + index for index in indices]

    delay = 0
    """Control steps that answers take; or a function of rows and thinking time."""

    def answer_delay(self, rows, thinking_s):
        return self.delay(rows, thinking_s) if callable(self.delay) else np.full(len(rows), self.delay)

    def observe(self, policy, rows=None):
        self.observed.append(self.clock)
        return Seen(
            env_ids=range(self.num_envs) if rows is None else rows,
            images={},
            clock=self.clock,
            index=self.index.copy(),
            age=self.age.copy(),
        )

    def true_grounding(self, row, claim):
        return None if claim.camera == "wrist" else said("front", self.clock, row)

    def seen(self, row, claim, positions):
        return None if claim.camera == "wrist" else 2 * positions[:, 1:]

    def closing(self, actions):
        """The hand is closed from the third to the fifth step of each episode."""
        return (self.age >= 3) & (self.age <= 5)

    def limited(self):
        """The limiter changes the second and the third command of each episode."""
        return (self.age == 2) | (self.age == 3)

    def step(self, actions):
        self.actions.append(actions.clone())
        self.clock += 1
        self.age += 1

    def finished(self):
        return np.array(
            [i >= 0 and age >= self.lengths[i] for i, age in zip(self.index, self.age, strict=True)]
        )

    def outcome(self, row):
        good = self.outcomes is None or bool(self.outcomes[self.index[row]])
        return Outcome(good, None if good else "timeout")

    def tool_positions(self):
        return np.stack((self.index, self.age, np.arange(self.num_envs)), 1).astype(float)

    def snapshot(self):
        return {"index": self.index, "age": self.age, "clock": np.full(self.num_envs, self.clock)}


def said(camera, clock, row):
    return Grounding(camera, (10, 10), points=(Point("grasp", (clock, row)),))


class FakePolicy:
    """Writes into its actions which decision they belong to, and claims when and for which row."""

    cameras, privileged, name, action_spec = (), False, "fake", None

    def __init__(self, execute_steps=1, chunk=None, camera="front"):
        self.execute_steps, self.chunk, self.camera = execute_steps, chunk or execute_steps, camera
        self.resets = []
        self.decisions = 0

    def reset(self, env_ids, seeds):
        self.resets += zip(env_ids, seeds, strict=True)

    def act(self, observation):
        rows = list(observation.env_ids)
        actions = torch.zeros(len(rows), self.chunk, CHANNELS)
        actions[..., 0] = self.decisions
        actions[..., 1] = torch.arange(self.chunk)
        actions[..., 2] = torch.tensor(rows)[:, None]
        self.decisions += 1
        claims = [said(self.camera, observation.clock, row) if self.camera else None for row in rows]
        return SimpleNamespace(actions=actions, grounding=claims)


def roll(sim, policy=None, indices=None, done=None, **keep):
    """Run to the end; the episodes in the order in which they were handed over, and the tally."""
    ended = []

    def collect(episode):
        ended.append(episode)
        return done(episode) if done else None

    indices = range(len(sim.lengths)) if indices is None else indices
    return ended, Rollout(sim, policy or FakePolicy(), indices, collect, **keep).run()
