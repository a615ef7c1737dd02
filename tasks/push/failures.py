"""Why an episode failed. Needs no PyTorch: the robot's computer names these, too."""

from __future__ import annotations

FAILURE_REASONS = ("unstable_physics", "lifted", "wrong_object", "never_reached", "missed", "timeout")
"""Why an episode failed; the first that applies, in this order:

- ``unstable_physics``: a state was not finite, or a body was impossibly fast;
- ``lifted``: the hand has lifted the object;
- ``wrong_object``: the hand has touched and moved another object, which is now beside the landmark, or has never
  touched the named one;
- ``never_reached``: the hand never touched the object;
- ``missed``: it did, but the object is not beside the landmark, or not on the table;
- ``timeout``: it is, but time ran out before it had settled and was let go.
"""
