"""Options that every command has that rolls out a policy in simulation, and what makes them impossible.

What only resolving them needs is imported there: ``--help`` waits for neither factors nor robots.
"""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from robots import registry as robots
from tasks.registry import DEFAULT, TaskError, find, names
from tasks.splits import SPLITS
from workbench.cli.options import OptionError, listed, option, words
from workbench.randomisation.overrides import PREFIX, parse_overrides
from workbench.rollout.chunk_options import ChunkOptions
from workbench.rollout.launch import check_launch, default_device, default_physics
from workbench.rollout.policy_names import (
    M1,
    M1_MINI,
    OPEN_LOOP,
    POLICIES,
    PRECISIONS,
    STORED,
)
from workbench.rollout.policy_names import PREFIX as POLICY_PREFIX

if TYPE_CHECKING:
    from domain_rand.sets import FactorSet
    from policy.contract import Policy
    from policy.execution import ExecutionCfg
    from workbench.rollout.policies import PolicyCfg
    from workbench.rollout.simulation_cfg import SimulationCfg

ACTION_SPACES = ("delta_eef", "delta_joints")
AUTO, ALL = "auto", "all"
LOCAL, RAY = "local", "ray"
LAUNCHERS = (LOCAL, RAY)

MOST_SEED = 2**32 - 1
"""What NumPy takes."""
MOST_PX, MOST_TIME_S, MOST_COUNT = 4096, 3600.0, 10_000_000
"""Beyond these a typing error is likelier than a wish, and memory ends before a sentence could be said."""

NO_SPLIT = "none"
SPLIT_HELP = (
    f"what of the task is asked: everything ({NO_SPLIT}), or a split that it makes: {', '.join(SPLITS)}"
)

WHERE = ("launcher", "workers", "ray_address")
"""Options that say where something runs."""


@dataclass
class EnvironmentOptions:
    """Who acts, where, and on which episodes."""

    task: str = option(DEFAULT, f"what is asked: {', '.join(names())}")
    robot: str = option(robots.DEFAULT, f"which robot: {', '.join(robots.names())}")
    policy: str = option(
        "expert",
        f"who acts: {', '.join(POLICIES)}, a class of yours: package.module:Class, file.py:Class, or a server: "
        "remote:openpi://HOST:PORT (docs/policy_servers.md)",
    )
    policy_options: dict[str, str] = field(
        default_factory=dict,
        metadata=words(
            POLICY_PREFIX,
            f"{POLICY_PREFIX}NAME",
            "a class of yours: arguments of its constructor: policy.gain=0.5",
        ),
    )
    num_envs: int = option(16, "environments in parallel")
    exact: bool = option(
        False, "records equal to the last digit whatever num_envs is (ovphysx on a CPU); slower with many"
    )
    seed: int = option(0, "seed of the suite: names the episodes")
    dr: str = option("default", "factor set that episodes are drawn from: a name, or a YAML file")
    dr_overrides: dict[str, Any] = field(
        default_factory=dict,
        metadata=words(
            PREFIX,
            f"{PREFIX}FACTOR[.KEY]",
            "changes to the set, as its file would hold them: dr.dynamics.object_mass.hi=3",
        ),
    )
    physics: str = option(AUTO, "ovphysx, newton_mjwarp or isaacsim_physx; auto: the fastest for the device")
    renderer: str = option("newton_warp", "newton_warp or isaac_rtx")
    device: str = option(AUTO, "cpu or cuda:N; auto: a GPU if there is one")
    action_space: str = option("delta_eef", f"what actions mean: {', '.join(ACTION_SPACES)}")
    time_limit_s: float = option(15.0, "simulated time after which an episode ends", "s")
    grounding_error_px: float = option(4.0, "noisy_expert: standard deviation of where it sees things", "px")
    latency_steps: int = option(2, "noisy_expert: how late its actions come", "control steps")
    error_attempts: int = option(0, "noisy_expert: attempts in which it sees things elsewhere; 0 for all")
    checkpoint: str = option("", f"m1: folder of its checkpoint; none: {M1_MINI}, which ships")
    ground_every: int = option(0, "m1: decisions between two at which it says where things are; 0 for never")
    precision: str = option(STORED, f"m1: what its weights are converted to: {', '.join(PRECISIONS)}")
    image_size: int = option(224, "width and height of the camera images", "px")
    launcher: str = option(LOCAL, "local: in this process; ray: in workers, over devices and machines")
    workers: int = option(2, "launcher=ray: workers, one a device on machines with GPUs")
    ray_address: str = option(
        "", "launcher=ray: a running cluster, or auto to find it; empty starts one here"
    )

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here; OptionError, LaunchError or FactorSetError for what cannot be."""
        from domain_rand.factor import REGISTRY
        from domain_rand.sets import check_supported
        from tasks.tabletop.action_spaces import action_specs

        check_task(self.task)
        check_robot(self.robot)
        choose("action_space", self.action_space, ACTION_SPACES)
        choose("launcher", self.launcher, LAUNCHERS)
        for name, least in (("num_envs", 1), ("image_size", 16), ("workers", 1)):
            at_least(name, getattr(self, name), least)
        if self.ray_address and self.launcher != RAY:
            raise OptionError(
                f"ray_address={self.ray_address} is for launcher={RAY}, not launcher={self.launcher}"
            )
        for name, most in (("seed", MOST_SEED), ("image_size", MOST_PX), ("time_limit_s", MOST_TIME_S)):
            at_most(name, getattr(self, name), most)
        for f in dataclasses.fields(self):
            if f.name != "seed" and isinstance(value := getattr(self, f.name), int):
                at_most(f.name, value, MOST_COUNT)
        for name in ("seed", "latency_steps", "grounding_error_px", "error_attempts", "ground_every"):
            at_least(name, getattr(self, name), 0)
        if self.policy == M1:
            self.checkpoint = self.checkpoint or M1_MINI
        elif self.checkpoint:
            raise OptionError(f"checkpoint={self.checkpoint} is for policy={M1}, not policy={self.policy}")
        self.policy_cfg.check(self.image_size)
        self.policy_cfg.check_actions(action_specs(self.robot)[self.action_space])
        if self.time_limit_s <= 0:
            raise OptionError(f"time_limit_s must be positive, not {self.time_limit_s}")
        if not math.isfinite(self.time_limit_s) or self.max_steps < 1:
            raise OptionError(f"time_limit_s must be finite and last a control step, not {self.time_limit_s}")
        if not math.isfinite(self.grounding_error_px):
            raise OptionError(f"grounding_error_px must be finite, not {self.grounding_error_px}")
        if self.device == AUTO:
            self.device = default_device()
        self.policy_cfg.check_precision(self.device)
        if self.physics == AUTO:
            self.physics = default_physics(self.device)
        check_launch(self.physics, self.renderer, self.device)
        if self.exact and (self.physics, self.device) != ("ovphysx", "cpu"):
            raise OptionError(
                f"exact=true is for physics=ovphysx on device=cpu, not for {self.physics} on {self.device}, where the "
                "number of environments changes the last digits"
            )
        self.dr_overrides = parse_overrides(self.dr_overrides, REGISTRY)
        check_supported(self.factor_set(), self.physics, self.renderer)

    def factor_set(self) -> FactorSet:
        """The set with its changes; FactorSetError if that is none.

        Its file is read once, so that an edit while a run goes on changes nothing, neither here nor in workers.
        """
        from domain_rand.sets import load_set
        from domain_rand.splits import in_split

        asked = (self.task, self.dr, repr(self.dr_overrides), self.chosen_split)
        held: tuple[Any, FactorSet] | None = self.__dict__.get("_factor_set")
        if held is None or held[0] != asked:
            found = load_set(self.dr, self.dr_overrides, self.task)
            found = in_split(found, self.task, self.chosen_split) if self.chosen_split else found
            held = self.__dict__["_factor_set"] = (asked, found)
        return held[1]

    @property
    def chosen_split(self) -> str:
        """The split that episodes are drawn in; empty for no split, which is all that commands without one know."""
        return ""

    def config(self, command: str) -> dict[str, Any]:
        """What a run of these options stores, and a resumed one must agree with: plain JSON types.

        Where it runs is no part of that: the results are the same.
        """
        config = {k: v for k, v in dataclasses.asdict(self).items() if k not in ("out", *WHERE)}
        config |= {"command": command}
        if not self.dr_overrides:
            del config["dr_overrides"]
        if not self.policy_options:
            del config["policy_options"]
        if not self.chosen_split:
            config.pop("split", None)
        if self.robot == robots.DEFAULT:
            del config["robot"]  # runs from before there was a choice have no such key
        if self.policy != M1:
            del config["checkpoint"], config["ground_every"]
        if self.precision == STORED:
            del config["precision"]
        return config

    @property
    def policy_cfg(self) -> PolicyCfg:
        """Which policy acts."""
        from workbench.rollout.policies import PolicyCfg

        return PolicyCfg(
            self.policy,
            self.checkpoint,
            self.ground_every,
            self.grounding_error_px,
            self.latency_steps,
            self.error_attempts,
            dict(self.policy_options),
            self.task,
            self.robot,
            self.precision,
        )

    def simulation_cfg(self, cameras: tuple[str, ...], factor_set: FactorSet) -> SimulationCfg:
        """The environments of these options, with these cameras, for episodes in which this varies."""
        from workbench.rollout.simulation_cfg import SimulationCfg

        return SimulationCfg(
            num_envs=self.num_envs,
            physics=self.physics,
            device=self.device,
            task=self.task,
            robot=self.robot,
            renderer=self.renderer,
            action_space=self.action_space,
            cameras=cameras,
            image_size=self.image_size,
            seed=self.seed,
            factor_set=factor_set,
            exact=self.exact,
        )

    @property
    def place(self) -> str:
        """The task, and the robot unless it is the default one, as the name of a folder can hold them."""
        return self.task if self.robot == robots.DEFAULT else f"{self.task}-{self.robot}"

    @property
    def policy_name(self) -> str:
        """The policy, as the name of a folder can hold it."""
        return re.sub(r"[^\w.+-]+", "_", self.policy).strip("._") or "policy"

    @property
    def max_steps(self) -> int:
        """Control steps after which an episode ends."""
        from tasks.tabletop.action_spaces import CONTROL_HZ

        return round(self.time_limit_s * CONTROL_HZ)


@dataclass
class SimulationOptions(ChunkOptions, EnvironmentOptions):
    """The same, and what is kept of it to be seen."""

    gripper_hold: int = option(
        0, "steps for which the hand keeps to a command at least before it turns round", "control steps"
    )
    realtime: bool = option(
        False, "simulated time goes on while the policy thinks, for as long as it does here"
    )
    confidence: float = option(0.95, "of all intervals and tests")
    record: int = option(4, "episodes drawn into recording.rrd, from the first", "episodes")
    frame_every: int = option(2, "steps between two images of a recorded episode", "control steps")
    last_frames: int = option(16, "episodes whose last image goes into the report", "episodes")
    repair: bool = option(False, "move a cut-off last line of episodes.jsonl aside and run its episode again")
    out: str = option(AUTO, "run folder; auto: named after what is run, in runs/; the same again resumes")

    def resolve(self) -> None:
        """As its parent."""
        for name, least in (("frame_every", 1), ("record", 0), ("last_frames", 0)):
            at_least(name, getattr(self, name), least)
        between_0_and_1("confidence", self.confidence)
        self.check_chunks(self.policy)
        at_least("gripper_hold", self.gripper_hold, 0)
        super().resolve()

    def execution(self, policy: Policy) -> ExecutionCfg:
        """How the chunks of a policy are carried out."""
        from policy.execution import ExecutionCfg

        mode = OPEN_LOOP if self.execute == AUTO else self.execute
        return ExecutionCfg(mode, self.horizon or policy.execute_steps, gripper_hold=self.gripper_hold)

    @property
    def chosen_execution(self) -> dict[str, Any]:
        """Options of execution that were chosen; empty where chunks are carried out as the policy has it."""
        defaults = {"execute": AUTO, "horizon": 0, "gripper_hold": 0, "realtime": False}
        return {name: getattr(self, name) for name, value in defaults.items() if getattr(self, name) != value}

    def config(self, command: str) -> dict[str, Any]:
        """See the base; runs from before there was a choice of execution have no such keys."""
        config = super().config(command)
        for name in ("execute", "horizon", "gripper_hold", "realtime"):
            if name not in self.chosen_execution:
                del config[name]
        return config


def split_of(option: str) -> str:
    """What ``split=`` names; empty for none. OptionError for a split that no task can have."""
    choose("split", option, (NO_SPLIT, *SPLITS))
    return "" if option == NO_SPLIT else option


def named(factors: str) -> tuple[str, ...]:
    """What ``factors=`` lists; empty for ``all``."""
    return () if factors == ALL else listed("factors", factors)


def check_task(name: str) -> None:
    """OptionError for a task that there is not, or that cannot be loaded."""
    try:
        find(name)
    except TaskError as problem:
        raise OptionError(f"task={name}: {problem}") from problem


def check_robot(name: str) -> None:
    """OptionError for a robot that there is not, or that cannot be loaded."""
    try:
        robots.robot(name)
    except robots.RobotError as problem:
        raise OptionError(f"robot={name}: {problem}") from problem


def choose(name: str, value: str, known: tuple[str, ...]) -> None:
    """OptionError unless the value is one that is known."""
    if value not in known:
        raise OptionError(f"there is no {name} {value!r}: choose one of {', '.join(known)}")


def at_least(name: str, value: float, least: int) -> None:
    """OptionError unless the value is at least so much."""
    if value < least:
        raise OptionError(f"{name} must be at least {least}, not {value}")


def at_most(name: str, value: float, most: float) -> None:
    """OptionError if the value is more."""
    if value > most:
        raise OptionError(f"{name} must be at most {most:.10g}, not {value}")


def between_0_and_1(name: str, value: float | None) -> None:
    """OptionError unless the value is None or strictly between."""
    if value is not None and not 0 < value < 1:
        raise OptionError(f"{name} must lie between 0 and 1, not {value}")
