"""Replaying a dataset's actions in the simulator: does what it says reproduce what it shows?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from policy.action import ActionSpec
from policy.contract import Decision, Observation
from tasks.episode import EpisodeSpec
from workbench.data.archive import ArchiveError
from workbench.data.generate_options import GenerateOptions
from workbench.pick_place import PickPlaceSimulation, launch_pick_place
from workbench.rollout import Rollout, RunningEpisode
from workbench.statistics import wilson_interval


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
            actions: ``[T, A]`` by the policy seed of their episode, which names it.
            device: torch device.
        """
        self.action_spec = action_spec
        self._actions = {
            seed: torch.as_tensor(a, dtype=torch.float32, device=device) for seed, a in actions.items()
        }
        self._playing: list[torch.Tensor] = [torch.zeros(1, action_spec.dim, device=device)] * num_envs

    def reset(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """Take up the recordings of the episodes that begin."""
        for row, seed in zip(env_ids, seeds, strict=True):
            self._playing[row] = self._actions[seed]

    def act(self, observation: Observation) -> Decision:
        """The recorded action of each row's step; after the last, none, the gripper as it was."""
        actions = []
        for row, step in zip(observation.env_ids, observation.step.tolist(), strict=True):
            played = self._playing[row]
            action = played[min(step, len(played) - 1)].clone()
            if step >= len(played):
                action[:-1] = 0.0
            actions.append(action)
        return Decision(torch.stack(actions)[:, None], [None] * len(actions))


@dataclass
class Replay:
    """What came of it."""

    outcomes: dict[int, str | None] = field(default_factory=dict)
    """Failure reason of each episode by its index; None for success."""
    tool_error: dict[int, float] = field(default_factory=dict)
    """Greatest distance of the tool from where it was when recorded, over the steps that both have [m]."""

    @property
    def successes(self) -> int:
        """How many succeeded again."""
        return sum(reason is None for reason in self.outcomes.values())

    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the share that succeeded again."""
        low, high = wilson_interval(self.successes, len(self.outcomes))
        return low, high


def replay_actions(
    options: GenerateOptions,
    actions: Mapping[int, np.ndarray],
    paths: Mapping[int, np.ndarray],
    booked: Any = lambda index, reason: None,
) -> Replay:
    """Run the dataset's episodes again, with recorded actions.

    Args:
        options: those the dataset was made with; they name the episodes and the environment.
        actions: ``[T, A]`` by the index of the episode, in the units of the action space of ``options``.
        paths: tool positions as recorded ``[T + 1, 3]`` [m], by index.
        booked: called with index and failure reason (None for success) as each ends.
    """
    found = Replay()
    factor_set = options.factor_set()

    def seed(index: int) -> int:
        return EpisodeSpec(options.task, index, options.seed, factor_set.name).policy_seed()

    def done(ran: RunningEpisode) -> None:
        assert ran.outcome is not None
        recorded, replayed = paths[ran.index], np.stack(ran.positions)
        common = min(len(recorded), len(replayed))
        found.outcomes[ran.index] = ran.outcome.failure_reason
        found.tool_error[ran.index] = float(
            np.linalg.norm(recorded[:common] - replayed[:common], axis=1).max()
        )
        booked(ran.index, ran.outcome.failure_reason)

    with ExitStack() as stack:
        env = stack.enter_context(
            launch_pick_place(
                options.num_envs, options.physics, options.renderer, options.device, options.action_space, (),
                options.image_size, options.seed, factor_set,
            )
        )  # fmt: skip
        simulation = PickPlaceSimulation(env, factor_set, options.seed, options.max_steps, options.task)
        by_seed = {seed(index): value for index, value in actions.items()}
        policy = Playback(options.num_envs, env.action_spec, by_seed, options.device)
        Rollout(simulation, policy, list(actions), done).run()
    return found


def options_of(folder: Path, config: Mapping[str, Any]) -> GenerateOptions:
    """The options that a dataset's config.yaml holds, resolved; ArchiveError names the folder if they are none."""
    if not isinstance(config, Mapping) or config.get("command") != "generate":
        raise ArchiveError(
            f"{folder} was not made by `workbench generate`, so its episodes cannot be made again"
        )
    try:
        options = GenerateOptions(
            **{k: v for k, v in config.items() if k in GenerateOptions.__dataclass_fields__}
        )
        options.resolve()
    except (AttributeError, TypeError, ValueError) as problem:
        raise ArchiveError(f"{folder} has a config.yaml with impossible options: {problem}") from None
    return options
