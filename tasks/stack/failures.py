"""Why an episode failed. Needs no PyTorch: the robot's computer names these, too."""

from __future__ import annotations

FAILURE_REASONS = ("unstable_physics", "wrong_object", "never_reached", "missed_grasp", "dropped", "timeout")
"""Why an episode failed; the first that applies, in this order:

- ``unstable_physics``: a state was not finite, or a body was impossibly fast;
- ``wrong_object``: only other objects were ever lifted;
- ``never_reached``: the tool never came near the object;
- ``missed_grasp``: it did, but the hand never lifted the object;
- ``dropped``: it was lifted and is neither on its base nor touched by the hand;
- ``timeout``: time ran out with the object touched by the hand, or in place but not settled.
"""
