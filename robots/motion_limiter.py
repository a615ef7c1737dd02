"""`MotionLimiter`: commanded joint positions that a robot can follow, for many robots at once.

Whatever asks for joint positions, once a control step, this turns it into a motion within the robot's limits of
position, velocity, acceleration and jerk, at the rate of the physics. Three stages:

1. *Interpolation*: a position that is asked for is reached over two control steps, half of the way in each. A command
   that is lost, late or sent twice then changes the velocity by half of it and not by all.
2. *Once a control step* the interpolated positions are followed as fast as the limits allow. With period ``T``, the
   next velocity lies within ``a T`` of the last one, within the velocity limit, and low enough to come to rest before a
   position limit. Positions that obey the limits are followed exactly; after others the error is closed, measured
   against the positions' own velocity. A jump, whose second half is not foreseen, may be overshot by ``a T^2``.
3. *Within the control step* the positions are the control points of a uniform quadratic B-spline: velocity changes
   linearly from each one's to the next one's, so acceleration is constant over the step and bounded as above, and the
   position stays between the control points.

The first and the last each cost half a control step of lag: together what linear interpolation between set points
costs, which has to wait for the next one.

Acceleration changes once a control step, within one physics step ``dt``; a jerk limit of ``2 a / dt`` or more thus
holds by itself, which is checked. Pure torch and elementwise: a row does not depend on how many there are.
"""

from __future__ import annotations

import torch

from robots.spec import JointLimits

MARGIN = 0.99
"""Share of velocity and acceleration limits that is used: differences of rounded positions may exceed the rest."""
TOUCHED = 1e-5
"""Difference between interpolated and followed position from which on a step counts as touched [rad]."""


class MotionLimiter:
    """Commanded motion of ``N`` arms with ``J`` joints; rows are independent."""

    def __init__(
        self, limits: JointLimits, control_dt: float, physics_dt: float, num_envs: int, device: str = "cpu"
    ) -> None:
        """
        Args:
            limits: of the joints.
            control_dt: time between two calls of `follow` [s].
            physics_dt: time between two commands to the drives [s].
            num_envs: ``N``.
            device: torch device.

        ValueError when the jerk limits ask for shorter physics steps.
        """

        def row(values: tuple[float, ...]) -> torch.Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)

        for joint, (jerk, acceleration) in enumerate(zip(limits.jerk, limits.acceleration, strict=True)):
            if 2 * acceleration > jerk * physics_dt:
                raise ValueError(
                    f"joint {joint + 1} may change its acceleration by {jerk * physics_dt:g} rad/s^2 in a physics "
                    f"step of {physics_dt:g} s and its limit is {acceleration:g}: acceleration would have to be ramped"
                )
        self.period = control_dt
        self.low, self.high = row(limits.position_low), row(limits.position_high)
        self.speed = MARGIN * row(limits.velocity)
        self.gain = MARGIN * row(limits.acceleration) * control_dt
        """Greatest change of velocity in a control step ``[J]`` [rad/s]."""
        shape = (num_envs, len(self.low))
        self.points = torch.zeros(3, *shape, device=device)
        """The last three control points, oldest first ``[3, N, J]`` [rad]."""
        self.asked = torch.zeros(shape, device=device)
        """What was asked for last ``[N, J]`` [rad]."""
        self.wanted = torch.zeros(shape, device=device)
        """That, interpolated ``[N, J]`` [rad]."""
        self.touched = torch.zeros(num_envs, dtype=torch.bool, device=device)
        """Whether the last step asked for more than the limits allow ``[N]``."""

    def begin(self, ids: torch.Tensor, position: torch.Tensor) -> None:
        """Arms ``ids`` rest at these positions ``[n, J]`` [rad]."""
        self.points[:, ids] = position
        self.asked[ids] = position
        self.wanted[ids] = position
        self.touched[ids] = False

    def follow(self, asked: torch.Tensor) -> None:
        """Begin a control step in which these positions ``[N, J]`` [rad] are asked for."""
        wanted = (self.asked + asked) / 2
        last, here = self.points[1:]
        velocity = (here - last) / self.period
        theirs = (wanted - self.wanted) / self.period
        error = (
            self.wanted - here
        )  # before the step: what to close on top of moving as the wanted positions do
        towards = theirs + torch.sign(error) * self._stopping_speed(error.abs())
        # The first of these that cannot all be had gives way; by the rules of the step before, the last two can.
        towards = torch.minimum(torch.maximum(towards, -self.speed), self.speed)
        towards = torch.minimum(torch.maximum(towards, velocity - self.gain), velocity + self.gain)
        up, down = self._stopping_speed(self.high - here), self._stopping_speed(here - self.low)
        towards = torch.minimum(torch.maximum(towards, -down), up)
        self.points = torch.stack((last, here, here + towards * self.period))
        self.asked, self.wanted = asked.clone(), wanted
        self.touched = ((self.points[2] - wanted).abs() > TOUCHED).any(1)

    def at(self, share: float) -> torch.Tensor:
        """Positions for the drives ``[N, J]`` [rad] when this share of the control step has passed, from 0 to 1."""
        before, here, after = self.points
        return here + (before - here) * ((1 - share) ** 2 / 2) + (after - here) * (share**2 / 2)

    def velocity_at(self, share: float) -> torch.Tensor:
        """Velocities of these positions ``[N, J]`` [rad/s], by `at`'s derivative."""
        before, here, after = self.points
        return ((here - before) * (1 - share) + (after - here) * share) / self.period

    def _stopping_speed(self, distance: torch.Tensor) -> torch.Tensor:
        """Greatest speed ``[N, J]`` [rad/s] of the next step from which rest is reached within a distance [rad].

        Speeds ``v, v - g, v - 2 g ...`` (``g``: the greatest change in a step) over ``n`` steps cover
        ``n T (v - g (n - 1) / 2)``; ``n`` is the least number of steps for which that is no less than the distance.
        """
        distance = distance.clamp_min(0.0)
        steps = torch.ceil((torch.sqrt(1 + 8 * distance / (self.gain * self.period)) - 1) / 2).clamp_min(1.0)
        return distance / (steps * self.period) + self.gain * (steps - 1) / 2
