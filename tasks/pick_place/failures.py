"""Why an episode failed. Needs no PyTorch: the robot's computer names these, too."""

from __future__ import annotations

FAILURE_REASONS = (
    "unstable_physics",
    "wrong_object",
    "never_reached",
    "missed_grasp",
    "wrong_place",
    "dropped",
    "timeout",
)
"""Why an episode failed; the first that applies, in this order:

- ``unstable_physics``: a state was not finite, or a body moved faster than `tracking.MAX_SPEED`;
- ``wrong_object``: another object, which the hand has reached or, if it fell in, has lifted, lies in the named
  receptacle, or only other objects were ever lifted;
- ``never_reached``: the tool never came within `tracking.REACH_DISTANCE` of the object;
- ``missed_grasp``: it did, but the hand never lifted the object by `tracking.LIFT_HEIGHT`;
- ``wrong_place``: the object was lifted, and the hand has brought it into another receptacle;
- ``dropped``: it was lifted and is neither in its place nor touched by the hand;
- ``timeout``: time ran out with the object touched by the hand, or in place but not settled.
"""
