"""The two action spaces of the Panda as `ActionSpec`: what the numbers mean, without the simulator that obeys them.

Relative actions are added to the previous *command*, not to the measured state: a loaded arm sags below its command,
and adding to the measured pose would let it sink.
"""

from __future__ import annotations

from policy.action import ActionChannel, ActionSpec
from robots.franka import PANDA

CONTROL_HZ = 20.0
"""Rate of actions [Hz]."""
CONTROL_DT = 1.0 / CONTROL_HZ
"""[s]"""
MAX_TRANSLATION = PANDA.tool_velocity * CONTROL_DT
"""Greatest translation per step and axis [m]: what the arm allows its tool. Joints may allow less, where they are."""
MAX_ROTATION = PANDA.tool_angular_velocity * CONTROL_DT
"""Greatest rotation per step and axis [rad]."""
MAX_LEAD = 0.10
"""Greatest distance of the commanded tool from the measured one [m]."""
MAX_DELAY = 10
"""Longest action delay that the buffer holds [control steps]."""

_GRIPPER = ActionChannel("gripper", "1", "joint", "absolute", -1.0, 1.0)

DELTA_EEF = ActionSpec(
    name="delta_eef",
    robot=PANDA.name,
    control_hz=CONTROL_HZ,
    channels=(
        *(
            ActionChannel(f"d{axis}", "m", "base", "previous_command", -MAX_TRANSLATION, MAX_TRANSLATION)
            for axis in "xyz"
        ),
        *(
            ActionChannel(f"drot_{axis}", "rad", "base", "previous_command", -MAX_ROTATION, MAX_ROTATION)
            for axis in "xyz"
        ),
        _GRIPPER,
    ),
)
"""Relative tool pose in the base frame and gripper, 7 channels."""

DELTA_JOINTS = ActionSpec(
    name="delta_joints",
    robot=PANDA.name,
    control_hz=CONTROL_HZ,
    channels=(
        *(
            ActionChannel(f"dq{i + 1}", "rad", "joint", "previous_command", -v * CONTROL_DT, v * CONTROL_DT)
            for i, v in enumerate(PANDA.limits.velocity)
        ),
        _GRIPPER,
    ),
    rotation="none",
)
"""Relative joint positions and gripper, 8 channels."""

ACTION_SPECS = {spec.name: spec for spec in (DELTA_EEF, DELTA_JOINTS)}
"""Both by name."""
