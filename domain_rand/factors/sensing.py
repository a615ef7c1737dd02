"""What the robot reports of itself and what depth cameras measure, as against what is so."""

from __future__ import annotations

from domain_rand.distributions import Integers, Range
from domain_rand.factor import Factor, register
from tasks.tabletop.action_spaces import MAX_STATE_DELAY


@register
class JointNoise(Factor):
    """Standard deviation of each reported joint position, anew each step."""

    name = "sensing.joint_noise"
    unit = "rad"
    nominal = 0.0
    default = Range(0.0, 0.002)
    because = "1.5 mrad is the step of a 12-bit encoder"
    legal = Range(0.0, 0.1)
    setting = "joint_noise"


@register
class JointVelocityNoise(Factor):
    """Standard deviation of each reported joint velocity, anew each step."""

    name = "sensing.joint_velocity_noise"
    unit = "rad/s"
    nominal = 0.0
    default = Range(0.0, 0.02)
    because = "a 16-bit encoder (0.1 mrad) differentiated over 5 ms"
    legal = Range(0.0, 1.0)
    setting = "joint_velocity_noise"


@register
class JointDrift(Factor):
    """Rate at which each joint's reading runs away, up or down throughout an episode."""

    name = "sensing.joint_drift"
    unit = "rad/s"
    nominal = 0.0
    default = Range(0.0, 0.0005)
    because = "a resolver's 0.4 degrees over a 15 s episode"
    legal = Range(0.0, 0.05)
    setting = "joint_drift"


@register
class EndEffectorNoise(Factor):
    """Standard deviation per axis of the reported tool position, anew each step."""

    name = "sensing.ee_noise"
    unit = "m"
    nominal = 0.0
    default = Range(0.0, 0.002)
    because = "forward kinematics of joints that are known to a milliradian or two"
    legal = Range(0.0, 0.1)
    setting = "ee_noise"


@register
class EndEffectorBias(Factor):
    """What the reported tool position is off."""

    name = "sensing.ee_bias"
    unit = "m"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.003, 0.003)
    because = "a tool frame measured with calipers"
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
    because = "a hand that reports its width in whole millimetres"
    legal = Range(0.0, 0.02)
    setting = "gripper_noise"


@register
class StateDelay(Factor):
    """Control steps by which the robot's state is reported late."""

    name = "sensing.state_delay"
    unit = "control steps"
    nominal = 0
    default = Integers(0, 2)
    because = "0 to 100 ms, as for images"
    legal = Integers(0, MAX_STATE_DELAY)
    setting = "state_delay"


@register
class DepthNoise(Factor):
    """Standard deviation of depth at one metre; it grows with the square of the distance, as in stereo."""

    name = "sensing.depth_noise"
    unit = "1/m"
    nominal = 0.0
    default = Range(0.0, 0.004)
    because = "1 to 4 mm at one metre, as for stereo cameras of 5 cm baseline at 0.1 px of disparity"
    legal = Range(0.0, 0.1)
    setting = "depth_noise"


@register
class DepthHoles(Factor):
    """Share of the depth image without a measurement, in patches."""

    name = "sensing.depth_holes"
    unit = "1"
    nominal = 0.0
    default = Range(0.0, 0.05)
    because = "one pixel in twenty: dark, shiny and grazing surfaces"
    legal = Range(0.0, 0.9)
    setting = "depth_holes"


@register
class DepthStep(Factor):
    """Step to which depth is rounded."""

    name = "sensing.depth_step"
    unit = "m"
    nominal = 0.0
    default = Range(0.0, 0.004)
    because = "from 0.1 to 4 mm: disparities of 1/32 px at a metre and beyond"
    legal = Range(0.0, 0.1)
    setting = "depth_step"


@register
class DepthEdges(Factor):
    """How far from an edge a depth camera mixes the depths of its two sides: flying pixels."""

    name = "sensing.depth_edges"
    unit = "px"
    nominal = 0
    default = Integers(0, 2)
    because = "stereo matches windows of 5 pixels and more; time-of-flight pixels see both sides"
    legal = Integers(0, 8)
    setting = "depth_edges"


@register
class DepthScale(Factor):
    """Relative error of all depths: a baseline or focal length that is not what it was when calibrated."""

    name = "sensing.depth_scale"
    unit = "1"
    nominal = 0.0
    default = Range(-0.02, 0.02)
    because = "makers of stereo cameras state 2 % at 2 m"
    legal = Range(-0.2, 0.2)
    setting = "depth_scale"
