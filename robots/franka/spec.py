"""The Panda's published numbers.

Source: Franka Robotics, "Robot and interface specifications", section "Limits for Panda" (control parameters page of
the Franka Control Interface documentation), and the Franka Hand product manual for the gripper.
"""

from __future__ import annotations

import math

from robots.spec import JointLimits, RobotSpec

PANDA = RobotSpec(
    name="franka",
    arm_joints=tuple(f"panda_joint{i}" for i in range(1, 8)),
    finger_joints=("panda_finger_joint1", "panda_finger_joint2"),
    arm_links=tuple(f"panda_link{i}" for i in range(1, 8)),
    limits=JointLimits(
        position_low=(-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973),
        position_high=(2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973),
        velocity=(2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61),
        acceleration=(15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0),
        jerk=(7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0),
        torque=(87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0),
    ),
    # The manufacturer's "ready" pose: hand 0.49 m above the base plane, pointing straight down.
    home=(0.0, -math.pi / 4, 0.0, -3 * math.pi / 4, 0.0, math.pi / 2, math.pi / 4),
    hand_body="panda_hand",
    tool_offset=(0.0, 0.0, 0.1034),
    # "Limits in the Cartesian space" of the same page.
    tool_velocity=1.7,
    tool_angular_velocity=2.5,
    gripper_max_width=0.08,
    # 50 mm/s a finger by the hand's data sheet. Fingers have no published limits of acceleration and jerk.
    gripper_speed=0.05,
    gripper_force=70.0,
    source="Franka Control Interface documentation, control parameters, limits for Panda; Franka Hand manual",
)

GRIP_FORCE = 30.0
"""Force asked of the hand unless told otherwise [N]. The hand takes any up to its 70 N; this holds twenty times the
heaviest object of the tasks at twice its mass (0.24 kg, friction 0.8), and is what spares thin-walled ones."""

FINGERTIP = 0.009
"""How far the fingertips reach beyond the tool centre point [m]."""

PALM_ROOM = 0.0374
"""From the tool centre point up to the palm [m]: what is grasped may not reach higher. The hand's collision mesh ends
at 0.066 m in the hand frame, the tool is at 0.1034 m."""
