"""`ToolMotion`: tool motion that the arm can make, planned one control step at a time.

A straight line and a turn are begun and ended as fast as the joints allow at the posture where the arm is. The joints'
velocities are the tool's through the inverse of the Jacobian; what they may be, and by how much they may change in a
control step, is stated in shares of ``a T`` (greatest acceleration times period). So the robot's limiter has nothing to
do, not even when a command gets lost, late or repeated on the way, which changes the interpolated velocity by half.
"""

from __future__ import annotations

import torch

from robots.protocol import RobotModel
from robots.registry import robot
from tasks.tabletop.action_spaces import CONTROL_DT

CRUISE = 0.9
"""Greatest joint velocity, in shares of what its acceleration reaches in a control step. Below one: a command that is
late and sent twice as well changes the interpolated velocity by all of it, and is still within the limit."""
RAMP = 0.6
"""Greatest change of a joint's velocity in a control step, in the same shares."""
BRAKING = 0.6
"""Share of `RAMP` that braking is planned with: postures change on the way, and the arm turns while it moves."""
SPEED = 0.36
"""Greatest speed of the tool [m/s]: what the drives, delays and interpolation lag behind stays within the lead that
commands may have."""
DAMPING = 0.02
"""Of the Jacobian's inverse, as in `robots.batched_chain.BatchedChain.inverse`."""


class ToolMotion:
    """Commanded tool poses of ``N`` arms; rows are independent."""

    def __init__(self, num_envs: int, device: str = "cpu", model: RobotModel | None = None) -> None:
        """``model`` is the robot, of ``J`` arm joints, whose tool makes ``R`` turns; None: the default one."""
        model = model or robot()
        self.control, self._kinematics = model.tool_control(), model.kinematics()
        home = torch.tensor(model.spec.home, device=device).expand(num_envs, len(model.spec.home))
        self.joints = home.clone()
        """Commanded arm joint positions ``[N, J]`` [rad]."""
        position, rotation, _ = self._kinematics.forward(home)
        self.position, self.rotation = position.clone(), rotation.clone()
        """Commanded pose of the tool ``[N, 3]`` [m], ``[N, 3, 3]``."""
        self.twist = torch.zeros(
            num_envs, 3 + self.control.turn_to(rotation, rotation).shape[1], device=device
        )
        """Commanded velocity of the tool ``[N, 3 + R]`` [m/s, rad/s]."""
        self._unit = torch.tensor(model.spec.limits.acceleration, device=device) * CONTROL_DT

    def begin(self, rows: torch.Tensor, joints: torch.Tensor) -> None:
        """Arms ``rows`` rest at these joint positions ``[n, J]`` [rad]."""
        self.joints[rows], self.twist[rows] = joints, 0.0
        self.position[rows], self.rotation[rows], _ = self._kinematics.forward(joints)

    def step(
        self, ids: torch.Tensor, offset: torch.Tensor, turn: torch.Tensor, fastest: torch.Tensor
    ) -> torch.Tensor:
        """Move on by a control step; returns by what ``[n, 3 + R]``: translation [m], turn [rad].

        Args:
            ids: rows that move ``[n]``.
            offset: way that is left ``[n, 3]`` [m].
            turn: turn that is left ``[n, R]`` [rad].
            fastest: greatest speed ``[n, 1]`` [m/s].
        """
        _, rotation, jacobian = self._kinematics.forward(self.joints[ids])
        jacobian = self.control.jacobian(rotation, jacobian)
        transposed = jacobian.transpose(1, 2)
        gram = jacobian @ transposed + DAMPING**2 * torch.eye(jacobian.shape[1], device=offset.device)
        rates = torch.linalg.solve(gram, jacobian).transpose(1, 2) / self._unit[:, None]  # [n, J, 3 + R]
        still = torch.zeros_like(offset)
        line = self._towards(rates, torch.cat((offset, torch.zeros_like(turn)), 1), fastest.clamp_max(SPEED))
        spin = self._towards(rates, torch.cat((still, turn), 1), torch.full_like(fastest, torch.inf))
        wanted = line + spin
        wanted = wanted * (CRUISE / self._cost(rates, wanted)).clamp_max(1.0)
        change = wanted - self.twist[ids]
        twist = self.twist[ids] + change * (RAMP / self._cost(rates, change)).clamp_max(1.0)
        moved = twist * CONTROL_DT
        self.twist[ids] = twist
        self.position[ids] = self.position[ids] + moved[:, :3]
        self.rotation[ids] = self.control.turned(self.position[ids], self.rotation[ids], moved[:, 3:])
        self.joints[ids] = self._kinematics.inverse(
            self.position[ids], self.rotation[ids], self.joints[ids], iterations=2
        )
        return moved

    def _towards(self, rates: torch.Tensor, way: torch.Tensor, fastest: torch.Tensor) -> torch.Tensor:
        """Velocity along a way ``[n, 3 + R]``, as fast as it can be begun, and ended where the way ends."""
        far = way.norm(dim=1, keepdim=True)
        along = way / far.clamp_min(1e-9)
        cost = self._cost(rates, along)
        speed = torch.minimum(CRUISE / cost, fastest)
        return along * torch.minimum(speed, _braking(far, BRAKING * RAMP / cost))

    @staticmethod
    def _cost(rates: torch.Tensor, twist: torch.Tensor) -> torch.Tensor:
        """Greatest joint velocity of a tool velocity ``[n, 1]``, in shares of what a control step can reach."""
        return (rates @ twist[:, :, None])[:, :, 0].abs().amax(1, keepdim=True).clamp_min(1e-9)


def _braking(distance: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    """Speed ``[n, 1]`` from which rest is reached within a distance, when it may drop by ``change`` in a step."""
    steps = torch.ceil((torch.sqrt(1 + 8 * distance / (change * CONTROL_DT)) - 1) / 2).clamp_min(1.0)
    return distance / (steps * CONTROL_DT) + change * (steps - 1) / 2
