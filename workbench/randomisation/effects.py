"""What a factor changes in the task's own episodes, and whether that is more than chance: pure arithmetic on logs.

The same episode is run twice, nominal but for the one factor in the second run, and the two `EpisodeLog` are compared.
What nominal runs of an episode differ by, in another row and with another noise seed, is the noise. A factor does
something if it changes a quantity that it is about by more than that: by the one-sided rank-sum test (Mann and Whitney)
of what it changed against the noise, at the level `LEVEL` for all ends of its range and all quantities together
(Bonferroni). What is less than anyone would call a change counts as none, in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

LEVEL = 0.01
"""Probability at most that a factor without effect is said to have one."""

CLOSED_BY = 0.002
"""The hand has begun to close when its fingers are this much nearer to each other than in the beginning [m]."""


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
    "approach": Quantity("way of the joints until the hand first closes, root mean square", "mrad", 0.05),
    "object": Quantity("way of the named object, root mean square", "mm", 0.05),
    "turn": Quantity("attitude of the named object, root mean square", "mrad", 0.5),
    "bodies": Quantity("way of any body above the floor, the greatest root mean square", "mm", 0.05),
    "grip": Quantity("distance between the fingers, greatest difference", "mm", 0.05),
    "reports": Quantity(
        "what is reported beyond what is so, of positions, root mean square", "mrad or mm", 0.05
    ),
    "speeds": Quantity("what is reported beyond what is so, of speeds, root mean square", "mrad/s", 0.05),
    "picture": Quantity("pictures, mean absolute difference", "of 255", 0.05),
    "frame": Quantity("the picture that differs most, mean absolute difference", "of 255", 0.05),
    "depth": Quantity("depth pictures, mean absolute difference", "mm", 0.05),
    "belief": Quantity(
        "where the tool is believed to be in the front camera's picture, less where it is", "px", 0.05
    ),
    "words": Quantity("the instruction, 1 where it differs", "1", 0.5),
    "scene": Quantity("what stands where in the beginning: way of any body, the greatest", "mm", 0.5),
}
"""Differences by name. Less than a twentieth of a millimetre, a milliradian or a level of a picture counts as none;
of an object's attitude, less than half a milliradian, by which its edges move a fortieth of a millimetre."""


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
    attitude: np.ndarray
    """Quaternions ``[T, 4]`` of the named object, any order of the four, base frame."""
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
    closing = (
        int(np.argmax(np.minimum(a.width[:t], b.width[:t]) < min(a.width[0], b.width[0]) - CLOSED_BY)) or t
    )
    same = np.abs((a.attitude[:t] * b.attitude[:t]).sum(1)).clip(max=1.0)
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
        "approach": _rms(1000 * (a.joints[:closing] - b.joints[:closing])),
        "object": _rms(apart[:, a.target]) if a.target == b.target else 1000.0,
        "turn": _rms(2000 * np.arccos(same)),
        "bodies": float(np.sqrt((apart**2).mean(0)).max()),
        "grip": float(1000 * np.abs(a.width[:t] - b.width[:t]).max()),
        "reports": max(reports),
        "speeds": _rms(1000 * (a.speed_errors[:t] - b.speed_errors[:t])),
        "picture": _mean_absolute(a.pictures.astype(float), b.pictures.astype(float)),
        "frame": max(map(_mean_absolute, a.pictures.astype(float), b.pictures.astype(float)), default=np.nan),
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
    """Differences between nominal runs of the same episodes ``[K E]``."""
    tests: int = 1
    """How many ends and quantities of this factor are tested."""

    @property
    def size(self) -> float:
        """The median episode's difference."""
        return float(np.median(self.sizes))

    @property
    def noise(self) -> float:
        """The median difference between nominal runs."""
        return float(np.median(self.noises))

    @cached_property
    def p(self) -> float:
        """Probability of so high ranks among the noise, if the factor changed nothing; for all tests together."""
        sizes, noises = (np.where(np.less(x, self.least), 0.0, x) for x in (self.sizes, self.noises))
        if not sizes.any():
            return 1.0
        return min(1.0, self.tests * float(stats.mannwhitneyu(sizes, noises, alternative="greater").pvalue))

    @property
    def least(self) -> float:
        """The smallest difference that counts."""
        return QUANTITIES[self.quantity].least

    @property
    def is_one(self) -> bool:
        """Whether this is an effect at all."""
        return self.p <= LEVEL


def strongest(effects: Sequence[Effect]) -> Effect:
    """Of one level's effects on several quantities, the one that stands out most from its noise, small ones last."""
    return min(effects, key=lambda e: (e.size < e.least, e.p, -e.size / e.least))


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
    "dynamics": ("object", "turn", "joints", "approach", "grip"),
    "control": ("joints", "approach", "grip"),
    "sensing": ("reports", "speeds"),
    "disturbance": ("bodies", "joints", "approach"),
    "language": ("words",),
    "episode": ("reports",),
}
"""What the factors of a family are about."""


FACTOR_QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "camera.frame_loss": ("frame",),
    "camera.latency_burst": ("frame",),
    "disturbance.hand_in_view": ("frame",),
    "episode.policy_seed": ("joints",),
}
"""What single ones are about, where it is not what their family is about."""


def quantities_of(factor: str) -> tuple[str, ...]:
    """Names of the quantities in which a factor must make a difference."""
    if factor.startswith("sensing.depth"):
        return ("depth",)
    if factor.startswith("camera.believed"):
        return ("belief",)
    if factor in FACTOR_QUANTITIES:
        return FACTOR_QUANTITIES[factor]
    return FAMILY_QUANTITIES.get(factor.partition(".")[0], tuple(QUANTITIES))
