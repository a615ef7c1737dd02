"""Importing registers the tasks with gymnasium, two ids a task; it loads no simulator and no task.

The entry point ``isaaclab.tasks`` names this module, so Isaac Lab's own commands find the tasks too:
``isaaclab zero_agent --task Workbench-PickPlace-Franka-v0``. Ids with ``-Joints`` take relative joint actions, the
others relative end-effector poses.
"""

from collections.abc import Callable
from typing import Any

import gymnasium

from tasks.registry import names

CFGS = {"": "TabletopEnvCfg", "-Joints": "TabletopJointsEnvCfg"}
"""What an id says of the actions -> the configuration that has them."""


def gym_id(task: str, actions: str = "") -> str:
    """The id of a task: ``pick_place`` is ``Workbench-PickPlace-Franka-v0``."""
    return f"Workbench-{task.title().replace('_', '')}-Franka{actions}-v0"


def _cfg_of(task: str, name: str) -> Callable[[], Any]:
    def make_cfg() -> Any:
        from tasks.tabletop import env_cfg

        return getattr(env_cfg, name)(task=task)

    return make_cfg


for _task in names():
    for _actions, _name in CFGS.items():
        if gym_id(_task, _actions) not in gymnasium.registry:
            gymnasium.register(
                id=gym_id(_task, _actions),
                entry_point="tasks.tabletop.env:TabletopEnv",
                disable_env_checker=True,
                kwargs={"env_cfg_entry_point": _cfg_of(_task, _name)},
            )
