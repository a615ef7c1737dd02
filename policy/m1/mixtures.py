"""What the actions of InternVLA-M1's training mixtures mean, and which statistics they were really scaled by.

The published code scales actions back by the 1st and 99th percentile whatever they were scaled by in training, and
always thresholds channel 6, even where channel 6 is a joint. A checkpoint says neither; the training mixture's name
does. The table below is that name's meaning:

* mixtures of OXE were scaled by percentiles, LIBERO and the authors' own Franka recordings by minimum and maximum.
  LIBERO since 28 September 2025, with chunks of 8 steps; chunks of 16 were possible before alone, when it was
  percentiles. starVLA's mixtures of the same names are scaled like the later ones;
* in all of them the gripper's number is 0 or 1, but 1 opens in OXE and LIBERO and closes in the Franka recordings;
* rotations are roll, pitch and yaw about fixed axes in OXE and the Franka recordings (measured on the public ones:
  they are those of the step's rotation in the base frame, to rounding), a rotation vector in LIBERO;
* LIBERO's numbers are inputs of robosuite's OSC_POSE controller, where 1 is 0.05 m or 0.5 rad.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from policy.action import GRIPPER, ActionChannel, ActionSpec, Normalisation, Reference
from policy.m1.strict import shown

Scheme = Literal["min_max", "q01_q99"]
"""What actions are scaled by: minimum and maximum, or the 1st and 99th percentile."""
MOST = 1e3
"""No arm moves so many metres or radians in a step."""
HAIR = 1e-6
"""Half the range that the limits of a channel get that never moves [m or rad]."""


class PublishedError(Exception):
    """A published run that cannot be imported, in one sentence."""


@dataclass(frozen=True)
class Mixture:
    """One embodiment of a training mixture."""

    tag: str
    """Key of its statistics in ``dataset_statistics.json``."""
    robot: str
    space: Literal["eef", "joints"]
    scheme: Scheme
    """What training scaled by."""
    gripper_sign: Literal["+1 opens", "+1 closes"]
    """Which way the model's 1, and so the command +1, moves the hand."""
    reference: Reference
    control_hz: float | None
    """Rate of the recorded actions [Hz]; None where each user's data have their own."""
    rotation: Literal["rotation_vector", "euler_xyz", "none"] = "euler_xyz"
    """What the model's rotation channels are."""
    metres: float = 1.0
    """What a recorded translation of 1 is [m]."""
    radians: float = 1.0
    """What a recorded rotation of 1 is [rad]."""
    longest: int | None = None
    """Steps of the longest chunk that could be trained with `scheme`; longer ones were scaled by percentiles."""
    note: str = ""
    """What a user of such a model has to know besides."""


_BRIDGE = Mixture("oxe_bridge", "widowx", "eef", "q01_q99", "+1 opens", "previous_command", 5.0)
_RT1 = Mixture("oxe_rt1", "google_robot", "eef", "q01_q99", "+1 opens", "measured", 3.0)
_LIBERO = Mixture(
    "franka",
    "franka",
    "eef",
    "min_max",
    "+1 opens",
    "measured",
    20.0,
    "rotation_vector",
    0.05,
    0.5,
    longest=8,
)
# The recordings' deltas are between commanded targets, 30 per second: measured on the public episodes.
_DEMO = Mixture("franka", "franka", "joints", "min_max", "+1 closes", "previous_command", 30.0, "none")
_CUSTOM = Mixture(
    "new_embodiment",
    "franka",
    "eef",
    "min_max",
    "+1 closes",
    "previous_command",
    None,
    note="the public recordings write translations as p' - R p, where R is the step's rotation, not as p' - p; data "
    "made the same way need that undone",
)

MIXTURES: dict[str, tuple[Mixture, ...]] = {
    "bridge": (_BRIDGE,),
    "bridge_rt_1": (_BRIDGE, _RT1),
    **{f"libero_{suite}": (_LIBERO,) for suite in ("all", "goal", "object", "spatial", "10")},
    "demo_sim_pick_place": (_DEMO,),
    "custom_dataset": (_CUSTOM,),
    "custom_dataset_2": (_CUSTOM,),
}
"""``datasets.vla_data.data_mix`` -> the embodiments in it."""


def choose_mixture(name: str, tag: str | None) -> Mixture:
    """The embodiment ``tag`` of a mixture, or its only one; PublishedError lists the choices."""
    if name not in MIXTURES:
        raise PublishedError(
            f"the training mixture {name!r} is not known, so neither is what its actions mean; known are "
            f"{', '.join(MIXTURES)}. Give an action spec of your own with action_spec=FILE.json"
        )
    tags = [mixture.tag for mixture in MIXTURES[name]]
    if tag is None and len(tags) > 1:
        raise PublishedError(
            f"mixture {name!r} has several robots: choose one with robot={' or '.join(tags)}"
        )
    for mixture in MIXTURES[name]:
        if tag in (None, mixture.tag):
            return mixture
    raise PublishedError(f"mixture {name!r} has no {tag!r}; it has {', '.join(tags)}")


def scheme_of(mixture: Mixture, chunk_length: int) -> Scheme:
    """What training scaled actions by, for a model that writes chunks of so many steps."""
    is_longer = mixture.longest is not None and chunk_length > mixture.longest
    return "q01_q99" if is_longer else mixture.scheme


def mixture_spec(
    name: str,
    mixture: Mixture,
    statistics: Mapping[str, Any],
    action_dim: int,
    control_hz: float | None,
    scheme: Scheme,
) -> tuple[ActionSpec, list[str]]:
    """The `ActionSpec` of a mixture, limits and scaling from its action statistics, and the channels that never move.

    ``control_hz`` is needed where the mixture has no rate of its own. A channel that was constant in training keeps its
    value, whatever the model writes, as in the published code. Raises PublishedError for statistics that are missing,
    not finite, of the wrong length or in the wrong order, and for an action dimension that is not the mixture's.
    """
    names = channel_names(mixture)
    if action_dim != len(names):
        raise PublishedError(
            f"mixture {name!r} has {len(names)} channels ({', '.join(names)}), the model has {action_dim}"
        )
    rate = mixture.control_hz if control_hz is None else control_hz
    if rate is None:
        raise PublishedError(f"the rate of mixture {name!r} is not recorded: give control_hz=")
    used = ("min", "max") if scheme == "min_max" else ("q01", "q99")
    least, most = (_numbers(statistics, key, mixture.tag, len(names)) for key in used)
    arm = [channel != GRIPPER for channel in names]
    scale = [mixture.radians if "rot" in channel else mixture.metres for channel in names]
    low = [a * one if is_arm else -1.0 for is_arm, one, a in zip(arm, scale, least, strict=True)]
    high = [b * one if is_arm else 1.0 for is_arm, one, b in zip(arm, scale, most, strict=True)]
    still = _still(mixture, names, low, high)
    # Turns about three axes add up to no more than the sum of their angles, about whatever axis.
    turn = sum(
        max(abs(a), abs(b)) for channel, a, b in zip(names, low, high, strict=True) if "rot" in channel
    )
    limits = [
        (-max(turn, HAIR), max(turn, HAIR)) if "rot" in channel else (a, b) if a < b else (a - HAIR, b + HAIR)
        for channel, a, b in zip(names, low, high, strict=True)
    ]
    try:
        spec = ActionSpec(
            name=f"{name}/{mixture.tag}",
            robot=mixture.robot,
            control_hz=rate,
            channels=tuple(
                _channel(channel, mixture, *limit) for channel, limit in zip(names, limits, strict=True)
            ),
            gripper_sign=mixture.gripper_sign,
            rotation="rotation_vector" if mixture.space == "eef" else "none",
            normalisation=Normalisation(scheme, tuple(low), tuple(high), tuple(arm)),
        )
    except ValueError as error:
        raise PublishedError(f"the statistics of {mixture.tag} make no action spec: {error}") from error
    return spec, still


def channel_names(mixture: Mixture) -> list[str]:
    """Channels in the order of the model's output."""
    if mixture.space == "eef":
        return ["dx", "dy", "dz", "drot_x", "drot_y", "drot_z", GRIPPER]
    return [f"dq{i + 1}" for i in range(7)] + [GRIPPER]


def _still(mixture: Mixture, names: Sequence[str], low: Sequence[float], high: Sequence[float]) -> list[str]:
    """The channels whose range is a single value."""
    for name, least, most in zip(names, low, high, strict=True):
        if least > most:
            raise PublishedError(
                f"the statistics of {mixture.tag} give channel {name} a range from {least:g} down to {most:g}"
            )
    still = [name for name, least, most in zip(names, low, high, strict=True) if least == most]
    if len(still) == len(names) - 1:  # the gripper has levels of its own
        raise PublishedError(f"the statistics of {mixture.tag} leave no channel of the arm a range")
    return still


def _channel(name: str, mixture: Mixture, low: float, high: float) -> ActionChannel:
    if name == GRIPPER:
        return ActionChannel(name, "1", "joint", "absolute", -1.0, 1.0)
    if mixture.space == "joints":
        return ActionChannel(name, "rad", "joint", mixture.reference, low, high)
    return ActionChannel(name, "rad" if "rot" in name else "m", "base", mixture.reference, low, high)


def _numbers(statistics: Mapping[str, Any], key: str, tag: str, count: int) -> list[float]:
    values = statistics.get(key)
    if not isinstance(values, list) or len(values) != count:
        found = "nothing" if values is None else len(values) if isinstance(values, list) else shown(values)
        raise PublishedError(f"the action statistics of {tag} need {count} numbers {key!r}, not {found}")
    for value in values:
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= MOST:
            raise PublishedError(
                f"the action statistics of {tag} have {shown(value)} among {key!r}, which must be numbers "
                f"between -{MOST:g} and {MOST:g}"
            )
    return [float(v) for v in values]
