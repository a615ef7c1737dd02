"""Where the third-person camera really is, against where it was calibrated to be."""

from __future__ import annotations

import torch

from domain_rand.distributions import Range
from domain_rand.factor import Factor, register


@register
class FrontCameraPosition(Factor):
    """Displacement of the front camera along the world's x, y and z."""

    name = "camera.front_position"
    unit = "m"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.02, 0.02)
    length = 3

    def apply(self, env, rows, values):
        env.displace_camera("front", rows, position=torch.tensor(values))


@register
class FrontCameraRotation(Factor):
    """Turn of the front camera about its own x (down), y (sideways) and z (roll) axes, as a rotation vector."""

    name = "camera.front_rotation"
    unit = "rad"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.02, 0.02)
    length = 3

    def apply(self, env, rows, values):
        env.displace_camera("front", rows, turn=torch.tensor(values))
