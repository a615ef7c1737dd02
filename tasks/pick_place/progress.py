"""Has the object been put where it belongs, and if not, what went wrong? Batched, geometric, stated in numbers.

An episode succeeds when, for `SETTLE_S` without a break, the named object

- lies in the named receptacle: its origin within the receptacle's inner radius of the receptacle's origin, and
  above the supporting surface by no more than the object's own half diagonal and 2 cm,
- is released: the fingers stand at least `RELEASED_WIDTH` apart, wider than any object,
- is at rest: slower than `REST_SPEED` and `REST_SPIN`,
- and the receptacle stands upright within `MAX_TILT`.

Nothing here trusts a flag of the environment, and the module needs nothing but torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

SETTLE_S = 0.5
"""How long the condition must hold [s]."""
RELEASED_WIDTH = 0.07
"""[m]"""
REST_SPEED = 0.02
"""[m/s]"""
REST_SPIN = 0.5
"""[rad/s]"""
MAX_TILT = math.radians(20)
"""[rad]"""
REACH_DISTANCE = 0.04
"""Tool to object origin at which the object counts as reached [m]."""
LIFT_HEIGHT = 0.03
"""Rise above the resting place at which an object counts as lifted [m]."""
MAX_SPEED = 10.0
"""Faster than this above the table, and the physics is not to be believed [m/s]."""

FAILURE_REASONS = (
    "unstable_physics",
    "wrong_object",
    "never_reached",
    "missed_grasp",
    "wrong_place",
    "dropped",
    "timeout",
)
"""Why an episode failed; the first that applies, in this order:

- ``unstable_physics``: a state was not finite, or a body moved faster than `MAX_SPEED`;
- ``wrong_object``: another object lies in the named receptacle, or only other objects were ever lifted;
- ``never_reached``: the tool never came within `REACH_DISTANCE` of the object;
- ``missed_grasp``: it did, but the object was never lifted by `LIFT_HEIGHT`;
- ``wrong_place``: the object was lifted and lies in another receptacle;
- ``dropped``: it was lifted and lies outside every receptacle, out of the hand;
- ``timeout``: time ran out with the object in the hand, or in place but not settled.
"""


@dataclass
class BodyTable:
    """Constants of the pool's ``B`` bodies, one row each."""

    height: torch.Tensor
    """[m]"""
    half_diagonal: torch.Tensor
    """Half the diagonal of the bounding box [m]."""
    inner_radius: torch.Tensor
    """[m], 0 for objects."""
    support_height: torch.Tensor
    """[m], 0 for objects."""
    is_receptacle: torch.Tensor
    """bool"""


@dataclass
class State:
    """What `Progress.update` looks at, all in the environment's own frame (robot base)."""

    pose: torch.Tensor
    """Body poses ``[N, B, 7]``: position [m], quaternion x y z w."""
    velocity: torch.Tensor
    """Body velocities ``[N, B, 6]``: linear [m/s], angular [rad/s]."""
    tool: torch.Tensor
    """Tool position ``[N, 3]`` [m]."""
    gripper_width: torch.Tensor
    """``[N]`` [m]"""
    joint_vel: torch.Tensor
    """Arm joint velocities ``[N, 7]`` [rad/s]."""


class Progress:
    """Follows ``N`` episodes; rows are independent and begin anew one by one."""

    def __init__(self, bodies: BodyTable, num_envs: int, control_dt: float, device: str = "cpu") -> None:
        self.bodies = bodies
        self.settle_steps = math.ceil(SETTLE_S / control_dt - 1e-9)
        shape = (num_envs, len(bodies.height))
        self.target = torch.zeros(num_envs, dtype=torch.long, device=device)
        self.receptacle = torch.zeros(num_envs, dtype=torch.long, device=device)
        self.active = torch.zeros(shape, dtype=torch.bool, device=device)
        self.rest_z = torch.zeros(shape, device=device)
        self.lifted = torch.zeros(shape, dtype=torch.bool, device=device)
        self.reached = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self.unstable = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self.lost = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self.succeeded = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self._settled = torch.zeros(num_envs, dtype=torch.long, device=device)
        self._columns = bodies.is_receptacle.nonzero()[:, 0]  # rows of the R receptacles in the body table
        self._column_of = bodies.is_receptacle.long().cumsum(0) - 1
        self._inside = torch.zeros((*shape, len(self._columns)), dtype=torch.bool, device=device)
        self._held = torch.zeros(num_envs, dtype=torch.bool, device=device)

    def begin(self, row: int, target: int, receptacle: int, active: list[int]) -> None:
        """Begin an episode in one environment; arguments are rows of the body table."""
        self.target[row], self.receptacle[row] = target, receptacle
        self.active[row] = False
        self.active[row, active] = True
        self.rest_z[row] = self.bodies.height / 2
        for state in (self.lifted, self.reached, self.unstable, self.lost, self.succeeded, self._settled):
            state[row] = 0
        self._inside[row], self._held[row] = False, False

    def update(self, state: State) -> None:
        """Look at the state after one control step."""
        rows = torch.arange(len(self.target), device=self.target.device)
        position, speed = state.pose[..., :3], state.velocity[..., :3].norm(dim=-1)
        on_table = self.active & (position[..., 2] > -0.05)
        finite = (torch.isfinite(state.pose).all(-1) & torch.isfinite(state.velocity).all(-1)) | ~self.active
        robot = torch.cat((state.tool, state.gripper_width[:, None], state.joint_vel), 1)
        too_fast = (on_table & (speed > MAX_SPEED)).any(1) | (state.joint_vel.abs() > 20.0).any(1)
        self.unstable |= ~finite.all(1) | ~torch.isfinite(robot).all(1) | too_fast

        target = position[rows, self.target]
        distance = (state.tool - target).norm(dim=1)
        self.reached |= distance < REACH_DISTANCE
        self.lifted |= on_table & (position[..., 2] - self.rest_z > LIFT_HEIGHT)
        self.lost |= target[:, 2] < -0.05
        self._held = (distance < REACH_DISTANCE) & (state.gripper_width < RELEASED_WIDTH)

        self._inside = self._contains(state.pose)
        resting = (speed < REST_SPEED) & (state.velocity[..., 3:].norm(dim=-1) < REST_SPIN)
        good = self.in_place & (state.gripper_width > RELEASED_WIDTH) & resting[rows, self.target]
        self._settled = torch.where(good, self._settled + 1, 0)
        self.succeeded |= (self._settled >= self.settle_steps) & ~self.unstable

    @property
    def finished(self) -> torch.Tensor:
        """Episodes ``[N]`` with nothing left to see: succeeded, physics broken, or the object off the table."""
        return self.succeeded | self.unstable | self.lost

    @property
    def in_place(self) -> torch.Tensor:
        """Whether the named object lies in the named receptacle ``[N]``, settled or not."""
        rows = torch.arange(len(self.target), device=self.target.device)
        return self._inside[rows, self.target, self._column_of[self.receptacle]]

    def failure_reason(self, row: int) -> str | None:
        """Why the episode of one environment failed, from `FAILURE_REASONS`; None if it succeeded."""
        if self.succeeded[row]:
            return None
        target, column = int(self.target[row]), int(self._column_of[self.receptacle[row]])
        others = self.active[row] & ~self.bodies.is_receptacle
        others[target] = False
        if self.unstable[row]:
            return "unstable_physics"
        wrong_inside = bool((self._inside[row, :, column] & others).any())
        if wrong_inside or (bool((self.lifted[row] & others).any()) and not self.lifted[row, target]):
            return "wrong_object"
        if not self.reached[row]:
            return "never_reached"
        if not self.lifted[row, target]:
            return "missed_grasp"
        elsewhere = self._inside[row, target].clone()
        elsewhere[column] = False
        if bool(elsewhere.any()):
            return "wrong_place"
        if self.lost[row] or not (self._held[row] or self._inside[row, target, column]):
            return "dropped"
        return "timeout"

    def _contains(self, pose: torch.Tensor) -> torch.Tensor:
        """Whether body ``i`` lies in the ``r``-th receptacle ``[N, B, R]``."""
        b, columns = self.bodies, self._columns
        holder = pose[:, columns]
        offset = pose[:, :, None, :3] - holder[:, None, :, :3]
        near = offset[..., :2].norm(dim=-1) < b.inner_radius[columns]
        # Height of the body's origin over the supporting surface.
        above = offset[..., 2] + (b.height / 2 - b.support_height)[columns]
        right_height = (above > 0) & (above < (b.half_diagonal + 0.02)[None, :, None])
        x, y = holder[..., 3], holder[..., 4]
        upright = 1 - 2 * (x * x + y * y) > math.cos(MAX_TILT)  # z axis of the receptacle against vertical
        both = self.active[:, :, None] & self.active[:, None, columns]
        return near & right_height & upright[:, None] & both & ~b.is_receptacle[None, :, None]
