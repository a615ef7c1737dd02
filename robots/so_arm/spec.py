"""The SO-ARM101's numbers, and what follows from them.

Sources: ``so101.urdf`` of the ``example-robot-data`` package (joints, links, limits of position, where the fingers
are); the STS3215 servo's data at 12 V, as published by its maker and as users measured it
(https://github.com/TheRobotStudio/SO-ARM100, discussion 134). The URDF's limits of effort and velocity, 10 each, are
placeholders.
"""

from __future__ import annotations

import math

from robots.spec import JointLimits, RobotSpec

STALL_TORQUE = 2.94
"""Of the servo at 12 V [N m]."""
NO_LOAD_SPEED = 4.7
"""Of the servo at 12 V [rad/s]."""
ARMATURE = 0.028
"""Inertia of the servo's rotor behind its gears, as upstream's model has it [kg m^2]."""
SERVO_ACCELERATION = 254 * 100 * 2 * math.pi / 4096
"""What the servo's own ramp allows [rad/s^2]: LeRobot sets its register to 254, in units of 100 of 4,096 steps a turn
a second squared."""

# A motor's torque falls in proportion to its speed: half the torque is left at half the speed, which are the limits.
USABLE_TORQUE, USABLE_SPEED = STALL_TORQUE / 2, NO_LOAD_SPEED / 2

GREATEST_WEIGHT = (1e-5, 0.87, 0.46, 0.12, 0.007)
"""Torque that the arm's own weight asks for in its worst pose, a joint [N m]: from the URDF's masses."""
GREATEST_INERTIA = (0.058, 0.053, 0.037, 0.030, 0.029)
"""Inertia about each joint in its worst pose, armature included [kg m^2]: from the URDF's inertias."""
ACCELERATION = tuple(
    min((USABLE_TORQUE - weight) / inertia, SERVO_ACCELERATION)
    for weight, inertia in zip(GREATEST_WEIGHT, GREATEST_INERTIA, strict=True)
)
"""What is left of the usable torque accelerates the arm [rad/s^2]."""
JERK_TIME = 0.004
"""Time in which acceleration may go from one limit to the other [s]. An assumption: nothing is published; the current
of a motor of this size follows in about a millisecond, and the Panda's published limits amount to the same time."""

JAW_AXIS_TO_FACE = 0.0281
"""Jaw's axis to the plane of the fixed jaw's inner face [m]: from the URDF's origins of jaw and gripper frame."""
JAW_TIP = (-0.0123, -0.0747)
"""The jaw's inner edge at the height of the gripper frame, in the jaw's own frame, x and y [m]: from its mesh."""
JAW_LEVER = math.hypot(*JAW_TIP)
"""Jaw's axis to that edge [m]."""
JAW_LOW, JAW_HIGH = -0.174533, 1.74533
"""Limits of the jaw's joint [rad]: the URDF's."""
GRIP_TORQUE = 0.5
"""Greatest torque of the jaw while it holds something [N m]: the servo's stall torque is 39 N at the fingertip, with
which simulated jaws sink into what they hold; with a fifth of this objects are dropped."""

JAW_ORIGIN = ((0.0202, 0.0188, -0.0234), ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)))
"""The jaw's frame at angle 0 in the gripper link's: position [m], axes as columns. It turns about its z. The URDF's."""
FACE_MESH = ("wrist_roll_follower_so101_v1.stl", (0.0, -0.000218214, 0.000949706), (-math.pi, 0.0, 0.0))
"""The fixed jaw's mesh: file, position [m], roll pitch yaw [rad] in the gripper link's frame. The URDF's."""
JAW_MESH = ("moving_jaw_so101_v1.stl", (0.0, 0.0, 0.0189), (0.0, 0.0, 0.0))
"""The moving jaw's mesh in the jaw's frame. The URDF's."""

CLOSING_SPEED = 0.7
"""Speed at which the jaw is told to turn [rad/s]: 52 mm/s at its edge, as fast as the Panda's finger. The servo could
three times as fast; its rotor then is as 5 kg at the edge, and slams an object of some grams through the other jaw."""

FACE = (-0.0079, -0.000218121, -0.0981274)
"""A point on the fixed jaw's inner face, 6 mm above its tip, in the gripper link's frame [m]: the URDF's
``gripper_frame_link``. The jaw opens toward +x, and -z is the direction of approach."""
TOOL_SPAN = 0.021
"""Fixed jaw's face to the tool [m]: half of the opening at 20 degrees, where the jaws' faces are about parallel."""

GRASP_PITCH = math.radians(75)
"""Of the approach below the horizontal when something is grasped from above [rad]: straight down, the arm reaches no
place higher than 0.10 m; at 75 degrees it has 0.095 to 0.305 m from the pan axis up to a height of 0.08 m."""
FLATTEST_PITCH, STEEP_RADIUS, FLAT_RADIUS = math.radians(60), 0.300, 0.345
"""Farther out than the second [m] from the pan axis the hand comes in flatter, at the third as flat as the first [rad]:
at 60 degrees the arm reaches 0.36 m up to a height of 0.06 m, where at 75 it is stretched out at 0.315 m."""

WORKING_RADIUS = 0.23
"""Pan axis to the farthest place that the hand reaches at 75 degrees with room to spare [m]. Nothing is published on
velocities of the tool: they are those which one joint gives it there."""

SO_ARM = RobotSpec(
    name="so_arm",
    arm_joints=("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll"),
    finger_joints=("gripper",),
    arm_links=("shoulder_link", "upper_arm_link", "lower_arm_link", "wrist_link", "gripper_link"),
    limits=JointLimits(
        position_low=(-1.91986, -1.74533, -1.69, -1.65806, -2.74385),
        position_high=(1.91986, 1.74533, 1.69, 1.65806, 2.84121),
        velocity=(USABLE_SPEED,) * 5,
        acceleration=ACCELERATION,
        jerk=tuple(2 * a / JERK_TIME for a in ACCELERATION),
        torque=(STALL_TORQUE,) * 5,
    ),
    # Tool 0.21 m before the base and 0.11 m up, the hand 75 degrees below the horizontal, the jaws in the arm's plane.
    home=(0.0, -0.625, 0.392, 1.541, 0.0487),
    # `gripper_frame_link` is a link without mass, which a simulated arm leaves out.
    hand_body="gripper_link",
    tool_offset=(FACE[0] + TOOL_SPAN, FACE[1], FACE[2]),
    tool_rotation=(math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0),  # its y is the link's x, its z the link's -z
    tool_velocity=USABLE_SPEED * WORKING_RADIUS,
    tool_angular_velocity=USABLE_SPEED,
    gripper_max_width=JAW_AXIS_TO_FACE + JAW_LEVER,
    gripper_speed=USABLE_SPEED * JAW_LEVER,
    gripper_force=GRIP_TORQUE / JAW_LEVER,
    source="so101.urdf of example-robot-data; STS3215 servo at 12 V",
)
