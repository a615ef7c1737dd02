"""How actions become motion: the way of a command from the policy to the drives."""

from __future__ import annotations

from domain_rand.distributions import Integers, LogRange, Range
from domain_rand.factor import Factor, register
from tasks.pick_place.action_spaces import MAX_DELAY


@register
class ArmGain(Factor):
    """Stiffness and damping of the arm's drives against nominal."""

    name = "control.arm_gain"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.8, 1.25)
    legal = LogRange(0.05, 10.0)
    setting = "arm_gain"


@register
class ActionDelay(Factor):
    """Control steps by which actions reach the arm late."""

    name = "control.action_delay"
    unit = "control steps"
    nominal = 0
    default = Integers(0, 2)
    legal = Integers(0, MAX_DELAY)
    setting = "action_delay"


@register
class CommandJitter(Factor):
    """Probability that an action misses its control step and is executed with the next one."""

    name = "control.command_jitter"
    unit = "probability"
    nominal = 0.0
    default = Range(0.0, 0.1)
    legal = Range(0.0, 0.9)
    setting = "command_jitter"


@register
class CommandLoss(Factor):
    """Probability that an action is lost: the arm does not move on, the gripper keeps its last command."""

    name = "control.command_loss"
    unit = "probability"
    nominal = 0.0
    default = Range(0.0, 0.05)
    legal = Range(0.0, 0.9)
    setting = "command_loss"


@register
class CommandRepeat(Factor):
    """Probability that an action is executed twice."""

    name = "control.command_repeat"
    unit = "probability"
    nominal = 0.0
    default = Range(0.0, 0.05)
    legal = Range(0.0, 0.9)
    setting = "command_repeat"


@register
class ControlRate(Factor):
    """Clock of the controller against the nominal one: at 0.9, nine of ten actions are executed."""

    name = "control.rate"
    unit = "x nominal"
    nominal = 1.0
    default = Range(0.95, 1.05)
    legal = Range(0.5, 2.0)
    setting = "control_rate"


@register
class CommandResolution(Factor):
    """Step to which the drives' joint targets are rounded."""

    name = "control.resolution"
    unit = "rad"
    nominal = 0.0
    default = Range(0.0, 0.002)
    legal = Range(0.0, 0.05)
    setting = "command_resolution"


@register
class Backlash(Factor):
    """Play of the joints' gears: a joint follows once its motor has turned this far back."""

    name = "control.backlash"
    unit = "rad"
    nominal = 0.0
    default = Range(0.0, 0.003)
    legal = Range(0.0, 0.05)
    setting = "backlash"


@register
class EncoderBias(Factor):
    """What each joint's encoder reads too much: commands and measurements are wrong by it together."""

    name = "control.encoder_bias"
    unit = "rad"
    nominal = [0.0] * 7
    default = Range(-0.005, 0.005)
    legal = Range(-0.1, 0.1)
    length = 7
    setting = "encoder_bias"


@register
class GripperSpeed(Factor):
    """Speed at which a finger opens and closes."""

    name = "control.gripper_speed"
    unit = "m/s"
    nominal = 0.2
    default = LogRange(0.05, 0.2)
    legal = LogRange(0.01, 0.2)
    setting = "gripper_speed"
