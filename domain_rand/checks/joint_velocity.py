"""Proof that measured joint velocities are the derivative of joint positions, whatever the arm's dynamics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from domain_rand.checks.check import Outcome, check
from domain_rand.checks.trial import Trial
from domain_rand.factor import REGISTRY, Factor, Value

STEPS = 16
"""Control steps of motion, to and fro."""
TURN = torch.tensor((0.015, 0.015, 0.03, 0.03, 0.03, 0.03, 0.03))
"""Commanded change of each joint in a step [rad]."""


def _extremes(cls: type[Factor]) -> tuple[Value, ...]:
    """The ends of what can be applied, and the nominal value."""
    assert cls.nominal is not None
    low, high = cls.legal.lo, cls.legal.hi  # type: ignore[union-attr]
    if cls.length > 1:
        return ([low] * cls.length, cls.nominal, [high] * cls.length)
    return tuple(dict.fromkeys((low, cls.nominal, high)))


def velocity_error(trial: Trial, _values: Sequence[Value]) -> Outcome:
    """Root mean square of measured velocity less the change of position in the last physics step, against that; 0.

    Positions are taken from the engine after every physics step. That velocity is the mean over the step: it is off the
    derivative at its end by half a step of acceleration, on every engine and whatever the factor.
    """
    env, positions, measured = trial.env, [], []
    update = env.scene.update

    def recorded(*args: Any, **kwargs: Any) -> None:
        update(*args, **kwargs)
        positions.append(env.joint_pos.clone())

    env.scene.update = recorded
    try:
        for step in range(STEPS):
            trial.step(TURN.to(env.device) if step < STEPS // 2 else -TURN.to(env.device))
            measured.append((len(positions) - 1, env.joint_vel.clone()))
    finally:
        del env.scene.update
    moved = torch.stack([(positions[k] - positions[k - 1]) / env.physics_dt for k, _ in measured])
    error = torch.stack([v for _, v in measured]) - moved
    return (error**2).mean((0, 2)).sqrt() / (moved**2).mean((0, 2)).sqrt(), [0.0] * trial.num_envs


for name, factor in REGISTRY.items():
    if name.startswith("dynamics.") or name == "control.arm_gain":
        check(name, "error of measured joint velocity, against velocity", "1", absolute=0.01,
              levels=_extremes(factor), further=True)(velocity_error)  # fmt: skip
