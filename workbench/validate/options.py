"""Options of ``workbench validate``."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

from workbench.cli.options import OptionError, option
from workbench.rollout.chunk_options import ChunkOptions
from workbench.rollout.options import AUTO, LOCAL, EnvironmentOptions, at_least
from workbench.rollout.policy_names import M1, M1_MINI

USAGE = """usage: workbench validate policy=... key=value ...
       workbench validate covers=VERDICT NAME=VALUE ...     does the evidence of a verdict cover this?
"""


@dataclass
class ValidateOptions(ChunkOptions, EnvironmentOptions):
    """What a policy is validated for, and how."""

    requirements: str = option(
        "", "YAML file with what is asked; empty: workbench/validate/requirements.yaml"
    )
    calibration: str = option("", "factor set that was calibrated to this robot, instead of dr=")
    shadow: str = option("", "run of the bridge in mode=shadow, of this policy on this robot")
    bounds: str = option(
        "", "YAML file of the place, as the bridge takes it with place=: where the tool may be"
    )
    episodes: int = option(0, "of each evaluation at most; 0: as the requirements say", "episodes")
    all: bool = option(False, "go on after a requirement that is not met decides already")
    plan_only: bool = option(False, "only say what would be run")
    key: str = option("", "file with the key that the verdict is signed with (docs/verdict.md)")
    out: str = option(AUTO, "folder; auto: named after what is validated, in runs/; the same again resumes")

    def resolve(self) -> None:
        """As its parent; OptionError for what cannot be validated."""
        self.check_chunks(self.policy)
        at_least("episodes", self.episodes, 0)
        if self.calibration:
            if not Path(self.calibration).is_file():
                raise OptionError(f"calibration={self.calibration} is no file")
            if self.dr != EnvironmentOptions.dr:
                raise OptionError(f"calibration={self.calibration} is the factor set: leave dr={self.dr} out")
            self.dr = self.calibration
        super().resolve()
        if self.launcher != LOCAL:
            raise OptionError(f"validate runs in this process: launcher={self.launcher} is not for it")
        if self.out == AUTO:
            named = self.checkpoint if self.policy == M1 and self.checkpoint != M1_MINI else ""
            suffix = re.sub(r"[^\w.-]+", "_", Path(named).name) if named else ""
            self.out = "runs/validate-" + "-".join(filter(None, (self.place, self.policy_name, suffix)))


OWN = {f.name for f in fields(ValidateOptions)} - {f.name for f in fields(EnvironmentOptions)}
"""Options that no evaluation has, or that each evaluation has its own of."""
PASSED_ON = ("execute", "horizon")
