"""The WidowX AI follower's numbers.

Sources: positions and torques are the ranges of joints and motors in the maker's model of the arm, as
``trossen-arm-sim`` ships it. Nothing is published on accelerations and jerks; those here are assumptions, on the side
of caution: with them the arm reaches its velocity in a quarter of a second.
"""

from __future__ import annotations

import math

from robots.spec import JointLimits

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
