"""Changes of what a policy sees: an input taken from elsewhere, or brought in another convention."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from policy.observation_spec import ObservationSpec


@dataclass(frozen=True)
class Seen:
    """What there is to be seen in ``S`` scenes; units and frames as in `policy.contract.Observation`."""

    joint_pos: np.ndarray
    joint_vel: np.ndarray
    gripper_width: np.ndarray
    ee_pose: np.ndarray
    images: Mapping[str, np.ndarray]
    """Camera -> RGB ``[S, H, W, 3]`` uint8."""
    instruction: Sequence[str]
    simulator: np.ndarray
    """From which scene privileged policies get the simulator's state ``[S]``, int."""


def _as_it_is(seen: Seen) -> Seen:
    return seen


def _as_declared(spec: ObservationSpec) -> ObservationSpec:
    return spec


@dataclass(frozen=True)
class Change:
    """One alteration."""

    channel: str
    """Which input."""
    says: str
    """What is done to it, as a sentence can hold it: "with red and blue exchanged"."""
    alter: Callable[[Seen], Seen] = _as_it_is
    respec: Callable[[ObservationSpec], ObservationSpec] = _as_declared
    """The observation spec that a policy with one is given instead."""

    def after(self, earlier: Sequence[Change]) -> Change:
        """This one, with others already made."""

        def alter(seen: Seen) -> Seen:
            for change in (*earlier, self):
                seen = change.alter(seen)
            return seen

        def respec(spec: ObservationSpec) -> ObservationSpec:
            for change in (*earlier, self):
                spec = change.respec(spec)
            return spec

        return Change(self.channel, self.says, alter, respec)


def from_elsewhere(name: str) -> Callable[[Seen], Seen]:
    """Takes an array, a picture ``images/NAME`` or a part of the pose from the next scene."""

    def alter(seen: Seen) -> Seen:
        if name.startswith("images/"):
            camera = name.removeprefix("images/")
            return replace(seen, images={**seen.images, camera: np.roll(seen.images[camera], 1, 0)})
        if name == "instruction":
            return replace(seen, instruction=[*seen.instruction[-1:], *seen.instruction[:-1]])
        if name in ("ee_position", "ee_rotation"):
            part = slice(0, 3) if name == "ee_position" else slice(3, 7)
            pose = seen.ee_pose.copy()
            pose[:, part] = np.roll(seen.ee_pose[:, part], 1, 0)
            return replace(seen, ee_pose=pose)
        return replace(seen, **{name: np.roll(getattr(seen, name), 1, 0)})

    return alter


def scaled(name: str, factor: float) -> Callable[[Seen], Seen]:
    """Multiplies an array."""
    return lambda seen: replace(seen, **{name: getattr(seen, name) * factor})


def moved(name: str, by: float) -> Callable[[Seen], Seen]:
    """Adds a number to an array."""
    return lambda seen: replace(seen, **{name: getattr(seen, name) + by})
