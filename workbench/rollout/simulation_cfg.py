"""`SimulationCfg`: which environments are simulated, and by what; to say so needs no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

from domain_rand.sets import FactorSet
from robots.registry import DEFAULT as DEFAULT_ROBOT
from tasks.registry import DEFAULT
from tasks.tabletop.workspace import IMAGE_SIZE


@dataclass(frozen=True)
class SimulationCfg:
    """Which environments are simulated, and by what. Values are checked beforehand."""

    num_envs: int
    physics: str
    device: str
    task: str = DEFAULT
    """Name of the task."""
    robot: str = DEFAULT_ROBOT
    """Name of the robot."""
    renderer: str = "newton_warp"
    action_space: str = "delta_eef"
    """What actions mean, a key of `tasks.tabletop.action_spaces.ACTION_SPECS`."""
    cameras: tuple[str, ...] = ()
    """Cameras that there are."""
    image_size: int = IMAGE_SIZE
    """Width and height of their images [px]."""
    seed: int = 0
    factor_set: FactorSet | None = None
    """All that ever varies: cameras draw as much more as its factors need."""
    exact: bool = False
    """Whether all environments have one origin: coordinates round alike in each, so that what happens in an episode
    does not depend on the row in which it runs."""
