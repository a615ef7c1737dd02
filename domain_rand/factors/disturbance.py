"""What happens to the scene while the policy is at work, at a moment drawn from the episode's own random numbers."""

from __future__ import annotations

from domain_rand.distributions import Integers, Range
from domain_rand.factor import Factor, register


@register
class ObjectPush(Factor):
    """Impulse on the named object, in a horizontal direction; before a small robot, one that does the same to it."""

    name = "disturbance.object_push"
    unit = "N s"
    nominal = 0.0
    default = Range(0.0, 0.06)
    because = (
        "a tap of 1.2 N for 50 ms: a cube of 80 g stays below 0.03 and slides 3 cm at 0.06, one of 40 g 14 cm"
    )
    legal = Range(0.0, 0.5)
    setting = "object_push"


@register
class ArmPush(Factor):
    """Force on the hand for half a second, in a horizontal direction; of another arm, one that turns it alike."""

    name = "disturbance.arm_push"
    unit = "N"
    nominal = 0.0
    default = Range(0.0, 10.0)
    because = "a hand that brushes the arm: 10 N are a kilogram leaning on it"
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
    because = "a table that is bumped into"
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
    because = "none or one"
    setting = "distractor_drop"


@register
class HandInView(Factor):
    """Width of a person's hand that crosses the view of fixed cameras once, in a second; it touches nothing."""

    name = "disturbance.hand_in_view"
    unit = "x image width"
    nominal = 0.0
    default = Range(0.0, 0.4)
    because = "a hand, 0.1 m wide, half a metre from the front camera covers 0.39 of its view"
    legal = Range(0.0, 1.0)
    setting = "hand_in_view"
