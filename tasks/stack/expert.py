"""The scripted expert of stacking: it carries the object over, as in pick and place, and sets it down more gently."""

from __future__ import annotations

from tasks.tabletop.carry_expert import CarryExpert


class StackExpert(CarryExpert):
    """Scripted stacking, `N` environments at once."""

    set_down = 0.004
