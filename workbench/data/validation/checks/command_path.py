"""What of an episode's actions reached the arm, worked out again from the factors that are stored with it."""

from __future__ import annotations

import numpy as np

from workbench.data.episode import DatasetEpisode

_ON_THE_WAY = ("action_delay", "command_jitter", "command_loss", "command_repeat", "rate")
"""Factors of the family ``control`` that decide when an action takes effect, and how often."""
FAR = 10.0
"""Actions beyond so many times their bounds were not clipped, they are wrong."""
_NOISE_SEED = "episode.noise_seed"


def executed(episode: DatasetEpisode) -> np.ndarray | None:
    """The actions ``[T, A]`` as they arrived at each control step: late, lost or repeated as they were.

    The random numbers of an episode are its own for ever, so that the way of its commands can be gone again. None
    where the factors do not say how it went, or the robot is not known.
    """
    # Here, so that commands that only read datasets start without torch.
    import torch

    from domain_rand import factors as _registered  # noqa: F401
    from domain_rand.factor import REGISTRY
    from robots.registry import is_known, robot
    from tasks.tabletop.command_path import CommandPath

    factors = episode.record.get("factors")
    if not isinstance(factors, dict) or _NOISE_SEED not in factors or not len(episode.actions):
        return None
    if not is_known(episode.action_spec.robot):
        return None
    model = robot(episode.action_spec.robot)
    path = CommandPath(1, episode.action_spec, model=model)
    for name in _ON_THE_WAY:
        factor = f"control.{name}"
        setting = REGISTRY[factor].setting
        if factor in factors and setting is not None:
            path.set(setting, [0], [factors[factor]])
    path.begin([0], [int(factors[_NOISE_SEED])])
    path.reset(slice(None), torch.zeros(1, len(model.spec.arm_joints)))
    low, high = np.array(episode.action_spec.low), np.array(episode.action_spec.high)
    # The environment clips what is too large. What is so by far has another unit, which must show.
    bounded = np.clip(episode.actions, low, high)
    actions = np.where(
        np.abs(episode.actions) <= FAR * np.maximum(np.abs(low), np.abs(high)), bounded, episode.actions
    )
    sent = torch.from_numpy(actions.astype(np.float32))
    return np.stack([path.receive(action[None])[0].numpy() for action in sent])
