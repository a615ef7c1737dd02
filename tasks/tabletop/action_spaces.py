"""The action spaces of the table-top: what robots can be told, at the rate at which tasks run.

Relative actions are added to the previous *command*, not to the measured state: a loaded arm sags below its command,
and adding to the measured pose would let it sink.
"""

from __future__ import annotations

from collections.abc import Mapping

from policy.action import ActionSpec
from robots.registry import robot

CONTROL_HZ = 20.0
"""Rate of actions [Hz]."""
CONTROL_DT = 1.0 / CONTROL_HZ
"""[s]"""
MAX_LEAD = 0.10
"""Greatest distance of the commanded tool from the measured one [m]."""
MAX_DELAY = 10
"""Longest action delay that the buffer holds [control steps]."""
MAX_STATE_DELAY = 10
"""Longest delay of the measured state that the buffer holds [control steps]."""


def action_specs(robot_name: str) -> Mapping[str, ActionSpec]:
    """A robot's action spaces by name; `robots.registry.RobotError` if there is no such robot."""
    return robot(robot_name).action_spaces(CONTROL_HZ)


ACTION_SPECS = robot().action_spaces(CONTROL_HZ)
"""Those of the default robot by name."""
DELTA_EEF, DELTA_JOINTS = ACTION_SPECS["delta_eef"], ACTION_SPECS["delta_joints"]
"""The default robot's relative tool pose in the base frame and gripper, and relative joint positions and gripper."""
