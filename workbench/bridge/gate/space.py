"""`Space`: where the arm may be. Joint limits, the tool's box, table, kept-out boxes, the arm itself; on whole paths.

A path is looked at in steps so short that nothing between two of them is missed. Between two looks

* no point of the arm travels farther than `STEP`: so it is at most half of that away from where it was seen, and shapes
  are kept that much farther apart than `clearance`;
* no point leaves the straight line between where it was seen by more than `BULGE`: so the tool stays in its box, and
  the arm above the table, which are convex, if both looks find them inside by `BULGE`. No joint leaves the line between
  its two positions by more than its acceleration allows in that time, so limits of position are treated alike.

How long a step may last follows from the speeds of the joints at its beginning, their greatest acceleration, and how
far from each joint the arm reaches; no path is too fast for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import coal
import numpy as np
import pinocchio as pin

from workbench.bridge.gate.body import WORLD, Body
from workbench.bridge.gate.messages import Check
from workbench.bridge.gate.trajectory import Plan

STEP = 0.02
"""Greatest travel of any point of the arm between two looks [m]."""
BULGE = 0.001
"""Greatest deviation from a straight line in between [m]."""


@dataclass(frozen=True)
class Box:
    """A box along the axes of the robot's base frame."""

    low: tuple[float, float, float]
    """[m]"""
    high: tuple[float, float, float]
    """[m]"""
    name: str = "box"

    def __post_init__(self) -> None:
        if not all(a < b for a, b in zip(self.low, self.high, strict=True)) or len(self.low) != 3:
            raise ValueError(f"{self.name}: no room between {self.low} and {self.high}")


@dataclass(frozen=True)
class Bounds:
    """What the arm has to stay inside and outside of, in its base frame."""

    workspace: Box
    """Of the tool centre point."""
    table_height: float | None = 0.0
    """No link beyond the first joint's comes below [m]; None: there is no table."""
    keep_out: tuple[Box, ...] = ()
    """No link that moves comes into these."""
    clearance: float = 0.005
    """Least distance of links from each other and from what is kept out [m]."""
    collisions: bool = True
    """Whether links are looked at: the table, what is kept out, and the arm itself. False leaves the tool's box."""


class Space:
    """Answers for paths of one arm whether they stay inside its bounds."""

    def __init__(
        self, body: Body, bounds: Bounds, low: np.ndarray, high: np.ndarray, acceleration: np.ndarray
    ) -> None:
        """
        Args:
            body: the arm. Its shapes become those of this space, with table and boxes among them.
            bounds: of the arm.
            low: least joint positions that any path may have ``[J]`` [rad].
            high: greatest ones.
            acceleration: greatest one of each joint ``[J]`` [rad/s^2], as `Planner` uses it.
        """
        self.body, self.bounds = body, bounds
        self._joints_low, self._joints_high = low, high
        self._low = np.array(bounds.workspace.low) + BULGE
        self._high = np.array(bounds.workspace.high) - BULGE
        self._data = body.arm.createData()
        links = range(len(body.shapes.geometryObjects))
        self._own_pairs = len(body.shapes.collisionPairs)
        if bounds.table_height is not None:
            self._add(
                "table", coal.Halfspace(np.array((0.0, 0.0, 1.0)), bounds.table_height), links, beyond=1
            )
        self._table_pairs = len(body.shapes.collisionPairs)
        for box in bounds.keep_out:
            low, high = np.array(box.low), np.array(box.high)
            self._add(box.name, coal.Box(high - low), links, beyond=WORLD, at=(low + high) / 2)
        self._contacts = body.shapes.createData()
        for k, request in enumerate(self._contacts.collisionRequests):
            is_table = self._own_pairs <= k < self._table_pairs
            request.security_margin = BULGE if is_table else bounds.clearance + STEP / 2
        self.allow(acceleration)

    def allow(self, acceleration: np.ndarray) -> None:
        """Take note of the greatest acceleration of each joint ``[J]`` [rad/s^2] of the paths to come."""
        self._reach, self._turn_growth = self.body.reach.tolist(), float(acceleration.sum())
        self._growth = float(self.body.reach @ acceleration)
        """Greatest acceleration of any point of the arm from that of the joints [m/s^2]."""
        self._bulge = acceleration * BULGE / self._growth
        """Greatest deviation of joints from a straight line between two looks, ``a h^2 / 8`` ``[J]`` [rad]."""

    def tool(self, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Position ``[3]`` [m] and rotation matrix ``[3, 3]`` of the tool at joint positions ``[J]`` [rad]."""
        pin.forwardKinematics(self.body.arm, self._data, position)
        placement = pin.updateFramePlacement(self.body.arm, self._data, self.body.tool_frame)
        return placement.translation.copy(), placement.rotation.copy()

    def objection(self, position: np.ndarray) -> tuple[Check, str] | None:
        """What speaks against joint positions ``[J]`` [rad]; None: nothing."""
        found = self._first_objection(position[None])
        return None if found is None else found[:2]

    def objection_on(self, plan: Plan) -> tuple[Check, str, float] | None:
        """What first speaks against a plan, and how long after its start [s]; None: nothing on the way to rest."""
        times, positions, time = [], [], 0.0
        while True:
            position, velocity, _ = plan.numbers_at(time)
            times.append(time)
            positions.append(position)
            if time >= plan.duration:
                break
            time = min(time + self._step(velocity), plan.duration)
        found = self._first_objection(np.array(positions))
        return None if found is None else (*found[:2], times[found[2]])

    def _first_objection(self, positions: np.ndarray) -> tuple[Check, str, int] | None:
        """What speaks against the first of joint positions ``[K, J]`` [rad] that anything speaks against, and which."""
        beyond = np.maximum(self._joints_low - positions, positions - self._joints_high) + self._bulge
        if beyond.max() > 0:
            k, joint = divmod(int(beyond.argmax()), beyond.shape[1])
            where = f"joint {joint + 1} would be at {positions[k, joint]:.3f} rad"
            ends = f"{self._joints_low[joint]:.3f} to {self._joints_high[joint]:.3f} rad"
            return Check.JOINT_LIMITS, f"{where}: the arm is kept within {ends}", k
        arm, data, frame = self.body.arm, self._data, self.body.tool_frame
        tools, contact = [], None
        for k, position in enumerate(positions):
            if not self.bounds.collisions:
                pin.forwardKinematics(arm, data, position)
            elif pin.computeCollisions(arm, data, self.body.shapes, self._contacts, position, True):
                contact = (*self._contact(), k)
            tools.append(pin.updateFramePlacement(arm, data, frame).translation.copy())
            if contact is not None:
                break
        tool = np.array(tools)
        outside = np.maximum(self._low - tool, tool - self._high)
        left = (outside > 0).any(1)
        k = int(left.argmax())
        if not left[k] or (contact is not None and contact[2] <= k):
            return contact
        axis = int(outside[k].argmax())
        box = self.bounds.workspace
        where = f"the tool would be at {'xyz'[axis]} = {tool[k, axis]:.3f} m"
        return Check.WORKSPACE, f"{where}: its box reaches from {box.low[axis]:g} to {box.high[axis]:g} m", k

    def _step(self, velocity: list[float]) -> float:
        """How long a step may last [s] that begins with these velocities of the joints ``[J]`` [rad/s]."""
        growth = self._growth
        speeds = [abs(v) for v in velocity]
        travel = math.sumprod(self._reach, speeds)
        # Travel of any point in a time h is at most travel h + growth h^2 / 2.
        longest = (math.sqrt(travel**2 + 2 * growth * STEP) - travel) / growth
        # Points accelerate with the joints, and because their directions turn: by the sum of all turns times the speed.
        turns = sum(speeds) + self._turn_growth * longest
        acceleration = growth + turns * (travel + growth * longest)
        return min(longest, math.sqrt(8 * BULGE / acceleration))

    def _contact(self) -> tuple[Check, str]:
        k = next(k for k, result in enumerate(self._contacts.collisionResults) if result.isCollision())
        pair = self.body.shapes.collisionPairs[k]
        first, second = self.body.link(pair.first), self.body.link(pair.second)
        near = f"{1000 * self.bounds.clearance:g} mm"
        if k < self._own_pairs:
            return Check.SELF_COLLISION, f"{first} would come within {near} of {second}"
        if k < self._table_pairs:
            return (
                Check.TABLE,
                f"{first} would come below the table's height of {self.bounds.table_height:g} m",
            )
        return Check.KEEP_OUT, f"{first} would come within {near} of the kept-out {second}"

    def _add(
        self,
        name: str,
        shape: coal.CollisionGeometry,
        links: range,
        beyond: int,
        at: np.ndarray | None = None,
    ) -> None:
        shapes = self.body.shapes
        placement = pin.SE3(np.eye(3), np.zeros(3) if at is None else at)
        added = shapes.addGeometryObject(pin.GeometryObject(name, WORLD, placement, shape))
        for link in links:
            if shapes.geometryObjects[link].parentJoint > beyond:
                shapes.addCollisionPair(pin.CollisionPair(link, added))
