"""Options of ``workbench eval``, and what makes them impossible."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.pick_place.action_spaces import CONTROL_HZ
from workbench.launch import check_launch, default_device, default_physics
from workbench.options import OptionError, option
from workbench.policies import POLICIES

TASKS = ("pick_place",)
ACTION_SPACES = ("delta_eef", "delta_joints")
AUTO = "auto"
PRESENTATION = ("record", "last_frames", "frame_every", "repair")
"""Options that change what is shown or mended, not what is measured; a resumed run may differ in them."""


@dataclass
class EvalOptions:
    """Options of ``workbench eval``."""

    task: str = option("pick_place", f"what is asked: {', '.join(TASKS)}")
    policy: str = option("expert", f"who acts: {', '.join(POLICIES)}")
    episodes: int = option(64, "quota of episodes; each is run exactly once", "episodes")
    num_envs: int = option(16, "environments in parallel")
    seed: int = option(0, "seed of the suite: names the episodes")
    dr: str = option("default", "factor set that episodes are drawn from: a name, or a YAML file")
    physics: str = option(AUTO, "ovphysx, newton_mjwarp or isaacsim_physx; auto: the fastest for the device")
    renderer: str = option("newton_warp", "newton_warp or isaac_rtx")
    device: str = option(AUTO, "cpu or cuda:N; auto: a GPU if there is one")
    action_space: str = option("delta_eef", f"what actions mean: {', '.join(ACTION_SPACES)}")
    time_limit_s: float = option(15.0, "simulated time after which an episode ends", "s")
    grounding_error_px: float = option(4.0, "noisy_expert: standard deviation of where it sees things", "px")
    latency_steps: int = option(2, "noisy_expert: how late its actions come", "control steps")
    stop_above: float | None = option(None, "stop early once success is shown to be above or below this rate")
    confidence: float = option(0.95, "of all intervals, and of the early stop")
    image_size: int = option(224, "width and height of the camera images", "px")
    record: int = option(4, "episodes drawn into recording.rrd, from the first", "episodes")
    frame_every: int = option(2, "steps between two images of a recorded episode", "control steps")
    last_frames: int = option(16, "episodes whose last image goes into the report", "episodes")
    repair: bool = option(False, "move a cut-off last line of episodes.jsonl aside and run its episode again")
    out: str = option(
        AUTO, "run folder; auto: runs/<task>-<policy>-<physics>-seed<seed>; the same again resumes"
    )

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here, and raise OptionError or LaunchError for what cannot be."""
        _choose("task", self.task, TASKS)
        _choose("policy", self.policy, POLICIES)
        _choose("action_space", self.action_space, ACTION_SPACES)
        for name, least in (("episodes", 1), ("num_envs", 1), ("image_size", 16), ("frame_every", 1)):
            _at_least(name, getattr(self, name), least)
        for name in ("seed", "record", "last_frames", "latency_steps", "grounding_error_px"):
            _at_least(name, getattr(self, name), 0)
        if self.time_limit_s <= 0:
            raise OptionError(f"time_limit_s must be positive, not {self.time_limit_s}")
        if not math.isfinite(self.time_limit_s) or self.max_steps < 1:
            raise OptionError(f"time_limit_s must be finite and last a control step, not {self.time_limit_s}")
        if not math.isfinite(self.grounding_error_px):
            raise OptionError(f"grounding_error_px must be finite, not {self.grounding_error_px}")
        for name in ("stop_above", "confidence"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise OptionError(f"{name} must lie between 0 and 1, not {value}")
        if self.device == AUTO:
            self.device = default_device()
        if self.physics == AUTO:
            self.physics = default_physics(self.device)
        check_launch(self.physics, self.renderer, self.device)
        self.num_envs = min(self.num_envs, self.episodes)
        if self.out == AUTO:
            self.out = f"runs/{self.task}-{self.policy}-{self.physics}-seed{self.seed}"

    @property
    def max_steps(self) -> int:
        """Control steps after which an episode ends."""
        return round(self.time_limit_s * CONTROL_HZ)


def _choose(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise OptionError(f"there is no {name} {value!r}: choose one of {', '.join(known)}")


def _at_least(name: str, value: float, least: int) -> None:
    if value < least:
        raise OptionError(f"{name} must be at least {least}, not {value}")
