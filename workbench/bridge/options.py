"""Options of ``workbench bridge``, and what makes them impossible."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from policy.execution import MODES as ALL_WAYS
from policy.execution import OPEN_LOOP, REAL_TIME, ExecutionCfg
from robots import driver as drivers
from robots.action_spaces import DELTA_EEF, DELTA_JOINTS
from tasks import registry as tasks
from workbench.bridge.policies.expert_errors import ExpertErrors
from workbench.cli.options import OptionError, listed, option, words
from workbench.cli.yaml_file import read_mapping
from workbench.verdict.permission import LEVELS, WARN

if TYPE_CHECKING:
    from workbench.bridge.policies.protocol import BridgePolicy
    from workbench.bridge.twin.parameters import TwinParameters

TWIN = "twin"
DRY_RUN, SHADOW, LIVE = "dry_run", "shadow", "live"
MODES = (DRY_RUN, SHADOW, LIVE)
EXPERT, NOISY, HOLD, TELEOP, REPLAY, REMOTE = "expert", "noisy_expert", "hold", "teleop", "replay:", "remote:"
WAYS = tuple(way for way in ALL_WAYS if way != REAL_TIME)
"""How chunks are carried out. A server is asked for chunks that know nothing of what the arm is at."""
CONTROL_HZ = 20.0
"""Rate of actions of the policies that ship [Hz]: that of the simulated tasks."""
TASK_OF_THE_TWIN = tasks.DEFAULT
"""What the twin's scene and judge are made for."""
SIMULATED_ALONE = "unstable_physics"
"""A task's reason that no real trial fails for."""
MOST_REASONS = 9
CAMERAS = ("opencv", "realsense", "files")
"""Kinds of cameras."""
LEAST_SCALE = 0.1


@dataclass
class BridgeOptions:
    """Options of ``workbench bridge``."""

    robot: str = option(TWIN, f"which arm: {TWIN}, {', '.join(drivers.names())}")
    policy: str = option(
        HOLD,
        f"who acts: {EXPERT} or {NOISY} (on the twin), {HOLD}, {TELEOP} (you, by hand), {REPLAY}FILE.mcap, or "
        f"{REMOTE}openpi://HOST:PORT",
    )
    policy_a: str = option(
        "", "with policy_b: each episode with both, in an order that is sealed until the end"
    )
    policy_b: str = option("", "see policy_a; `workbench bridge unseal RUN` then says who was who")
    vault: str = option(
        "", "folder outside the run's for what is sealed; empty: under the user's state folder"
    )
    policy_options: dict[str, str] = field(
        default_factory=dict,
        metadata=words(
            "policy.",
            "policy.NAME",
            "of a policy behind a server, as eval has them: policy.timeout_s=5; of noisy_expert: policy.error_mm=15 "
            "policy.latency_steps=2",
        ),
    )
    mode: str = option(
        DRY_RUN, "dry_run: no arm; shadow: it is watched and never told anything; live: the policy moves it"
    )
    arm: bool = option(False, "live, the twin alone: it is armed without a person at the terminal")
    scale: float = option(
        LEAST_SCALE, f"share of the limits to begin with; more than {LEAST_SCALE} on the twin alone"
    )
    episodes: int = option(1, "how many")
    episode_s: float = option(60.0, "an episode that takes longer has failed", "s")
    task: str = option(tasks.DEFAULT, f"what is tried: {', '.join(tasks.SHIPPED)}, or another name")
    reasons: str = option(
        "", "why a trial may have failed, for the person who judges it: name,name,...; empty: the task's"
    )
    instruction: str = option("", "what is asked, of a real arm; the twin has its own task")
    seed: int = option(1, "of the twin's scenes, and of policies")
    address: str = option("", "of the arm: a host name, or the port of its bus")
    variant: str = option("fr3", "franka: fr3 or fer, which decides about its limits")
    calibration: str = option("", "so_arm: its calibration, LeRobot's file <id>.json")
    cameras: str = option(
        "", "front=opencv:0,wrist=realsense:SERIAL,side=files:FOLDER; the twin has front and wrist of its own"
    )
    gamepad: str = option("", f"policy={TELEOP}: a gamepad's device, as /dev/input/js0, beside the keys")
    pictures: bool = option(
        False, "keep pictures of all cameras, whether or not the policy looks through them"
    )
    image_size: int = option(224, "width and height of pictures", "px")
    action_space: str = option(DELTA_EEF, f"what actions mean: {DELTA_EEF} or {DELTA_JOINTS}")
    rate_hz: int = option(100, "set points a second; a multiple of the policy's rate", "Hz")
    execute: str = option(OPEN_LOOP, f"how chunks are carried out: {', '.join(WAYS)}")
    horizon: int = option(0, "actions carried out between two questions; 0: as the policy says")
    twin: str = option("", "YAML file that says how the twin's reality differs from the simulator")
    place: str = option(
        "", "YAML file of the place: workspace, table_height, keep_out; empty: that of the simulated tasks"
    )
    live: str = option(
        "", "true: a live view in Rerun; or a file to write it to, or the address of a viewer that is open"
    )
    verdict: str = option(
        "", "verdict.json of `workbench validate` on this policy; of policy_a and policy_b, two with a comma"
    )
    verdict_key: str = option("", "file with the key that it was signed with (docs/verdict.md)")
    require: str = option(
        WARN, "mode=live: strict refuses what no verdict allows, warn says so, off does not ask"
    )
    out: str = option("", "run folder; empty: named by robot, policy and mode, under runs/")

    def resolve(self) -> None:
        """OptionError for what cannot be."""
        _choose("robot", self.robot, (TWIN, *drivers.names()))
        _choose("mode", self.mode, MODES)
        _choose("execute", self.execute, WAYS)
        _choose("require", self.require, LEVELS)
        _choose("action_space", self.action_space, (DELTA_EEF, DELTA_JOINTS))
        if bool(self.policy_a) != bool(self.policy_b) or (self.policy_a and self.policy != HOLD):
            raise OptionError("give policy=, or both policy_a= and policy_b=")
        if self.live == "false":
            self.live = ""
        if self.vault and not self.policy_a:
            raise OptionError("vault= is for policy_a= and policy_b=")
        for key, policy in zip(
            ("policy_a", "policy_b") if self.policy_a else ("policy",), self.policies, strict=True
        ):
            self._check_policy(key, policy)
        if self.policy_options and not any(p == NOISY or p.startswith(REMOTE) for p in self.policies):
            raise OptionError(
                f"policy.{next(iter(self.policy_options))}: {' and '.join(self.policies)} has no options of its own; "
                f"{NOISY} and {REMOTE}DIALECT://HOST:PORT have some"
            )
        _ = self.failure_reasons
        if not LEAST_SCALE <= self.scale <= 1:
            raise OptionError(f"scale must be from {LEAST_SCALE} to 1, not {self.scale:g}")
        if self.robot != TWIN:
            self._check_real()
        elif self.task != TASK_OF_THE_TWIN:
            raise OptionError(f"task={self.task}: the twin plays {TASK_OF_THE_TWIN} alone")
        elif self.address or self.cameras:
            raise OptionError("the twin is started by this command: address= and cameras= are of real arms")
        for name, least in (
            ("episodes", 1),
            ("rate_hz", 10),
            ("image_size", 16),
            ("horizon", 0),
            ("seed", 0),
        ):
            if getattr(self, name) < least:
                raise OptionError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if not 0 < self.episode_s <= 3600:
            raise OptionError(f"episode_s must be above 0 and at most 3600 s, not {self.episode_s:g}")
        if self.gamepad and self.policy != TELEOP:
            raise OptionError(f"gamepad={self.gamepad} is for policy={TELEOP}")
        if self.twin and self.robot != TWIN:
            raise OptionError(f"twin={self.twin} is for robot={TWIN}")
        _ = self.twin_parameters, self.camera_sources, self.place_given
        self.out = self.out or f"runs/bridge-{self.robot}-{self.policy_word}-{self.mode}"

    def _check_policy(self, key: str, policy: str) -> None:
        known = (EXPERT, NOISY, HOLD, TELEOP)
        if policy not in known and not policy.startswith((REPLAY, REMOTE)):
            raise OptionError(
                f"{key}={policy}: choose {', '.join(known)}, {REPLAY}FILE or {REMOTE}DIALECT://HOST:PORT; "
                "others run behind `workbench serve`"
            )
        if policy == NOISY:
            _ = ExpertErrors.of(self.policy_options)
        if policy in (EXPERT, NOISY) and self.robot != TWIN:
            raise OptionError(
                f"{key}={policy} is told by the twin's sensor where things are, which robot={self.robot} lacks"
            )
        if policy == TELEOP and self.policy_a:
            raise OptionError(f"{key}={TELEOP}: who drives by hand is not blind")

    def _check_real(self) -> None:
        if self.arm or self.scale != LEAST_SCALE:
            raise OptionError(
                "a real arm is armed, and its scale raised, by the person beside it, at the terminal: arm= and scale= "
                f"are for robot={TWIN}"
            )
        if self.mode != DRY_RUN and not self.address:
            raise OptionError(f"robot={self.robot} mode={self.mode} needs address=: where the arm is")
        if not self.instruction:
            raise OptionError("instruction= is missing: what a real arm is asked to do")

    @property
    def policy_word(self) -> str:
        """The policy's name as part of a folder's."""
        return "blind" if self.policy_a else self.policy.partition(":")[0]

    @property
    def policies(self) -> tuple[str, ...]:
        """Who acts: one, or two in an order that is sealed."""
        return (self.policy_a, self.policy_b) if self.policy_a else (self.policy,)

    @property
    def failure_reasons(self) -> tuple[str, ...]:
        """Among which the person who judges a trial chooses; OptionError where nobody says any."""
        if self.reasons:
            given = tuple(listed("reasons", self.reasons))
            if len(given) > MOST_REASONS:
                raise OptionError(f"reasons= names {len(given)}: nine at most, one a key")
            return given
        try:
            reasons = tasks.failure_reasons(self.task)
        except (tasks.TaskError, ModuleNotFoundError) as problem:
            raise OptionError(f"{problem}; a task that is not installed here needs reasons=") from None
        return tuple(reason for reason in reasons if reason != SIMULATED_ALONE)

    @property
    def twin_parameters(self) -> TwinParameters:
        """How the twin's reality differs; OptionError for a file that says nothing of use."""
        from workbench.bridge.twin.parameters import TwinParameters

        content = _mapping("twin", self.twin) | {"seed": self.seed}
        camera = dict(content.get("camera") or {}) | {"size": self.image_size}
        try:
            return TwinParameters.from_dict(content | {"camera": camera})
        except ValueError as problem:
            raise OptionError(f"twin={self.twin}: {problem}") from None

    @property
    def camera_sources(self) -> dict[str, tuple[str, str]]:
        """Camera -> kind and address of its source."""
        found = {}
        for entry in listed("cameras", self.cameras):
            name, equals, source = entry.partition("=")
            kind, colon, address = source.partition(":")
            if not (equals and colon and name and address) or kind not in CAMERAS:
                raise OptionError(
                    f"cameras={entry}: write NAME=opencv:NUMBER, NAME=realsense:SERIAL or NAME=files:FOLDER"
                )
            found[name] = (kind, address)
        return found

    @property
    def place_given(self) -> dict[str, Any]:
        """What the file of the place says; `workbench.bridge.place` reads it."""
        return _mapping("place", self.place)

    def execution(self, policy: BridgePolicy) -> ExecutionCfg:
        """How the policy's chunks are carried out."""
        return ExecutionCfg(self.execute, self.horizon or policy.execute_steps)

    def config(self) -> dict[str, Any]:
        """What a run folder keeps."""
        given = asdict(self) | {"command": "bridge"}
        return {key: value for key, value in given.items() if key != "out"}


def _choose(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise OptionError(f"{name}={value}: choose one of {', '.join(known)}")


def _mapping(name: str, file: str) -> dict[str, Any]:
    return read_mapping(f"{name}={file}", file) if file else {}
