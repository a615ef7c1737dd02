"""Drawing episodes after they ran: recorded states are set, not simulated, and rendered many instants at a time.

Every environment shows another instant of the same episode, so a renderer that draws all environments at once wastes
nothing, and an evaluation whose policy needs no cameras runs at full speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from domain_rand.episode import Episode, apply_episodes
from domain_rand.sets import FactorSet


def render_instants(
    env: Any,
    factor_set: FactorSet,
    episode: Episode,
    states: Sequence[Mapping[str, np.ndarray]],
    cameras: Sequence[str],
) -> dict[str, list[np.ndarray]]:
    """Images of one episode at the states given: camera -> RGB ``[H, W, 3]`` a state."""
    rows = range(env.num_envs)
    for row in rows:
        env.assign(row, episode.scene)
    env.reset()
    apply_episodes(env, rows, [episode] * env.num_envs, factor_set)
    images: dict[str, list[np.ndarray]] = {name: [] for name in cameras}
    for start in range(0, len(states), env.num_envs):
        batch = list(states[start : start + env.num_envs])
        _show(env, batch + batch[-1:] * (env.num_envs - len(batch)))
        for name in cameras:
            images[name] += list(env.image(name)[: len(batch)].cpu().numpy())
    return images


def render_finals(
    env: Any,
    factor_set: FactorSet,
    episodes: Sequence[Episode],
    states: Sequence[Mapping[str, np.ndarray]],
    camera: str = "front",
) -> list[np.ndarray]:
    """One image of each episode at its state: RGB ``[H, W, 3]``."""
    images: list[np.ndarray] = []
    for start in range(0, len(episodes), env.num_envs):
        chosen = list(episodes[start : start + env.num_envs])
        batch = list(states[start : start + env.num_envs])
        missing = env.num_envs - len(chosen)
        shown = chosen + chosen[-1:] * missing
        for row, episode in enumerate(shown):
            env.assign(row, episode.scene)
        env.reset()
        apply_episodes(env, range(env.num_envs), shown, factor_set)
        _show(env, batch + batch[-1:] * missing)
        images += list(env.image(camera)[: len(chosen)].cpu().numpy())
    return images


def _show(env: Any, states: Sequence[Mapping[str, np.ndarray]]) -> None:
    def stacked(name: str) -> torch.Tensor:
        return torch.tensor(np.stack([state[name] for state in states]), device=env.device)

    ids = torch.arange(env.num_envs, device=env.device)
    env.show(ids, stacked("joint_pos"), stacked("gripper_width"), stacked("body_pose"))
