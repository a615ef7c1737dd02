"""`Observed`: what a policy on a real robot gets to see at one instant, each part with its age."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from robots.driver import ArmState


@dataclass(frozen=True)
class Picture:
    """A camera's newest picture."""

    rgb: np.ndarray
    """``[H, W, 3]`` uint8"""
    captured: float
    """On this machine's monotonic clock [s]."""


@dataclass(frozen=True)
class Poses:
    """What a pose sensor said last."""

    things: Mapping[str, np.ndarray]
    """Name -> pose in the base frame ``[7]``: x y z [m], quaternion x y z w."""
    captured: float
    """[s]"""


@dataclass(frozen=True)
class Observed:
    """One instant."""

    now: float
    """When it was put together [s]."""
    step: int
    """Control steps since the episode began."""
    instruction: str
    state: ArmState
    ee_pose: np.ndarray
    """Of the tool in the base frame ``[7]``: x y z [m], quaternion x y z w; by the workbench's own kinematics."""
    commanded_pose: np.ndarray
    """Where the tool is commanded to be ``[7]``: what relative actions are added to."""
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    poses: Poses | None = None
    """Of a declared sensor; only for policies that say that they use one."""

    @property
    def captured(self) -> float:
        """When the oldest part that the policy sees was captured [s]."""
        times = [self.state.captured, *(picture.captured for picture in self.pictures.values())]
        return min(times + ([self.poses.captured] if self.poses else []))

    def ages(self) -> dict[str, float]:
        """Part -> how old it is [s]."""
        found = {
            "state": self.now - self.state.captured,
            "gripper": self.now - self.state.gripper_width.captured,
        }
        found |= {f"camera:{name}": self.now - picture.captured for name, picture in self.pictures.items()}
        return found | ({"pose_sensor": self.now - self.poses.captured} if self.poses else {})

    def digest(self) -> str:
        """Hash of everything that the policy sees, for the log: equal inputs have equal ones."""
        made = hashlib.blake2b(self.instruction.encode(), digest_size=8)
        made.update(np.int64(self.step).tobytes())
        for reading in (self.state.joint_pos, self.state.joint_vel, self.state.gripper_width):
            made.update(np.ascontiguousarray(reading.value).tobytes())
        made.update(np.ascontiguousarray(self.ee_pose).tobytes())
        for name in sorted(self.pictures):
            made.update(name.encode() + np.ascontiguousarray(self.pictures[name].rgb).tobytes())
        for name in sorted(self.poses.things if self.poses else ()):
            assert self.poses is not None
            made.update(name.encode() + np.ascontiguousarray(self.poses.things[name]).tobytes())
        return made.hexdigest()
