"""Importing registers the tasks with gymnasium; it loads no simulator.

The entry point ``isaaclab.tasks`` names this module, so Isaac Lab's own commands find the tasks too:
``isaaclab zero_agent --task Workbench-PickPlace-Franka-v0``.
"""

import gymnasium

PICK_PLACE = "Workbench-PickPlace-Franka-v0"
"""Pick and place with relative end-effector actions."""
PICK_PLACE_JOINTS = "Workbench-PickPlace-Franka-Joints-v0"
"""The same with relative joint actions."""

for _name, _cfg in ((PICK_PLACE, "PickPlaceEnvCfg"), (PICK_PLACE_JOINTS, "PickPlaceJointsEnvCfg")):
    if _name not in gymnasium.registry:
        gymnasium.register(
            id=_name,
            entry_point="tasks.tabletop.env:PickPlaceEnv",
            disable_env_checker=True,
            kwargs={"env_cfg_entry_point": f"tasks.tabletop.env_cfg:{_cfg}"},
        )
