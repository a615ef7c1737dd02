"""Tasks by name: those that ship, and those that installed packages register under the entry-point group `GROUP`.

    [project.entry-points."workbench.tasks"]
    wipe = "my_package.wipe:TASK"           # a `tasks.tabletop.task.TaskSpec` whose name is wipe

Importing this module loads no task, no PyTorch and no simulator: a task is loaded when it is asked for.
"""

from __future__ import annotations

import difflib
import importlib
import re
from functools import cache
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

from robots.entry_points import entry_points

if TYPE_CHECKING:
    from tasks.tabletop.task import TaskSpec

GROUP = "workbench.tasks"
SHIPPED = {
    "pick_place": "tasks.pick_place.task:TASK",
    "push": "tasks.push.task:TASK",
    "stack": "tasks.stack.task:TASK",
}
"""Tasks of this repository -> where their `TaskSpec` is."""
DEFAULT = "pick_place"
"""The task where nobody names one."""


class TaskError(ValueError):
    """A task that there is not, or that cannot be loaded, in one sentence."""


def names() -> tuple[str, ...]:
    """All tasks, those that ship first."""
    return (*SHIPPED, *sorted(set(registered()) - set(SHIPPED)))


def registered() -> dict[str, EntryPoint]:
    """What installed packages register, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def find(name: str) -> TaskSpec:
    """The task of a name; TaskError, in one sentence, for one that there is not or that cannot be loaded."""
    if name in SHIPPED:
        module, _, attribute = SHIPPED[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    point = registered().get(name)
    if point is None:
        near = difflib.get_close_matches(name, names(), 1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(names())}"
        raise TaskError(f"there is no task {name!r}: {hint}")
    return _loaded(point)


def failure_reasons(name: str) -> tuple[str, ...]:
    """Why episodes of a task fail, in the order in which they are looked at.

    TaskError as for `find`. Loads PyTorch for no task that ships: the robot's computer names these reasons, too.
    """
    if name in SHIPPED:
        return importlib.import_module(f"tasks.{name}.failures").FAILURE_REASONS
    return find(name).failure_reasons


def _loaded(point: EntryPoint) -> TaskSpec:
    from tasks.tabletop.task import TaskSpec

    package = f"{point.dist.name} {point.dist.version}" if point.dist else "a package"
    brings = f"{package} registers task {point.name!r} under {GROUP}, but {point.value}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", point.name):
        raise TaskError(
            f"{package} registers task {point.name!r}: a task's name is lower case, as pick_place"
        )
    try:
        task = point.load()
    except Exception as problem:  # of somebody else's code, any kind
        said = " ".join(str(problem).split())
        raise TaskError(f"{brings} cannot be imported: {type(problem).__name__}: {said}") from problem
    if not isinstance(task, TaskSpec):
        raise TaskError(f"{brings} is a {type(task).__name__}, not a TaskSpec")
    if task.name != point.name:
        raise TaskError(f"{brings} calls itself {task.name!r}: both names must be the same")
    return task
