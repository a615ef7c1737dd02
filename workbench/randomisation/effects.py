"""What a factor changes in the task's own episodes, and whether that is more than chance: pure arithmetic on logs.

The same episode is run twice, nominal but for the one factor in the second run, and the two `EpisodeLog` are compared.
What two nominal runs of an episode differ by, in another row and with another noise seed, is the noise. A factor does
something if in more than half of the episodes it changes the quantity that it is about by more than the greatest noise
of any episode, and by more than the least that anyone would call a change. Without effect that happens once in 78
times: the five greatest of sixteen exchangeable differences are then all among the factor's eight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Quantity:
    """What two runs of an episode may differ in."""

    says: str
    unit: str
    least: float
    """Smallest difference that counts, whatever the noise."""


QUANTITIES = {
    "tool": Quantity("way of the tool, root mean square", "mm", 0.05),
    "joints": Quantity("way of the joints, root mean square", "mrad", 0.05),
    "object": Quantity("way of the named object, root mean square", "mm", 0.05),
    "bodies": Quantity("way of any body above the floor, the greatest root mean square", "mm", 0.05),
    "grip": Quantity("distance between the fingers, greatest difference", "mm", 0.05),
    "reports": Quantity(
        "what is reported beyond what is so, of positions, root mean square", "mrad or mm", 0.05
    ),
    "speeds": Quantity("what is reported beyond what is so, of speeds, root mean square", "mrad/s", 0.05),
    "picture": Quantity("pictures, mean absolute difference", "of 255", 0.05),
    "depth": Quantity("depth pictures, mean absolute difference", "mm", 0.05),
    "belief": Quantity(
        "where the tool is believed to be in the front camera's picture, less where it is", "px", 0.05
    ),
    "words": Quantity("the instruction, 1 where it differs", "1", 0.5),
    "scene": Quantity("what stands where in the beginning: way of any body, the greatest", "mm", 0.5),
}
"""Differences by name. Less than a twentieth of a millimetre, a milliradian or a level of a picture counts as none."""


@dataclass(frozen=True)
class EpisodeLog:
    """One run of one episode: ``T`` control steps, ``P`` pictures, ``B`` bodies of the pool."""

    instruction: str
    tool: np.ndarray
    """``[T, 3]`` [m], base frame."""
    joints: np.ndarray
    """``[T, 7]`` [rad]"""
    width: np.ndarray
    """``[T]`` [m]"""
    bodies: np.ndarray
    """Positions ``[T, B, 3]`` [m], base frame."""
    target: int
    """Row of the named object in `bodies`."""
    floor: float
    """Height below which a body is out of the way [m]."""
    joint_errors: np.ndarray
    """Reported minus true joint positions ``[T, 7]`` [rad]."""
    tool_errors: np.ndarray
    """Reported minus true tool positions ``[T, 3]`` [m]."""
    width_errors: np.ndarray
    """Reported minus true finger distances ``[T]`` [m]."""
    speed_errors: np.ndarray
    """Reported minus true joint velocities ``[T, 7]`` [rad/s]."""
    pictures: np.ndarray
    """``[P, H, W, 3]`` uint8; ``P`` may be 0."""
    depths: np.ndarray
    """``[P, H, W]`` [m]; ``P`` may be 0."""
    belief: np.ndarray
    """Where the tool would be in the front camera's picture if its calibration were as believed, less where it is
    ``[2]`` [px]; in the beginning."""

    @property
    def steps(self) -> int:
        """``T``"""
        return len(self.tool)


def differences(a: EpisodeLog, b: EpisodeLog) -> dict[str, float]:
    """What two runs of an episode differ in, by name and in the units of `QUANTITIES`; NaN where nothing was logged.

    Where one run is longer, its end is left out.
    """
    t = min(a.steps, b.steps)
    apart = 1000 * np.linalg.norm(a.bodies[:t] - b.bodies[:t], axis=2)  # [t, B]
    above = (a.bodies[:t, :, 2] > a.floor) | (b.bodies[:t, :, 2] > b.floor)
    # A body that only one of them has on the table is a metre away, whereever the other keeps it.
    apart = np.where(above, np.minimum(apart, 1000.0), 0.0)
    reports = [
        _rms(1000 * (x[:t] - y[:t]))
        for x, y in (
            (a.joint_errors, b.joint_errors),
            (a.tool_errors, b.tool_errors),
            (a.width_errors, b.width_errors),
        )
    ]
    return {
        "tool": _rms(1000 * np.linalg.norm(a.tool[:t] - b.tool[:t], axis=1)),
        "joints": _rms(1000 * (a.joints[:t] - b.joints[:t])),
        "object": _rms(apart[:, a.target]) if a.target == b.target else 1000.0,
        "bodies": float(np.sqrt((apart**2).mean(0)).max()),
        "grip": float(1000 * np.abs(a.width[:t] - b.width[:t]).max()),
        "reports": max(reports),
        "speeds": _rms(1000 * (a.speed_errors[:t] - b.speed_errors[:t])),
        "picture": _mean_absolute(a.pictures.astype(float), b.pictures.astype(float)),
        "depth": 1000 * _mean_absolute(a.depths, b.depths),
        "belief": float(np.linalg.norm(a.belief - b.belief)),
        "words": float(a.instruction != b.instruction),
        "scene": float(apart[0].max()),
    }


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def _mean_absolute(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).mean()) if a.size else float("nan")


@dataclass(frozen=True)
class Effect:
    """What one level of a factor changes in ``E`` episodes."""

    factor: str
    level: object
    quantity: str
    sizes: tuple[float, ...]
    """Difference from the nominal run of each episode ``[E]``."""
    noises: tuple[float, ...]
    """Difference of two nominal runs of each episode ``[E]``."""

    @property
    def size(self) -> float:
        """The median episode's difference."""
        return float(np.median(self.sizes))

    @property
    def noise(self) -> float:
        """What a difference must exceed: the greatest noise of an episode, or the least that counts."""
        return max(*self.noises, QUANTITIES[self.quantity].least)

    @property
    def share(self) -> float:
        """Share of the episodes in which the difference exceeds that."""
        return float(np.mean([size > self.noise for size in self.sizes]))

    @property
    def is_one(self) -> bool:
        """Whether this is an effect at all."""
        return self.share > 0.5


def strongest(effects: Sequence[Effect]) -> Effect:
    """Of one level's effects on several quantities, the one that stands out most from its noise."""
    return max(effects, key=lambda e: (e.share, e.size / e.noise))


def doing_nothing(effects: Sequence[Effect]) -> list[str]:
    """Factors none of whose levels has an effect, in order."""
    verdicts: dict[str, bool] = {}
    for effect in effects:
        verdicts[effect.factor] = verdicts.get(effect.factor, False) or effect.is_one
    return [factor for factor, does in verdicts.items() if not does]


FAMILY_QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "scene": ("scene", "joints", "picture"),
    "appearance": ("picture",),
    "camera": ("picture",),
    "dynamics": ("object", "joints", "grip"),
    "control": ("joints", "grip"),
    "sensing": ("reports", "speeds"),
    "disturbance": ("bodies", "joints"),
    "language": ("words",),
    "episode": ("reports",),
}
"""What the factors of a family are about."""


def quantities_of(factor: str) -> tuple[str, ...]:
    """Names of the quantities in which a factor must make a difference."""
    if factor.startswith("sensing.depth"):
        return ("depth",)
    if factor.startswith("camera.believed"):
        return ("belief",)
    return FAMILY_QUANTITIES.get(factor.partition(".")[0], tuple(QUANTITIES))
