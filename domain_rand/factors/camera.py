"""What a camera delivers: where it stands, how its lens draws, what its sensor makes of the light, and when.

Lens, sensor and time apply to all cameras of an environment alike. What the renderer cannot vary from environment to
environment is done on the image, and calibration, boxes and points follow it.
"""

from __future__ import annotations

from domain_rand.distributions import Integers, LogRange, Range
from domain_rand.factor import Factor, register
from tasks.camera_spec import MAX_IMAGE_AGE


@register
class FrontCameraPosition(Factor):
    """Displacement of the front camera along the robot base's x, y and z."""

    name = "camera.front_position"
    unit = "m"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.02, 0.02)
    because = "a tripod put back on its marks, or a calibration by hand"
    legal = Range(-0.5, 0.5)
    length = 3
    setting = "front_position"


@register
class FrontCameraRotation(Factor):
    """Turn of the front camera as a rotation vector about its own axes: x looks up, y looks right, z rolls."""

    name = "camera.front_rotation"
    unit = "rad"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.02, 0.02)
    because = "1.1 degrees: a ball head set again by eye"
    legal = Range(-0.5, 0.5)
    length = 3
    setting = "front_rotation"


@register
class FocalLength(Factor):
    """Focal length against the calibrated one."""

    name = "camera.focal_length"
    unit = "x nominal"
    nominal = 1.0
    default = Range(0.96, 1.06)
    because = "focus breathing and spread between lenses of one kind, some percent"
    legal = Range(0.8, 2.0)
    setting = "focal_scale"


@register
class PrincipalPoint(Factor):
    """Displacement of the principal point from the image's middle, right and down."""

    name = "camera.principal_point"
    unit = "px"
    nominal = [0.0, 0.0]
    default = Range(-4.0, 4.0)
    because = "2 % of the image's width: spread between cameras of one kind"
    legal = Range(-40.0, 40.0)
    length = 2
    setting = "shift"


@register
class Distortion(Factor):
    """Radial distortion: x (1 + k r^2) at normalised radius r; negative is barrel."""

    name = "camera.distortion"
    unit = "1"
    nominal = 0.0
    default = Range(-0.06, 0.06)
    because = (
        "cheap lenses: 1 % at the corner of the front camera's image, 7 % at that of the wide wrist camera's"
    )
    legal = Range(-0.12, 0.5)
    setting = "k1"


@register
class Exposure(Factor):
    """Gain on the light: 2 is a stop more."""

    name = "camera.exposure"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.6, 1.6)
    because = "two thirds of a stop either way: what auto-exposure settles to as the picture changes"
    legal = LogRange(0.05, 8.0)
    setting = "exposure"


@register
class WhiteBalance(Factor):
    """Gains on red and blue against green."""

    name = "camera.white_balance"
    unit = "x nominal"
    nominal = [1.0, 1.0]
    default = Range(0.85, 1.18)
    because = "a balance fixed under one lamp and used under another, 15 %"
    legal = Range(0.2, 5.0)
    length = 2
    setting = "white_balance"


@register
class Gamma(Factor):
    """Exponent on the displayed value: above 1 is darker and of more contrast."""

    name = "camera.gamma"
    unit = "1"
    nominal = 1.0
    default = LogRange(0.8, 1.25)
    because = "from the straight line of some industrial cameras' profiles to punchy ones, 1.8 to 2.8 for 2.2"
    legal = LogRange(0.3, 3.0)
    setting = "gamma"


@register
class ReadNoise(Factor):
    """Standard deviation of the sensor's noise in the dark, as a share of full scale."""

    name = "camera.read_noise"
    unit = "1"
    nominal = 0.0
    default = Range(0.0, 0.01)
    because = "2.5 levels of 255: a small sensor at high gain"
    legal = Range(0.0, 0.3)
    setting = "read_noise"


@register
class ShotNoise(Factor):
    """Noise of light itself: its variance is the square of this times the signal."""

    name = "camera.shot_noise"
    unit = "1"
    nominal = 0.0
    default = Range(0.0, 0.03)
    because = "a full well of 1,100 electrons (its inverse root): a small pixel at high gain"
    legal = Range(0.0, 0.5)
    setting = "shot_noise"


@register
class MotionBlur(Factor):
    """Length of a straight smear, in a direction of the episode's own."""

    name = "camera.motion_blur"
    unit = "px"
    nominal = 0.0
    default = Range(0.0, 4.0)
    because = "the tool at 0.36 m/s, seen by the front camera (0.38 px/mm), exposed for 1/33 s"
    legal = Range(0.0, 30.0)
    setting = "motion_blur"


@register
class Defocus(Factor):
    """Standard deviation of the blur of a lens out of focus."""

    name = "camera.defocus"
    unit = "px"
    nominal = 0.0
    default = Range(0.0, 1.0)
    because = "a fixed focus that is not quite the distance"
    legal = Range(0.0, 8.0)
    setting = "defocus"


@register
class JpegQuality(Factor):
    """Quality of compression, 100 being none."""

    name = "camera.jpeg_quality"
    unit = "1"
    nominal = 100
    default = Integers(40, 100)
    because = "from the motion JPEG of webcams to none"
    legal = Integers(5, 100)
    setting = "jpeg"


@register
class FrameLatency(Factor):
    """Control steps by which images come late."""

    name = "camera.frame_latency"
    unit = "control steps"
    nominal = 0
    default = Integers(0, 2)
    because = "0 to 100 ms: USB cameras take 30 to 100 ms from light to application"
    legal = Integers(0, MAX_IMAGE_AGE)
    setting = "frame_latency"
    unsupported = {"isaac_rtx": "it cannot draw the past"}


@register
class FrameLoss(Factor):
    """Probability that a step's image is lost and the one before is shown again."""

    name = "camera.frame_loss"
    unit = "probability"
    nominal = 0.0
    default = Range(0.0, 0.1)
    because = "a busy USB bus: one in ten"
    legal = Range(0.0, 0.9)
    setting = "frame_loss"
    unsupported = {"isaac_rtx": "it cannot draw the past"}


@register
class LatencyJitter(Factor):
    """Greatest number of control steps by which an image is late besides `camera.frame_latency`, anew each step."""

    name = "camera.latency_jitter"
    unit = "control steps"
    nominal = 0
    default = Integers(0, 2)
    because = "0 to 100 ms: a camera without a hardware trigger, read by a busy computer"
    legal = Integers(0, 4)
    setting = "latency_jitter"
    unsupported = {"isaac_rtx": "it cannot draw the past"}


@register
class LatencyBurst(Factor):
    """Probability that a step begins a burst of latency: images stand still for 0.3 s."""

    name = "camera.latency_burst"
    unit = "probability"
    nominal = 0.0
    default = Range(0.0, 0.05)
    because = (
        "up to one a second: wireless or a shared USB hub, as garbage collection and scanning hold it up"
    )
    legal = Range(0.0, 0.5)
    setting = "latency_burst"
    unsupported = {"isaac_rtx": "it cannot draw the past"}


@register
class ExposureSettling(Factor):
    """Gain of an episode's first image against the exposure that auto-exposure then settles to, in about a second."""

    name = "camera.exposure_settling"
    unit = "x settled"
    nominal = 1.0
    default = LogRange(0.6, 1.6)
    because = "two thirds of a stop either way, as the exposure itself: what was in view before the episode"
    legal = LogRange(0.2, 5.0)
    setting = "exposure_settling"


@register
class WhiteBalanceSettling(Factor):
    """Gains of red and blue in an episode's first image against those that auto white balance settles to."""

    name = "camera.white_balance_settling"
    unit = "x settled"
    nominal = [1.0, 1.0]
    default = Range(0.85, 1.18)
    because = "as the balance itself: what was in view before the episode"
    legal = Range(0.4, 2.5)
    length = 2
    setting = "white_balance_settling"


@register
class BelievedIntrinsicsError(Factor):
    """What a robot's calibration is off: focal length as a share, principal point as shares of width and height.

    Hidden: pictures stay as they are, and what policies are told of their cameras is not so.
    """

    name = "camera.believed_intrinsics_error"
    unit = "1"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.01, 0.01)
    because = "1 %: calibrations from few views of a checkerboard, or one kept while the focus was turned"
    legal = Range(-0.2, 0.2)
    length = 3
    setting = "believed_intrinsics_error"


@register
class BelievedPoseError(Factor):
    """Where a robot takes its cameras to be, against where they are: x, y, z, and a turn about their own axes.

    The way is along the axes of the base, or of the tool for a camera on the hand. Hidden: pictures stay as they are.
    """

    name = "camera.believed_pose_error"
    unit = "m, m, m, rad, rad, rad"
    nominal = [0.0] * 6
    default = Range(-0.01, 0.01)
    because = "1 cm and 0.6 degrees: hand-eye calibrations that nobody repeated after the camera was touched"
    legal = Range(-0.3, 0.3)
    length = 6
    setting = "believed_pose_error"
