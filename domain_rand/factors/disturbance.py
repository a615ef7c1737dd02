"""What happens to the scene while the policy is at work, at a moment drawn from the episode's own random numbers."""

from __future__ import annotations

from domain_rand.distributions import Integers, Range
from domain_rand.factor import Factor, register


@register
class ObjectPush(Factor):
    """Impulse on the named object, in a horizontal direction."""

    name = "disturbance.object_push"
    unit = "N s"
    nominal = 0.0
    default = Range(0.0, 0.02)
    legal = Range(0.0, 0.5)
    setting = "object_push"


@register
class ArmPush(Factor):
    """Force on the hand for half a second, in a horizontal direction."""

    name = "disturbance.arm_push"
    unit = "N"
    nominal = 0.0
    default = Range(0.0, 10.0)
    legal = Range(0.0, 60.0)
    setting = "arm_push"


@register
class TargetMove(Factor):
    """Distance by which the named object is suddenly displaced.

    It goes to a free place on the table, and stays where none is so far away; it waits while the hand may hold it.
    """

    name = "disturbance.target_move"
    unit = "m"
    nominal = 0.0
    default = Range(0.0, 0.02)
    legal = Range(0.0, 0.2)
    setting = "target_move"


@register
class DistractorDrop(Factor):
    """Objects that fall onto the table: one that was not there, of another shape and colour than the named one.

    Which one follows from the scene. It falls onto a free place, and not at all where there is none.
    """

    name = "disturbance.distractor_drop"
    unit = "1"
    nominal = 0
    default = Integers(0, 1)
    setting = "distractor_drop"
