"""A factor in a package of its own: water in the objects, which makes them heavier."""

from domain_rand.distributions import Range
from domain_rand.factor import Factor, register


@register
class Filling(Factor):
    """How full of water every object is."""

    name = "own.filling"
    unit = "1"
    nominal = 0.0
    default = Range(0.0, 1.0)

    def apply(self, env, rows, values):
        """Full objects weigh three times as much as empty ones."""
        env.set("object_mass", rows, [1.0 + 2.0 * value for value in values])
