"""Policies with planted weaknesses, in a made-up simulation: real episodes are drawn, outcomes follow a rule.

`install` puts it where a session would start the simulator, so that commands run from end to end without one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from domain_rand.distributions import LogRange, Range
from domain_rand.episode import Episode
from domain_rand.factor import Factor
from domain_rand.sets import FactorSet, load_set
from workbench.rollout.loop import Outcome

Rule = Callable[[dict[str, Any]], float]
"""Probability of success, from the values that were drawn."""


class Exposure(Factor):
    """Like an exposure of a camera; it changes nothing but the planted policies' minds."""

    name = "planted.exposure"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.35, 2.8)


class Offset(Factor):
    """A vector that matters to no one, or to a policy that minds how large it is."""

    name = "planted.offset"
    unit = "m"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.02, 0.02)
    length = 3


def planted_set(delays: int = 6, idle: int = 0) -> FactorSet:
    """The default set with a wider delay, the factors above, and as many factors as asked for that do nothing."""
    base = load_set("default", {"control.action_delay": {"lo": 0, "hi": delays}})
    dull = [
        type(
            f"Idle{i}",
            (Factor,),
            {"name": f"planted.idle_{i}", "unit": "1", "nominal": 0.0, "default": Range(-1.0, 1.0)},
        )
        for i in range(idle)
    ]
    return FactorSet("planted", (*base.factors, Exposure(), Offset(), *(cls() for cls in dull)))


def nominal_values() -> dict[str, Any]:
    """What a rule sees of a factor that an episode does not name."""
    return {f.name: f.nominal for f in planted_set().factors if f.nominal is not None}


def outcome(rule: Rule, episode: Episode, key: str = "") -> bool:
    """Whether the policy succeeds: luck belongs to the episode, as it mostly does, so that conditions are paired."""
    luck = episode.spec.generator(f"planted luck {key}").random()
    return bool(luck < rule(nominal_values() | episode.factors))


class PlantedSimulation:
    """Stands in for `workbench.rollout.simulation.TabletopSimulation`; episodes last a few steps."""

    may_begin = True
    idle_action = torch.zeros(2)

    def __init__(self, env, factor_set, seed, max_steps, draw) -> None:
        self.env, self.draw, self.num_envs, self.max_steps = env, draw, env.num_envs, max_steps
        self.episodes: dict[int, Episode] = {}
        self.running = [-1] * self.num_envs
        self.age = np.zeros(self.num_envs, int)

    def episode(self, index):
        if index not in self.episodes:
            self.episodes[index] = self.draw(index)
        return self.episodes[index]

    def begin(self, rows, indices):
        for row, index in zip(rows, indices, strict=True):
            self.running[row], self.age[row] = index, 0
        return [self.episode(index).policy_seed for index in indices]

    def end(self, rows):
        for row in rows:
            self.running[row] = -1

    def answer_delay(self, rows, thinking_s):
        return np.zeros(len(rows), dtype=int)

    def observe(self, policy, rows=None):
        return SimpleNamespace(images={}, env_ids=range(self.num_envs) if rows is None else rows)

    def true_grounding(self, row, claim):
        return None

    def seen(self, row, claim, positions):
        return None

    def closing(self, actions):
        return self.age < 0

    def step(self, actions):
        self.age += 1

    def limited(self):
        return self.age < 0

    def finished(self):
        return np.array([i >= 0 and self.age[row] > i % 3 for row, i in enumerate(self.running)])

    def outcome(self, row):
        self.env.left -= 1
        if self.env.left < 0:
            raise KeyboardInterrupt
        good = outcome(self.env.rule, self.episode(self.running[row]))
        return Outcome(good, None if good else "planted")

    def tool_positions(self):
        return np.stack((self.age, self.age, self.age), 1) * 0.01

    def snapshot(self):
        return {}


class PlantedPolicy:
    """Does nothing, in actions of two channels."""

    cameras, privileged, execute_steps = (), False, 1
    action_spec = None

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs

    def reset(self, env_ids, seeds):
        """Nothing to reset."""

    def act(self, observation):
        n = len(observation.env_ids)
        return SimpleNamespace(actions=torch.zeros(n, 1, 2), grounding=[None] * n)


def install(monkeypatch, rule: Rule, factor_set: FactorSet | None = None, left: int = 10**9) -> None:
    """Let every command that starts a simulator run the planted policy instead.

    ``left`` episodes may end before the run is interrupted, as by a hand on the keyboard.
    """
    drawn_from = factor_set or planted_set()

    @contextmanager
    def launch(simulated):
        spec = SimpleNamespace(mismatches=lambda other: [], channels=(), dim=2)
        yield SimpleNamespace(
            num_envs=simulated.num_envs,
            action_spec=spec,
            rule=rule,
            left=left,
            camera_position={},
            cameras={},
        )

    monkeypatch.setattr("workbench.rollout.episode_runner.launch_tabletop", launch)
    monkeypatch.setattr("workbench.rollout.episode_runner.TabletopSimulation", PlantedSimulation)
    monkeypatch.setattr(
        "workbench.rollout.episode_runner.make_policy", lambda name, num_envs, *rest: PlantedPolicy(num_envs)
    )
    monkeypatch.setattr("domain_rand.sets.load_set", lambda name, overrides, task: drawn_from)
