"""What the robot reports of itself and what depth cameras measure, as against what is so."""

from __future__ import annotations

from domain_rand.distributions import Integers, Range
from domain_rand.factor import Factor, register
from tasks.pick_place.sensing import MAX_STATE_DELAY


@register
class JointNoise(Factor):
    """Standard deviation of each reported joint position, anew each step."""

    name = "sensing.joint_noise"
    unit = "rad"
    nominal = 0.0
    default = Range(0.0, 0.002)
    legal = Range(0.0, 0.1)
    setting = "joint_noise"


@register
class JointVelocityNoise(Factor):
    """Standard deviation of each reported joint velocity, anew each step."""

    name = "sensing.joint_velocity_noise"
    unit = "rad/s"
    nominal = 0.0
    default = Range(0.0, 0.02)
    legal = Range(0.0, 1.0)
    setting = "joint_velocity_noise"


@register
class JointDrift(Factor):
    """Rate at which each joint's reading runs away, up or down throughout an episode."""

    name = "sensing.joint_drift"
    unit = "rad/s"
    nominal = 0.0
    default = Range(0.0, 0.0005)
    legal = Range(0.0, 0.05)
    setting = "joint_drift"


@register
class EndEffectorNoise(Factor):
    """Standard deviation per axis of the reported tool position, anew each step."""

    name = "sensing.ee_noise"
    unit = "m"
    nominal = 0.0
    default = Range(0.0, 0.002)
    legal = Range(0.0, 0.1)
    setting = "ee_noise"


@register
class EndEffectorBias(Factor):
    """What the reported tool position is off."""

    name = "sensing.ee_bias"
    unit = "m"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.003, 0.003)
    legal = Range(-0.1, 0.1)
    length = 3
    setting = "ee_bias"


@register
class GripperNoise(Factor):
    """Standard deviation of the reported finger distance, anew each step."""

    name = "sensing.gripper_noise"
    unit = "m"
    nominal = 0.0
    default = Range(0.0, 0.001)
    legal = Range(0.0, 0.02)
    setting = "gripper_noise"


@register
class StateDelay(Factor):
    """Control steps by which the robot's state is reported late."""

    name = "sensing.state_delay"
    unit = "control steps"
    nominal = 0
    default = Integers(0, 2)
    legal = Integers(0, MAX_STATE_DELAY)
    setting = "state_delay"


@register
class DepthNoise(Factor):
    """Standard deviation of depth at one metre; it grows with the square of the distance, as in stereo."""

    name = "sensing.depth_noise"
    unit = "1/m"
    nominal = 0.0
    default = Range(0.0, 0.004)
    legal = Range(0.0, 0.1)
    setting = "depth_noise"


@register
class DepthHoles(Factor):
    """Share of the depth image without a measurement, in patches."""

    name = "sensing.depth_holes"
    unit = "1"
    nominal = 0.0
    default = Range(0.0, 0.05)
    legal = Range(0.0, 0.9)
    setting = "depth_holes"


@register
class DepthStep(Factor):
    """Step to which depth is rounded."""

    name = "sensing.depth_step"
    unit = "m"
    nominal = 0.0
    default = Range(0.0, 0.004)
    legal = Range(0.0, 0.1)
    setting = "depth_step"
