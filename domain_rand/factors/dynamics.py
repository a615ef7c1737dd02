"""How bodies move."""

from __future__ import annotations

import torch

from domain_rand.distributions import LogRange, Range
from domain_rand.factor import Factor, register
from tasks.pick_place.workspace import LEAST_FRICTION, NOMINAL_FRICTION


@register
class ObjectMass(Factor):
    """Mass of every object against nominal; inertia follows, as of the same shape filled with denser stuff."""

    name = "dynamics.object_mass"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.5, 2.0)
    legal = LogRange(0.05, 20.0)

    def apply(self, env, rows, values):
        env.scale_masses(rows, torch.tensor(values))


@register
class ObjectFriction(Factor):
    """Sliding friction between an object and table, receptacle or fingers: the same on every engine."""

    name = "dynamics.object_friction"
    unit = "1"
    nominal = NOMINAL_FRICTION
    default = Range(0.5, 1.1)
    legal = Range(LEAST_FRICTION, 5.0)

    def apply(self, env, rows, values):
        env.write_friction(rows, torch.tensor(values))
