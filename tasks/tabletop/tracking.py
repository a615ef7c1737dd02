"""What every judge keeps track of: what the hand has reached and lifted, what rests, what is not to be believed.

A task's judge is an `EpisodeTracker` that finds out whether the named object is in place (`EpisodeTracker._look`), and
says why an episode failed. Nothing here trusts a flag of the environment, and the module needs nothing but torch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch

from robots.protocol import RobotModel
from robots.registry import robot
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.footprints import placed
from tasks.tabletop.judge import State

SETTLE_S = 0.5
"""How long the condition must hold [s]."""
RELEASED_DISTANCE = 0.003
"""Least distance between the hand and points of the object's surface, once it is released [m]. The points cover the
surface to `tasks.tabletop.body_table.SURFACE_SPACING`: where none is nearer than that, nothing touches."""
REST_SPEED = 0.02
"""[m/s]"""
REST_SPIN = 0.5
"""[rad/s]"""
REACH_DISTANCE = 0.04
"""Tool to object origin at which the object counts as reached, at full size [m]."""
HAND_DISTANCE = 0.12
"""Tool to body origin within which the hand may be what lifts a body, at full size [m]: no body is larger than that."""
LIFT_HEIGHT = 0.03
"""Rise above the resting place at which an object counts as lifted, at full size [m]."""
MAX_SPEED = 10.0
"""Faster than this above the table, and the physics is not to be believed [m/s]."""


class EpisodeTracker(ABC):
    """Follows ``N`` episodes; rows are independent and begin anew one by one.

    An episode succeeds when, for `SETTLE_S` without a break, the named object is in place, released (no point of it is
    nearer than `RELEASED_DISTANCE` to the hand, open or closed) and at rest (slower than `REST_SPEED` and `REST_SPIN`),
    and was brought there by the hand, which has reached it since it was last moved by anything else (`displaced`).
    """

    def __init__(
        self,
        bodies: BodyTable,
        num_envs: int,
        control_dt: float,
        device: str = "cpu",
        model: RobotModel | None = None,
    ) -> None:
        """``model`` is the robot that acts; None: the default one. Distances are less in a smaller workspace."""
        model = model or robot()
        self._hand, self._scale = model.hand(), model.workspace.scale
        self.bodies = bodies
        # So many looks, the first and the last of which are `SETTLE_S` apart.
        self.settle_steps = math.ceil(SETTLE_S / control_dt - 1e-9) + 1
        flags, shape = {"dtype": torch.bool, "device": device}, (num_envs, len(bodies.height))
        self.target = torch.zeros(num_envs, dtype=torch.long, device=device)
        self.receptacle = torch.zeros(num_envs, dtype=torch.long, device=device)
        self.active = torch.zeros(shape, **flags)
        self.rest_z = torch.zeros(shape, device=device)
        self.fell_in = torch.zeros(shape, **flags)
        """Bodies that came in mid-episode."""
        self.falling = torch.zeros(shape, **flags)
        """Those of them that have not come to rest yet."""
        self.reached_bodies = torch.zeros(shape, **flags)
        self.lifted = torch.zeros(shape, **flags)
        self.by_hand = torch.zeros(num_envs, **flags)
        """Whether the hand has reached the object since anything else moved it ``[N]``."""
        self.speed_limit = torch.full((num_envs,), MAX_SPEED, device=device)
        self.unstable = torch.zeros(num_envs, **flags)
        self.lost = torch.zeros(num_envs, **flags)
        self.succeeded = torch.zeros(num_envs, **flags)
        self.in_place = torch.zeros(num_envs, **flags)
        """Whether the named object is where it belongs now, settled or not ``[N]``."""
        self._settled = torch.zeros(num_envs, dtype=torch.long, device=device)
        self._seen: State | None = None

    def begin(self, row: int, target: int, receptacle: int, active: list[int]) -> None:
        """Begin an episode in one environment; arguments are rows of the body table."""
        self.target[row], self.receptacle[row] = target, receptacle
        self.active[row] = False
        self.active[row, active] = True
        self.rest_z[row] = self.bodies.height / 2
        self.speed_limit[row] = MAX_SPEED
        for state in (
            self.fell_in, self.falling, self.reached_bodies, self.lifted, self.by_hand,
            self.unstable, self.lost, self.succeeded, self.in_place, self._settled,
        ):  # fmt: skip
            state[row] = 0

    def add_falling(self, row: int, body: int) -> None:
        """A body that the episode did not begin with falls onto the table; where it comes to rest, it rests."""
        self.active[row, body] = self.fell_in[row, body] = self.falling[row, body] = True

    def displaced(self, row: int, speed: float = 0.0) -> None:
        """Something other than the hand moves the named object now, and gives it at most ``speed`` [m/s] by that.

        Unless it is where it belongs already, it must be reached again before it can be brought there.
        """
        self.by_hand[row] &= self.in_place[row]
        self.speed_limit[row] = max(float(self.speed_limit[row]), MAX_SPEED + speed)

    def update(self, state: State) -> None:
        """Look at the state after one control step."""
        self._seen = state
        position, speed = state.pose[..., :3], state.velocity[..., :3].norm(dim=-1)
        on_table = self.active & (position[..., 2] > -0.05)
        finite = (torch.isfinite(state.pose).all(-1) & torch.isfinite(state.velocity).all(-1)) | ~self.active
        robot = torch.cat((state.tool, state.tool_rotation.flatten(1), state.fingers, state.joint_vel), 1)
        too_fast = (on_table & (speed > self.speed_limit[:, None])).any(1)
        too_fast |= (state.joint_vel.abs() > 20.0).any(1)
        self.unstable |= ~finite.all(1) | ~torch.isfinite(robot).all(1) | too_fast

        resting = (speed < REST_SPEED) & (state.velocity[..., 3:].norm(dim=-1) < REST_SPIN)
        landed = self.falling & resting
        self.rest_z = torch.where(landed, position[..., 2], self.rest_z)
        self.falling &= ~landed

        distance = (state.tool[:, None] - position).norm(dim=-1)
        reached = self.active & self._reached(state, distance)
        self.reached_bodies |= reached
        self.by_hand |= reached[self._rows, self.target]
        risen = on_table & ~self.falling & (position[..., 2] - self.rest_z > LIFT_HEIGHT * self._scale)
        self.lifted |= risen & (distance < HAND_DISTANCE * self._scale)
        self.lost |= position[self._rows, self.target, 2] < -0.05

        self.in_place = self._look(state)
        open_still = ~self.unstable & ~self.succeeded
        good = self.in_place & self.by_hand & resting[self._rows, self.target] & open_still
        candidates = good.nonzero()[:, 0]
        if len(candidates):
            good[candidates] = self._hand_distance(candidates) > RELEASED_DISTANCE
        self._settled = torch.where(good, self._settled + 1, 0)
        self.succeeded |= self._settled >= self.settle_steps

    @abstractmethod
    def _look(self, state: State) -> torch.Tensor:
        """Whether the named object is where it belongs ``[N]``, bool; a judge keeps what else it needs of a state."""

    @abstractmethod
    def failure_reason(self, row: int) -> str | None:
        """See `Judge`."""

    def _reached(self, state: State, distance: torch.Tensor) -> torch.Tensor:
        """Whether the hand reaches bodies now ``[N, B]``, which are at these distances from the tool ``[N, B]`` [m]."""
        return distance < REACH_DISTANCE * self._scale

    def _hand_distance(self, rows: torch.Tensor) -> torch.Tensor:
        """Distance between the hand and the named objects of some environments ``[n]`` [m], as last seen."""
        state = self._seen
        assert state is not None, "nothing was looked at yet"
        pose, points = state.pose[rows, self.target[rows]], self.bodies.surface[self.target[rows]]
        return self._hand.distance(
            placed(points, pose), state.tool[rows], state.tool_rotation[rows], state.fingers[rows]
        )

    @property
    def _rows(self) -> torch.Tensor:
        return torch.arange(len(self.target), device=self.target.device)

    @property
    def reached(self) -> torch.Tensor:
        """Whether the hand has ever reached the named object ``[N]``."""
        return self.reached_bodies[self._rows, self.target]

    @property
    def finished(self) -> torch.Tensor:
        """Episodes ``[N]`` with nothing left to see: succeeded, physics broken, or the object off the table."""
        return self.succeeded | self.unstable | self.lost
