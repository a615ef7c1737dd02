"""Manager terms of the tabletop environment: thin doors to the environment's own methods."""

from __future__ import annotations

import torch


def begin_episodes(env, env_ids: torch.Tensor | slice) -> None:
    """Reset event: set up the episode that each environment is to run next."""
    ids = range(env.num_envs)[env_ids] if isinstance(env_ids, slice) else env_ids.tolist()
    env.begin_episodes(list(ids))


def success(env) -> torch.Tensor:
    """Reward ``[N]``: 1 once the object is settled in place, else 0. Computing it is what judges the step."""
    env.update_progress()
    return env.progress.succeeded.float()


def joint_vel(env) -> torch.Tensor:
    """Observation ``[N, 9]``: velocities of all joints [rad/s, m/s]."""
    return env.all_joint_vel
