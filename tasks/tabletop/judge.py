"""Who judges episodes: what a task's judge looks at (`State`), and what others ask of it (`Judge`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from tasks.tabletop.body_table import BodyTable


@dataclass
class State:
    """What a judge looks at after a control step, ``N`` environments in the frames of their tables."""

    pose: torch.Tensor
    """Body poses ``[N, B, 7]``: position [m], quaternion x y z w."""
    velocity: torch.Tensor
    """Body velocities ``[N, B, 6]``: linear [m/s], angular [rad/s]."""
    tool: torch.Tensor
    """Tool position ``[N, 3]`` [m]."""
    tool_rotation: torch.Tensor
    """Axes of the tool as columns ``[N, 3, 3]``."""
    fingers: torch.Tensor
    """Positions of the gripper's joints ``[N, G]`` [rad or m]."""
    joint_vel: torch.Tensor
    """Arm joint velocities ``[N, J]`` [rad/s]."""


class Judge(Protocol):
    """Follows ``N`` episodes; rows are independent and begin anew one by one. Bodies are rows of the `BodyTable`."""

    bodies: BodyTable
    target: torch.Tensor
    """The named object ``[N]``."""
    receptacle: torch.Tensor
    """Where it is to go ``[N]``."""
    active: torch.Tensor
    """Bodies that the episode uses ``[N, B]``, bool."""
    succeeded: torch.Tensor
    """``[N]``, bool."""
    lost: torch.Tensor
    """Whether the named object has left the table ``[N]``, bool."""
    in_place: torch.Tensor
    """Whether the named object is where it belongs now, settled or not ``[N]``, bool."""

    @property
    def finished(self) -> torch.Tensor:
        """Episodes with nothing left to see ``[N]``, bool."""
        ...

    def begin(self, row: int, target: int, receptacle: int, active: list[int]) -> None:
        """Begin an episode in one environment."""
        ...

    def add_falling(self, row: int, body: int) -> None:
        """A body that the episode did not begin with falls onto the table; it is no deed of the policy."""
        ...

    def displaced(self, row: int, speed: float = 0.0) -> None:
        """Something other than the hand moves the named object now, and gives it at most ``speed`` [m/s] by that."""
        ...

    def update(self, state: State) -> None:
        """Look at the state after one control step."""
        ...

    def failure_reason(self, row: int) -> str | None:
        """Why the episode of one environment failed, one of its task's reasons; None if it succeeded."""
        ...
