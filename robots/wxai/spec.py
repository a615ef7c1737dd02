"""The WidowX AI follower's numbers.

Sources: positions, torques and places are those of joints, motors and the tool in the maker's model of the arm, as
``trossen-arm-sim`` ships it. Nothing is published on accelerations and jerks; those here are assumptions, on the side
of caution: with them the arm reaches its velocity in a quarter of a second.
"""

from __future__ import annotations

import math

from robots.spec import JointLimits, RobotSpec

VELOCITY = (math.pi, math.pi, math.pi, 2 * math.pi, 2 * math.pi, 2 * math.pi)
"""Of the joints, by the arm's specification [rad/s]."""
RISE_TIME = 0.25
"""Time from rest to the greatest velocity [s]: an assumption."""
JERK_TIME = 0.02
"""Time from no to the greatest acceleration [s]: an assumption."""
ACCELERATION = tuple(v / RISE_TIME for v in VELOCITY)

WXAI_LIMITS = JointLimits(
    position_low=(-3.05433, 0.0, 0.0, -1.5708, -1.5708, -3.14159),
    position_high=(3.05433, 3.14159, 2.35619, 1.5708, 1.5708, 3.14159),
    velocity=VELOCITY,
    acceleration=ACCELERATION,
    jerk=tuple(a / JERK_TIME for a in ACCELERATION),
    torque=(27.0, 27.0, 27.0, 7.0, 7.0, 7.0),
)
WXAI_HOME = (0.0, math.pi / 2, math.pi / 2, 0.0, 0.0, 0.0)
"""Forearm level, hand forward, clear of the table [rad]."""
GRIPPER_MAX_WIDTH = 0.088
"""Two carriages of 44 mm each [m]."""
CARRIAGE_FORCE = 400.0
"""Greatest force of a carriage's motor in the maker's model [N]."""
REACH = 0.52
"""From the first joint to the tool at home [m]. Nothing is published on velocities of the tool: they are those which
one joint gives it there."""

WXAI = RobotSpec(
    name="wxai",
    arm_joints=tuple(f"joint_{i}" for i in range(6)),
    finger_joints=("right_carriage_joint", "left_carriage_joint"),
    arm_links=tuple(f"link_{i}" for i in range(1, 7)),
    limits=WXAI_LIMITS,
    home=WXAI_HOME,
    hand_body="link_6",
    tool_offset=(0.156, 0.0, 0.0),
    tool_rotation=(0.0, math.sqrt(0.5), 0.0, math.sqrt(0.5)),  # its z is the link's x, its x the link's -z
    tool_velocity=math.pi * REACH,
    tool_angular_velocity=math.pi,
    gripper_max_width=GRIPPER_MAX_WIDTH,
    # As fast as the driver asks for at most: its whole stroke in `robots.wxai.driver.GRIPPER_S`.
    gripper_speed=GRIPPER_MAX_WIDTH / 2 / 0.5,
    gripper_force=CARRIAGE_FORCE,
    source="trossen_arm_mujoco, as trossen-arm-sim 0.2.3 ships it; WidowX AI specification",
)
