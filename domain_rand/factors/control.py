"""How actions become motion: the way of a command from the policy to the drives."""

from __future__ import annotations

from domain_rand.distributions import Integers, LogRange, Range
from domain_rand.factor import Factor, register
from tasks.tabletop.action_spaces import MAX_DELAY
from tasks.tabletop.reference import JOINTS, REFERENCE


@register
class ArmGain(Factor):
    """Stiffness and damping of the arm's drives against nominal."""

    name = "control.arm_gain"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.8, 1.25)
    because = "a quarter either way: drives re-tuned, or warm"
    legal = LogRange(0.05, 10.0)
    setting = "arm_gain"


@register
class ActionDelay(Factor):
    """Control steps by which actions reach the arm late."""

    name = "control.action_delay"
    unit = "control steps"
    nominal = 0
    default = Integers(0, 2)
    because = "0 to 100 ms: network and inference on another machine"
    legal = Integers(0, MAX_DELAY)
    setting = "action_delay"


@register
class InferenceLatency(Factor):
    """Time from an observation to the first action that it may lead to, while which simulated time goes on."""

    name = "control.inference_latency"
    unit = "s"
    nominal = 0.0
    default = Range(0.0, 0.3)
    because = "a policy on a GPU beside the robot answers in 60 to 100 ms, one behind a network or shared in up to 300"
    legal = Range(0.0, 2.0)
    setting = "inference_latency"


@register
class InferenceBurst(Factor):
    """Probability that an answer of the policy takes 0.3 s longer."""

    name = "control.inference_burst"
    unit = "probability"
    nominal = 0.0
    default = Range(0.0, 0.05)
    because = "one answer in twenty waits for another client, a lost packet or garbage collection"
    legal = Range(0.0, 0.9)
    setting = "inference_burst"


@register
class CommandJitter(Factor):
    """Probability that an action misses its control step and is executed with the next one."""

    name = "control.command_jitter"
    unit = "probability"
    nominal = 0.0
    default = Range(0.0, 0.1)
    because = "a busy computer without a real-time kernel: one in ten"
    legal = Range(0.0, 0.9)
    setting = "command_jitter"


@register
class CommandLoss(Factor):
    """Probability that an action is lost: the arm does not move on, the gripper keeps its last command."""

    name = "control.command_loss"
    unit = "probability"
    nominal = 0.0
    default = Range(0.0, 0.05)
    because = "UDP over wireless: one in twenty"
    legal = Range(0.0, 0.9)
    setting = "command_loss"


@register
class CommandRepeat(Factor):
    """Probability that an action is executed twice."""

    name = "control.command_repeat"
    unit = "probability"
    nominal = 0.0
    default = Range(0.0, 0.05)
    because = "as often as loss: the same cause on the other side"
    legal = Range(0.0, 0.9)
    setting = "command_repeat"


@register
class ControlRate(Factor):
    """Clock of the controller against the nominal one: at 0.9, nine of ten actions are executed."""

    name = "control.rate"
    unit = "x nominal"
    nominal = 1.0
    default = Range(0.95, 1.05)
    because = "a sleep-paced loop of 20 Hz that runs at 19 to 21"
    legal = Range(0.5, 2.0)
    setting = "control_rate"


@register
class CommandResolution(Factor):
    """Step to which the drives' joint targets are rounded."""

    name = "control.resolution"
    unit = "rad"
    nominal = 0.0
    default = Range(0.0, 0.002)
    because = "a hobby servo's 12 bits are 1.5 mrad"
    legal = Range(0.0, 0.05)
    setting = "command_resolution"


@register
class Backlash(Factor):
    """Play of the joints' gears: a joint follows once its motor has turned this far back."""

    name = "control.backlash"
    unit = "rad"
    nominal = 0.0
    default = Range(0.0, 0.003)
    because = "10 arc minutes: geared servos; strain-wave gears have a tenth"
    legal = Range(0.0, 0.05)
    setting = "backlash"


@register
class EncoderBias(Factor):
    """What each joint's encoder reads too much: commands and measurements are wrong by it together."""

    name = "control.encoder_bias"
    unit = "rad"
    nominal = [0.0] * JOINTS
    default = Range(-0.005, 0.005)
    because = "0.3 degrees: a homing repeated, or joints zeroed by eye"
    legal = Range(-0.1, 0.1)
    length = JOINTS
    setting = "encoder_bias"


@register
class GripperSpeed(Factor):
    """Speed at which a finger opens and closes: nominally the hand's greatest.

    The low end of the default is what the library frankx asks of the hand unless told otherwise, 0.04 m/s between the
    fingers; the hand's greatest is 0.1 m/s there too.
    """

    name = "control.gripper_speed"
    unit = "m/s"
    nominal = REFERENCE.gripper.speed
    default = LogRange(0.02, REFERENCE.gripper.speed)
    because = (
        "from what the library frankx asks of the hand unless told otherwise to the hand's greatest speed"
    )
    legal = LogRange(0.005, REFERENCE.gripper.speed)
    setting = "gripper_speed"


@register
class Smoothing(Factor):
    """Time constant of the filter with which a controller interpolates between commands."""

    name = "control.smoothing"
    unit = "s"
    nominal = 0.0
    default = Range(0.0, 0.05)
    because = "up to one control step: controllers that go to a command just as the next one arrives"
    legal = Range(0.0, 1.0)
    setting = "smoothing"


@register
class GripperBlocking(Factor):
    """How long the call that turns the hand round blocks: the arm stands still, and other commands are lost."""

    name = "control.gripper_blocking"
    unit = "s"
    nominal = 0.0
    default = Range(0.0, 0.4)
    because = "a driver that waits for the hand, which takes 0.2 to 0.8 s for a grip at 0.05 m/s"
    legal = Range(0.0, 2.0)
    setting = "gripper_blocking"
