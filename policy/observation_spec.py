"""What a policy sees: `ObservationSpec`, declared by the policy, offered by the task, checked before the first step.

The twin of `policy.action.ActionSpec`, against the same kind of bug: a policy that was trained on quaternions with w
first, on a gripper that is 1 when closed, on blue-green-red pictures cropped in the middle, runs on others without an
error, and fails. A policy says, in order, what it takes; what stands between that and what the task offers is one of
the conversions named here, and nothing else:

    spec = ObservationSpec(
        cameras=(CameraInput("image", source="front", width=256, height=256),),
        state=(StateInput("ee_position", "m"), StateInput("gripper", "open")),
    )
    problems = spec.mismatches(task_offer)    # [] when all of it can be given

`policy.observation_inputs` makes the inputs. This module imports neither a simulator nor torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

JOINTS = 0
"""Width of a form that has a number for each joint of the arm."""
FORMS: Mapping[str, Mapping[str, int]] = {
    "joint_pos": {"rad": JOINTS, "deg": JOINTS},
    "joint_vel": {"rad/s": JOINTS, "deg/s": JOINTS},
    "ee_position": {"m": 3, "mm": 3},
    "ee_rotation": {
        "quaternion_xyzw": 4,
        "quaternion_wxyz": 4,
        "rotation_vector": 3,
        "euler_xyz": 3,
        "rotation_6d": 6,
        "matrix": 9,
    },
    "gripper": {"m": 1, "mm": 1, "open": 1, "closed": 1, "fingers": 2, "fingers_opposed": 2},
}
"""Quantity -> form -> how many numbers it has. All are measured; poses are of the tool in the robot base frame.

* ``rotation_vector``: axis times angle [rad]; ``euler_xyz``: roll, pitch, yaw about the fixed axes [rad], as in
  robosuite and ROS; ``rotation_6d``: the first two columns of the matrix, one after the other (Zhou et al. 2019, arXiv
  1812.07035); ``matrix``: row by row. Quaternions have w >= 0.
* ``gripper``: distance between the fingertips in ``m`` or ``mm``; ``open`` is its share of the greatest distance,
  ``closed`` one minus that; ``fingers`` is half of it twice [m], ``fingers_opposed`` the same with the second negative,
  as robosuite has a Panda's finger joints.
"""


@dataclass(frozen=True)
class CameraInput:
    """A picture, as the policy takes it: cropped in the middle, resized, its channels in an order."""

    name: str
    """As the policy calls it."""
    source: str = ""
    """Camera of the task; empty for one of the same name."""
    width: int = 0
    """[px]; 0 for that of the camera."""
    height: int = 0
    """[px]; 0 for that of the camera."""
    crop: float = 1.0
    """Share of either side that is kept, around the middle, before resizing."""
    fit: Literal["stretch", "pad"] = "stretch"
    """What happens to another aspect: it is stretched, or black stripes are added in equal parts on both sides."""
    resample: Literal["bilinear", "lanczos", "nearest"] = "bilinear"
    color_order: Literal["rgb", "bgr"] = "rgb"
    calibrated: bool = False
    """Whether the policy is told the camera's calibration, as the robot believes it, for the picture as it takes it."""

    @property
    def camera(self) -> str:
        """The task's camera."""
        return self.source or self.name


@dataclass(frozen=True)
class StateInput:
    """Some numbers of the state vector: a quantity and its form, one of `FORMS`."""

    quantity: str
    form: str
    frame: Literal["base"] = "base"
    """Frame of poses."""

    def width(self, joints: int) -> int:
        """How many numbers it has for an arm of so many joints."""
        return FORMS[self.quantity][self.form] or joints


@dataclass(frozen=True)
class ObservationOffer:
    """What a task with a robot can give."""

    robot: str
    joints: int
    """Of the arm."""
    gripper_max_width: float
    """Fingertip distance, fully open [m]."""
    cameras: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Name -> width and height [px]."""
    calibrated: tuple[str, ...] = ()
    """Cameras whose calibration the robot has."""


@dataclass(frozen=True)
class ObservationSpec:
    """What a policy takes: pictures, a state vector in an order, and the prompt."""

    cameras: tuple[CameraInput, ...] = ()
    state: tuple[StateInput, ...] = ()
    state_dim: int | None = None
    """Numbers that the policy's state vector has, checked against what `state` comes to with the robot at hand."""
    prompt: str = "{instruction}"
    """What is made of the instruction, which stands at ``{instruction}``."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Cameras of the task that it needs."""
        return tuple(dict.fromkeys(camera.camera for camera in self.cameras))

    @property
    def calibrated(self) -> tuple[str, ...]:
        """Cameras of the task whose calibration it needs."""
        return tuple(dict.fromkeys(camera.camera for camera in self.cameras if camera.calibrated))

    def __post_init__(self) -> None:
        problems = self.problems()
        if problems:
            raise ValueError("observation spec is not valid: " + "; ".join(problems))

    def problems(self) -> list[str]:
        """What is inconsistent in this spec, in plain sentences; empty when nothing is."""
        found = []
        names = [camera.name for camera in self.cameras]
        if len(set(names)) != len(names):
            found.append(f"camera names repeat: {', '.join(names)}")
        for camera in self.cameras:
            if camera.width < 0 or camera.height < 0:
                found.append(f"camera {camera.name} has a size of {camera.width} x {camera.height} px")
            if not 0 < camera.crop <= 1:
                found.append(
                    f"camera {camera.name} keeps {camera.crop} of its sides; it must be above 0, at most 1"
                )
        for entry in self.state:
            if entry.quantity not in FORMS:
                found.append(f"there is no quantity {entry.quantity!r}: choose one of {', '.join(FORMS)}")
            elif entry.form not in FORMS[entry.quantity]:
                forms = ", ".join(FORMS[entry.quantity])
                found.append(f"{entry.quantity} has no form {entry.form!r}: choose one of {forms}")
        if "{instruction}" not in self.prompt:
            found.append(
                f"the prompt {self.prompt!r} does not say where the instruction stands: {{instruction}}"
            )
        return found

    def mismatches(self, offer: ObservationOffer) -> list[str]:
        """What of this the task cannot give, in plain sentences."""
        found = [
            f"camera {camera.name} is the task's {camera.camera!r}, which it does not have; it has "
            f"{', '.join(offer.cameras) or 'none'}"
            for camera in self.cameras
            if camera.camera not in offer.cameras
        ]
        found += [
            f"camera {camera.name}: the policy takes the calibration of {camera.camera!r}, which {offer.robot} does "
            f"not have; it has that of {', '.join(offer.calibrated) or 'none'}"
            for camera in self.cameras
            if camera.calibrated and camera.camera in offer.cameras and camera.camera not in offer.calibrated
        ]
        dim = sum(entry.width(offer.joints) for entry in self.state)
        if self.state_dim is not None and dim != self.state_dim:
            parts = ", ".join(f"{e.quantity} in {e.form}: {e.width(offer.joints)}" for e in self.state)
            found.append(
                f"state: the policy takes {self.state_dim} numbers, with {offer.robot} it gets {dim} "
                f"({parts or 'none'})"
            )
        return found

    def conversions(self, offer: ObservationOffer) -> list[str]:
        """What is done to the task's observations to make the policy's, a line each; empty for nothing."""
        found = []
        for camera in self.cameras:
            given = offer.cameras[camera.camera]
            size = (camera.width or given[0], camera.height or given[1])
            if camera.name != camera.camera:
                found.append(f"{camera.camera} -> {camera.name}: renamed")
            if camera.crop < 1:
                found.append(f"{camera.name}: the middle {camera.crop:g} of both sides")
            if size != given:
                found.append(
                    f"{camera.name}: {given[0]} x {given[1]} -> {size[0]} x {size[1]} px, "
                    f"{camera.fit}, {camera.resample}"
                )
            if camera.color_order != "rgb":
                found.append(f"{camera.name}: rgb -> {camera.color_order}")
        found += [
            f"{entry.quantity}: {plain} -> {entry.form}"
            for entry in self.state
            if entry.form != (plain := next(iter(FORMS[entry.quantity])))
        ]
        if self.prompt != "{instruction}":
            found.append(f"prompt: {self.prompt!r}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ObservationSpec:
        """Inverse of `to_dict`; unknown keys raise TypeError."""
        fields = dict(data)
        fields["cameras"] = tuple(CameraInput(**camera) for camera in fields.get("cameras", ()))
        fields["state"] = tuple(StateInput(**entry) for entry in fields.get("state", ()))
        return cls(**fields)
