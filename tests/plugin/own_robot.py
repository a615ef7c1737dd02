"""A robot in a package of its own: a Panda that its safety controller keeps to three quarters of its speed."""

from dataclasses import dataclass, replace

from robots.franka.model import Panda
from robots.franka.spec import PANDA
from robots.spec import RobotSpec

SHARE = 0.75
SPEC = replace(
    PANDA,
    name="calm_panda",
    limits=replace(PANDA.limits, velocity=tuple(SHARE * v for v in PANDA.limits.velocity)),
    tool_velocity=SHARE * PANDA.tool_velocity,
)


@dataclass(frozen=True)
class CalmPanda(Panda):
    """The Panda, slower."""

    spec: RobotSpec = SPEC
