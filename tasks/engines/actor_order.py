"""The order of bodies in PhysX's scene, which decides the last digit of contacts between two of them.

PhysX orders the two bodies of a contact by when they were added to the scene. On a CPU the whole stage is read at once,
and bodies of one environment are added in another order than those of the next, so that the same episode takes one of
two courses, from the first step at which two bodies touch, depending on the row in which it runs.
"""

from __future__ import annotations

from typing import Any

import torch
import warp as wp


def add_bodies_in_order(bodies: Any) -> None:
    """Take all bodies of a collection out of the scene and add them again, in the order of its view.

    Only before the first step, and on a CPU: on a GPU, taking a body out drops its row from the views.

    Args:
        bodies: Isaac Lab's collection of rigid bodies on OvPhysX.
    """
    from ovphysx.types import TensorType

    for disabled in (1, 0):
        flags = torch.full((bodies.num_bodies * bodies.num_instances,), disabled, dtype=torch.uint8)
        bodies.root_view.set_attribute(TensorType.RIGID_BODY_DISABLE_SIMULATION, wp.from_torch(flags))
