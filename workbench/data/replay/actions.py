"""Replaying a dataset's actions in the simulator: does what it says reproduce what it shows?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from domain_rand.episode import Episode, draw_episode
from policy.action import ActionSpec
from policy.contract import Decision, Observation
from tasks.episode import EpisodeSpec
from workbench.data.replay.sources import RecordedActions, Recording
from workbench.rollout.loop import Rollout, RunningEpisode
from workbench.rollout.simulation import TabletopSimulation, launch_tabletop


class Playback:
    """A policy that plays recorded actions of named episodes, and then holds still."""

    name = "playback"
    cameras: tuple[str, ...] = ()
    privileged = False
    execute_steps = 1

    def __init__(
        self, num_envs: int, action_spec: ActionSpec, actions: Mapping[int, np.ndarray], device: str
    ) -> None:
        """
        Args:
            num_envs: number of environments.
            action_spec: what the actions mean.
            actions: ``[T, A]`` by the number of their recording, which `ReplaySimulation` gives as seed.
            device: torch device.
        """
        self.action_spec = action_spec
        self._idle = torch.as_tensor(action_spec.idle_action, device=device)
        self._actions = {
            number: torch.as_tensor(a, dtype=torch.float32, device=device) for number, a in actions.items()
        }
        self._playing: list[torch.Tensor] = [torch.zeros(1, action_spec.dim, device=device)] * num_envs

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """Take up the recordings of the episodes that begin."""
        for row, number in zip(env_ids, seeds, strict=True):
            self._playing[row] = self._actions[number]

    def act(self, observation: Observation) -> Decision:
        """The recorded action of each row's step; after the last, none, the gripper as it was."""
        actions = []
        for row, step in zip(observation.env_ids, observation.step.tolist(), strict=True):
            played = self._playing[row]
            action, gripper = played[min(step, len(played) - 1)], self.action_spec.gripper_index
            if step >= len(played):
                action, last = self._idle.clone(), action
                if gripper is not None:
                    action[gripper] = last[gripper]
            actions.append(action)
        return Decision(torch.stack(actions)[:, None], [None] * len(actions))


class ReplaySimulation(TabletopSimulation):
    """Runs recordings by their number, of which several may be of one episode."""

    def __init__(self, env: Any, recorded: RecordedActions, numbers: Mapping[int, Recording]) -> None:
        options, factor_set = recorded.options, recorded.options.factor_set()

        def draw(number: int) -> Episode:
            # The environment that stands at first, before any recording begins, is like episode 0.
            index = numbers[number].index if number in numbers else number
            return draw_episode(EpisodeSpec(options.task, index, options.seed, factor_set.name), factor_set)

        super().__init__(env, factor_set, options.seed, options.max_steps, draw)

    def begin(self, rows: Sequence[int], indices: Sequence[int]) -> list[int]:
        """See `workbench.rollout.loop.Simulation`; the policy is told the numbers of the recordings."""
        super().begin(rows, indices)
        return list(indices)


@dataclass(frozen=True)
class Replayed:
    """What came of a recording."""

    names: tuple[str, ...]
    """Episodes of the dataset that hold it."""
    failure_reason: str | None
    """None for success."""
    tool_error: float
    """Greatest distance of the tool from where it was when recorded, over the steps that both have [m]."""


def replay_actions(
    recorded: RecordedActions, booked: Callable[[Replayed], Any] = lambda _: None
) -> list[Replayed]:
    """Run a dataset's episodes again, with recorded actions.

    Args:
        recorded: how the dataset was made, which names episodes and environment, and what is to be played.
        booked: called as each ends.

    Returns:
        What came of each, in the order of ``recorded``.
    """
    options = recorded.options
    numbers = numbered(recorded.recordings, options.num_envs)
    found: dict[int, Replayed] = {}

    def done(ran: RunningEpisode) -> None:
        assert ran.outcome is not None
        recording = numbers[ran.index]
        path = np.stack([state[recorded.tool][:3] for state in ran.states])
        error = tool_error(recording, path)
        found[ran.index] = Replayed(tuple(recording.names), ran.outcome.failure_reason, error)
        booked(found[ran.index])

    with launch_tabletop(replace(options.simulation_cfg((), options.factor_set()), exact=False)) as env:
        simulation = ReplaySimulation(env, recorded, numbers)
        actions = {number: recording.actions for number, recording in numbers.items()}
        policy = Playback(options.num_envs, env.action_spec, actions, options.device)
        Rollout(simulation, policy, list(numbers), done, recorded=numbers).run()
    return [found[number] for number in numbers]


def numbered(recordings: Sequence[Recording], num_envs: int) -> dict[int, Recording]:
    """Recordings by number: each runs in the environment in which its episode ran, ``index mod num_envs``.

    The last digits of a simulation depend on the environment, and contacts make millimetres of them.
    """
    found: dict[int, Recording] = {}
    turn = num_envs * (1 + max((r.index for r in recordings), default=0) // num_envs)
    for recording in recordings:
        number = recording.index
        while number in found:
            number += turn
        found[number] = recording
    return found


def tool_error(recording: Recording, path: np.ndarray) -> float:
    """Greatest distance of a replayed path ``[T + 1, 3]`` from the recorded one, at the steps that both have [m]."""
    both = recording.steps < len(path)
    return float(np.linalg.norm(recording.path[both] - path[recording.steps[both]], axis=1).max())
