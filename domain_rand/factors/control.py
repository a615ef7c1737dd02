"""How commands become motion."""

from __future__ import annotations

import torch

from domain_rand.distributions import Integers, LogRange
from domain_rand.factor import Factor, register
from tasks.pick_place.action_spaces import MAX_DELAY


@register
class ArmGain(Factor):
    """Stiffness and damping of the arm's drives against nominal."""

    name = "control.arm_gain"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.8, 1.25)
    legal = LogRange(0.05, 10.0)

    def apply(self, env, rows, values):
        env.scale_arm_gains(rows, torch.tensor(values))


@register
class ActionDelay(Factor):
    """Control steps by which actions reach the arm late."""

    name = "control.action_delay"
    unit = "control steps"
    nominal = 0
    default = Integers(0, 2)
    legal = Integers(0, MAX_DELAY)

    def apply(self, env, rows, values):
        env.action_manager.get_term("command").delay[list(rows)] = torch.tensor(values, device=env.device)
