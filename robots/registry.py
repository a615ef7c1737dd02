"""Robots by name: those of this project, and those that other installed packages register.

    [project.entry-points."workbench.robots"]
    my_arm = "my_package.my_arm:MyArm"          # called without arguments, gives a robots.protocol.RobotModel

`robot` gives those that can be simulated, `arm` these and the arms that only the bridge knows.

Importing this module loads no robot; looking one up loads neither torch nor a simulator. A package that cannot be
imported costs its own robot alone.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

from robots.entry_points import entry_points

if TYPE_CHECKING:
    from robots.protocol import ArmModel, RobotModel

GROUP = "workbench.robots"
"""Entry points under which packages register robots: name -> ``package.module:Class``."""
DEFAULT = "franka"
"""The robot that is meant where none is named."""
OWN = {"franka": "robots.franka.model:Panda", "so_arm": "robots.so_arm.model:SoArm"}
"""Robots of this project -> where their models are."""
ARMS_ALONE = {"wxai": "robots.wxai.model:WidowX"}
"""Arms of this project without a simulated asset -> where their models are."""


class RobotError(ValueError):
    """There is no robot of this name, or its package is broken; the message is a sentence."""


def names() -> tuple[str, ...]:
    """Every robot that can be asked for."""
    return tuple(OWN | registered())


def registered() -> dict[str, str]:
    """Names that installed packages register -> where their models are; none that is taken already."""
    taken = OWN | ARMS_ALONE
    return {point.name: point.value for point in entry_points(group=GROUP) if point.name not in taken}


def is_known(name: str | None) -> bool:
    """Whether there is a robot of this name."""
    return name in OWN or name in registered()


def arm_names() -> tuple[str, ...]:
    """Every arm that a gate can be made for: robots, and arms that are not simulated."""
    return tuple(OWN | ARMS_ALONE | registered())


@cache
def arm(name: str) -> ArmModel:
    """The arm of this name, the same object each time; RobotError says in a sentence why there is none."""
    if is_known(name):
        return robot(name)
    if name not in ARMS_ALONE:
        raise RobotError(f"there is no arm {name!r}: choose one of {', '.join(arm_names())}")
    module, _, attribute = ARMS_ALONE[name].partition(":")
    model: ArmModel = getattr(importlib.import_module(module), attribute)()
    return model


@cache
def robot(name: str = DEFAULT) -> RobotModel:
    """The robot of this name, the same object each time; RobotError says in a sentence why there is none."""
    places = OWN | registered()
    if name not in places:
        raise RobotError(f"there is no robot {name!r}: choose one of {', '.join(places)}")
    from robots.protocol import ArmModel, RobotModel

    module, _, attribute = places[name].partition(":")
    try:
        model = getattr(importlib.import_module(module), attribute)()
    except Exception as failure:  # of somebody else's code, any kind
        if name in OWN:
            raise
        said = f"{type(failure).__name__}: {' '.join(str(failure).split())}"
        raise RobotError(
            f"the robot {name!r} is registered as {places[name]}, which cannot be imported: {said}; mend or uninstall "
            "its package"
        ) from failure
    if not isinstance(model, RobotModel):
        parts = (part for part in vars(ArmModel) | vars(RobotModel) if not part.startswith("_"))
        missing = [part for part in parts if not hasattr(model, part)]
        raise RobotError(
            f"the robot {name!r} is no robots.protocol.RobotModel: it has no {', '.join(missing)}"
        )
    if model.spec.name != name:
        raise RobotError(
            f"the robot {name!r} calls itself {model.spec.name!r} in its spec: the two must be one name"
        )
    return model
