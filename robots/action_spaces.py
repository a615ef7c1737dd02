"""Action spaces that follow from an arm's limits: relative tool motion, and relative joint positions.

Relative actions are added to the previous *command*, not to the measured state: a loaded arm sags below its command,
and adding to the measured pose would let it sink.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from policy.action import ActionChannel, ActionSpec
from robots.spec import RobotSpec

DELTA_EEF, DELTA_JOINTS = "delta_eef", "delta_joints"
"""Names that every robot's two spaces have."""
_GRIPPER = ActionChannel("gripper", "1", "joint", "absolute", -1.0, 1.0)


def tool_deltas(
    robot: RobotSpec,
    control_hz: float,
    turns: Sequence[str] = ("drot_x", "drot_y", "drot_z"),
    rotation: Literal["rotation_vector", "pitch_roll"] = "rotation_vector",
) -> ActionSpec:
    """Relative tool pose in the base frame and gripper; a step is at most what the arm allows its tool.

    Args:
        robot: whose limits bound it. Joints may allow less, where they are.
        control_hz: rate of actions [Hz].
        turns: names of the channels that turn the tool.
        rotation: what they mean together.
    """
    dt = 1.0 / control_hz
    step, angle = robot.tool_velocity * dt, robot.tool_angular_velocity * dt
    return ActionSpec(
        name=DELTA_EEF,
        robot=robot.name,
        control_hz=control_hz,
        channels=(
            *(ActionChannel(f"d{axis}", "m", "base", "previous_command", -step, step) for axis in "xyz"),
            *(ActionChannel(name, "rad", "base", "previous_command", -angle, angle) for name in turns),
            _GRIPPER,
        ),
        rotation=rotation,
    )


def joint_deltas(robot: RobotSpec, control_hz: float) -> ActionSpec:
    """Relative joint positions, ``dq1`` and on, and gripper."""
    dt = 1.0 / control_hz
    return ActionSpec(
        name=DELTA_JOINTS,
        robot=robot.name,
        control_hz=control_hz,
        channels=(
            *(
                ActionChannel(f"dq{i + 1}", "rad", "joint", "previous_command", -v * dt, v * dt)
                for i, v in enumerate(robot.limits.velocity)
            ),
            _GRIPPER,
        ),
        rotation="none",
    )
