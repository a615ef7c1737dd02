"""`Mapping`: what a dialect leaves open, read from a YAML file.

    dialect: openpi
    robot: franka
    cameras:
      - {name: observation/exterior_image_1_left, source: front, width: 224, height: 224, fit: pad}
    state:
      observation/joint_position: [{quantity: joint_pos, form: rad}]
    actions: {arm: joint_delta, joints: 7, scale: 0.2, control_hz: 15, execute_steps: 8, gripper: {open: 0, closed: 1}}

Files of this form that ship stand in ``policy/serve/mappings``; `load_mapping` takes their names as well.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import yaml

from policy.m1.strict import ConfigError, from_plain
from policy.observation_spec import FORMS, CameraInput, ObservationOffer, ObservationSpec, StateInput
from policy.serve.mapping.statistics import Statistics

SHIPPED = Path(__file__).parents[1] / "mappings"
Arm = Literal["as_task", "tool_delta", "tool_pose", "joint_delta", "joint_position"]
RotationForm = Literal[
    "rotation_vector", "euler_xyz", "quaternion_xyzw", "quaternion_wxyz", "rotation_6d", "matrix"
]
MOST_BYTES = 1 << 20
"""A mapping with statistics in it has some kilobytes."""


@dataclass(frozen=True)
class WireCamera(CameraInput):
    """A picture as the server takes it; `name` is what it is called on the wire."""

    turn: Literal[0, 180] = 0
    """Turned by so much in its plane [degrees], as LIBERO's pictures are, after all else."""


@dataclass(frozen=True)
class WireGripper:
    """The last number of an action."""

    open: float = 1.0
    """What opens the hand."""
    closed: float = 0.0
    """What closes it; whatever is nearer to this than to `open` does."""


@dataclass(frozen=True)
class Ensemble:
    """Which action is executed when every step is decided anew: a mean of what the last decisions meant for now.

    Each prediction weighs exp(alpha cos), where cos is that of the angle between it and the newest one (CogACT, arXiv
    2411.19650).
    """

    horizon: int
    """Decisions that count."""
    alpha: float = 0.1


@dataclass(frozen=True)
class WireActions:
    """What the numbers of an action mean: those of the arm, then the gripper's."""

    arm: Arm
    """``as_task``: as the task's own actions; ``tool_delta`` and ``joint_delta``: relative to the previous command;
    ``tool_pose``: of the tool in the robot base frame; ``joint_position``."""
    keys: tuple[str, ...] = ("actions",)
    """Parts of a reply that hold them, in this order."""
    joints: int = 7
    """Of the arm, for `arm` of joints."""
    frame: Literal["base", "tool"] = "base"
    """tool_delta: axes of the motion: the robot's base, or the tool as it is."""
    rotation: RotationForm = "rotation_vector"
    """See `policy.observation_spec.FORMS`."""
    scale: float = 1.0
    """joint_delta, joint_position: radians that 1 stands for; tool_delta, tool_pose: metres."""
    rotation_scale: float = 1.0
    """tool_delta: radians that 1 stands for, of a rotation vector or of angles."""
    reference: Literal["previous_command", "measured"] = "previous_command"
    """tool_pose, joint_position: where the first step of a chunk starts."""
    gripper: WireGripper = field(default_factory=WireGripper)
    control_hz: float = 0.0
    """Rate of the server's actions [Hz]; 0 for the task's. Others are interpolated."""
    execute_steps: int = 1
    """Of the server's steps: how many of a chunk are executed before the next is asked for."""
    chunk: int = 0
    """Steps of a reply, which is refused if it has others; 0 for any number."""
    normalisation: Statistics | None = None
    """Where actions travel normalised."""
    ensemble: Ensemble | None = None

    def __post_init__(self) -> None:
        if self.control_hz < 0 or self.execute_steps < 1 or self.chunk < 0 or self.joints < 1:
            raise ConfigError(
                "actions: control_hz, execute_steps, chunk and joints must not be negative, or 0 steps"
            )
        if not self.keys:
            raise ConfigError("actions: keys names no part of a reply")
        if self.scale == 0 or self.rotation_scale == 0 or self.gripper.open == self.gripper.closed:
            raise ConfigError("actions: a scale is 0, or the gripper's open and closed are the same")
        if self.ensemble and (self.execute_steps != 1 or self.ensemble.horizon < 1):
            raise ConfigError(
                "actions: an ensemble decides every step anew: execute_steps must be 1, its horizon 1 or more"
            )
        if self.chunk and self.execute_steps > self.chunk:
            raise ConfigError(
                f"actions: {self.execute_steps} steps of a chunk of {self.chunk} cannot be executed"
            )
        if self.normalisation and self.normalisation.dim not in (0, self.dim) and self.dim:
            raise ConfigError(
                f"normalisation has {self.normalisation.dim} numbers for {self.dim} of an action"
            )

    @property
    def dim(self) -> int:
        """Numbers of an action; 0 where the task says how many."""
        if self.arm == "as_task":
            return 0
        return (self.joints if self.arm.startswith("joint") else 3 + FORMS["ee_rotation"][self.rotation]) + 1


@dataclass(frozen=True)
class Mapping:
    """One file."""

    dialect: str
    actions: WireActions
    robot: str = ""
    """Whose actions these are; empty for any robot's."""
    cameras: tuple[WireCamera, ...] = ()
    """In the order in which the dialect sends them."""
    state: Map[str, tuple[StateInput, ...]] = field(default_factory=dict)
    """Name on the wire -> what it is made of; names separated by commas get an equal part of the numbers each."""
    prompt: str = "{instruction}"
    prompt_key: str = ""
    """What the prompt is called on the wire, where the dialect leaves that open."""
    stateless: bool = False
    """Whether the server's policy keeps nothing from one request to the next, so that any connection will do."""
    unnorm_key: str = ""
    """M1, starVLA: which of the server's statistics; empty for its default."""

    def __post_init__(self) -> None:
        _ = self.seen  # refuses what is inconsistent
        if self.prompt_key and self.prompt_key in {*self.state, *(camera.name for camera in self.cameras)}:
            raise ConfigError(f"the prompt and something else are both called {self.prompt_key!r}")

    @property
    def seen(self) -> ObservationSpec:
        """The same as an `ObservationSpec`: what the task must offer."""
        entries = tuple(entry for parts in self.state.values() for entry in parts)
        return ObservationSpec(self.cameras, entries, prompt=self.prompt)

    def with_statistics(self, path: Path | None) -> Mapping:
        """The same with the statistics of a file, where it leaves them to one.

        Raises:
            ConfigError: There is no file and one is needed, or the other way round, or it does not fit.
        """
        normalisation = self.actions.normalisation
        if normalisation is None or normalisation.dim:
            if path is not None:
                raise ConfigError("policy.statistics= is for a mapping that leaves its statistics to a file")
            return self
        if path is None:
            raise ConfigError(
                "it leaves the statistics of its actions to a file: policy.statistics=dataset_statistics.json"
            )
        return replace(self, actions=replace(self.actions, normalisation=normalisation.from_file(path)))

    def problems(self, offer: ObservationOffer) -> list[str]:
        """What does not go together with a task and its robot, in plain sentences."""
        found = self.seen.mismatches(offer)
        if self.robot and self.robot != offer.robot:
            found.append(f"it is for robot={self.robot}, not robot={offer.robot}")
        return found


def shipped() -> tuple[str, ...]:
    """Names of the mappings that ship."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def mapping_file(name: str) -> Path:
    """The file that ``policy.mapping=name`` means: a path, or the name of one that ships."""
    return SHIPPED / f"{name}.yaml" if name in shipped() else Path(name)


def load_mapping(name: str) -> Mapping:
    """The mapping that a path, or the name of one that ships, means.

    Raises:
        ConfigError: There is none, or it is not of the form.
    """
    path = mapping_file(name)
    try:
        text = path.read_bytes()[:MOST_BYTES].decode("utf-8")
        data = yaml.safe_load(text)
    except OSError as problem:
        raise ConfigError(
            f"there is no mapping {name!r} ({problem.strerror}): name a YAML file, or one that ships: "
            f"{', '.join(shipped())}"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as problem:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(problem).split())}") from None
    return from_plain(Mapping, data, str(path), sparse=True)
