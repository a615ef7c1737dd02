"""Options of ``workbench policy check``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.cli.options import OptionError, option
from workbench.policy_check.examined import TESTS
from workbench.rollout.options import LOCAL, EnvironmentOptions, between_0_and_1

USAGE = "usage: workbench policy check POLICY [key=value ...]"


@dataclass
class PolicyCheckOptions(EnvironmentOptions):
    """What a policy is checked in."""

    num_envs: int = option(24, "scenes, one an environment")
    dr: str = option("none", "factor set that scenes are drawn from: a name, or a YAML file")
    level: float = option(0.01, "probability of any wrong verdict on a policy that answers by chance")
    json: str = option("", "file for all of it as JSON")

    def resolve(self) -> None:
        """As its parent; OptionError for too few scenes to tell anything."""
        between_0_and_1("level", self.level)
        super().resolve()
        if self.launcher != LOCAL:
            raise OptionError(f"policy check runs in this process: launcher={self.launcher} is not for it")
        least = math.ceil(math.log2(2 * TESTS / self.level))
        if self.num_envs < least:
            raise OptionError(
                f"num_envs must be at least {least} at level={self.level:g}, not {self.num_envs}: fewer scenes can "
                "decide nothing"
            )
