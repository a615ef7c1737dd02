"""Options of ``workbench policy profile``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from workbench.cli.options import OptionError, listed, option
from workbench.rollout.options import AUTO, EnvironmentOptions, at_least, at_most, between_0_and_1, choose
from workbench.rollout.policy_names import M1, M1_MINI, PRECISIONS, STORED
from workbench.rollout.remote_policies import is_remote

USAGE = "usage: workbench policy profile POLICY [key=value ...]"
AS_IT_IS = "as it is"
"""Of policies whose weights the bench does not load."""
SIZES = ("m1-mini", "m1-3b")
MOST_ROWS = 4096


@dataclass
class PolicyProfileOptions(EnvironmentOptions):
    """What is measured, and how often."""

    batches: str = option("1,4,16", "environments that are decided for at once, one after the other")
    precisions: str = option(
        "float32,bfloat16,int8,int4", f"m1: weights to measure, of {', '.join(PRECISIONS[1:])}"
    )
    random_weights: str = option(
        "", f"m1: a model of this size with random weights, not a checkpoint: {', '.join(SIZES)}"
    )
    repeats: int = option(100, "decisions that are timed, at each batch", "decisions")
    threads: int = option(0, "cores that PyTorch uses on device=cpu; 0: all")
    episodes: int = option(
        0, "also evaluate each precision on so many episodes, the same for all; 0: none", "episodes"
    )
    dr: str = option("mild", "episodes=: factor set that they are drawn from: a name, or a YAML file")
    margin: float = option(
        0.05, "success rate that fewer bits may cost at most: what more is excluded is not worse"
    )
    confidence: float = option(0.95, "of intervals and tests")
    out: str = option(AUTO, "folder for profile.json and the runs of episodes=; auto: runs/profile-...")

    def resolve(self) -> None:
        """As its parent; OptionError for what cannot be measured."""
        for name, least in (("repeats", 2), ("threads", 0), ("episodes", 0)):
            at_least(name, getattr(self, name), least)
        for name in ("margin", "confidence"):
            between_0_and_1(name, getattr(self, name))
        for rows in self.rows:
            at_least("batches", rows, 1)
            at_most("batches", rows, MOST_ROWS)
        if self.random_weights:
            choose("random_weights", self.random_weights, SIZES)
            if self.policy != M1 or self.checkpoint:
                raise OptionError("random_weights= is for policy=m1, instead of checkpoint=")
            if self.episodes:
                raise OptionError("random_weights= succeed in nothing: episodes= is for a checkpoint")
        if self.policy in ("expert", "noisy_expert"):
            raise OptionError(f"policy={self.policy} sees the simulator's state, which is not made up here")
        if self.precision != STORED:
            raise OptionError("precisions= says which weights are measured, not precision=")
        for name in self.chosen:
            if self.policy == M1:
                choose("precisions", name, PRECISIONS[1:])
        super().resolve()
        self.policy_cfg.check_environments(max(self.rows))
        if self.out == AUTO:
            named = self.random_weights or (self.checkpoint if self.checkpoint != M1_MINI else "")
            suffix = re.sub(r"[^\w.-]+", "_", Path(named).name) if named else ""
            device = self.device.replace(":", "")
            self.out = "runs/profile-" + "-".join(filter(None, (self.policy_name, suffix, device)))

    @property
    def rows(self) -> tuple[int, ...]:
        """Batch sizes, in order; OptionError for words that are none."""
        try:
            return tuple(int(word) for word in listed("batches", self.batches))
        except ValueError:
            raise OptionError(f"batches={self.batches}: batches are whole numbers: 1,4,16") from None

    @property
    def chosen(self) -> tuple[str, ...]:
        """Precisions to measure."""
        return listed("precisions", self.precisions) if self.policy == M1 else (AS_IT_IS,)

    @property
    def is_remote(self) -> bool:
        """Whether the policy is behind a server: its memory is elsewhere."""
        return is_remote(self.policy)
