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
    legal = Range(-0.5, 0.5)
    length = 3

    def apply(self, env, rows, values):
        env.displace_camera("front", rows, position=torch.tensor(values))


@register
class FrontCameraRotation(Factor):
    """Turn of the front camera as a rotation vector about its own axes: x looks up, y looks right, z rolls."""

    name = "camera.front_rotation"
    unit = "rad"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.02, 0.02)
    legal = Range(-0.5, 0.5)
    length = 3

    def apply(self, env, rows, values):
        env.displace_camera("front", rows, turn=torch.tensor(values))
