"""`BatchedChain`: the kinematics of a `Chain` in torch, batched over environments, on the tensors' own device.

To the last digit, a row does not depend on how many rows there are (on a CPU): an episode is the same in 1 or 64
environments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from robots.chain import Chain
from robots.rotations import rotation_vector

AngularRows = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""As `robots.chain.AngularRows`, of tensors."""


class BatchedChain:
    """Forward and inverse kinematics of many arms of one kind."""

    def __init__(self, chain: Chain, home: Sequence[float], angular_rows: AngularRows | None = None) -> None:
        """
        Args:
            chain: of ``J`` joints.
            home: joint positions that `inverse` stays near to where the pose leaves a choice ``[J]`` [rad or m].
            angular_rows: the rotations that `inverse` brings about, for an arm that has no say in all three.
        """
        self.chain = chain
        self._home = torch.tensor(home, dtype=torch.float64)
        self._angular_rows = angular_rows
        self._slides = any(chain.prismatic)
        self._constants: dict[tuple[torch.dtype, torch.device], dict[str, torch.Tensor]] = {}

    def forward(self, q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Tool pose and geometric Jacobian in the base frame.

        Args:
            q: joint positions ``[N, J]`` [rad or m].

        Returns:
            position ``[N, 3]`` [m], rotation matrix ``[N, 3, 3]``, Jacobian ``[N, 6, J]`` (linear rows first).
        """
        k = self._constants_for(q)
        angle = torch.where(k["slides"], torch.zeros_like(q), q) if self._slides else q
        c, s = torch.cos(angle)[:, :, None], torch.sin(angle)[:, :, None]
        x, y = c * k["x"] + s * k["y"], c * k["y"] - s * k["x"]
        # Rotation of joint i in the frame of joint i - 1: axes lie in rows first, which is quicker to write.
        local = torch.stack((x, y, k["z"].expand_as(x)), 2).transpose(2, 3)
        n = q.shape[0]
        rotation = k["eye3"].expand(n, 3, 3)
        position = torch.zeros_like(q[:, :1]).expand(-1, 3)
        axes, origins = [], []
        for i, prismatic in enumerate(self.chain.prismatic):
            position = position + _turned(rotation, k["offset"][i])
            rotation = rotation @ local[:, i]
            axes.append(rotation[:, :, 2])
            if prismatic:
                position = position + q[:, i, None] * rotation[:, :, 2]
            origins.append(position)
        position = position + _turned(rotation, k["tool_offset"])
        axis = torch.stack(axes, -1)  # [N, 3, J]
        linear = torch.linalg.cross(axis, position[:, :, None] - torch.stack(origins, -1), dim=1)
        if self._slides:
            linear, axis = (
                torch.where(k["slides"], axis, linear),
                torch.where(k["slides"], torch.zeros_like(axis), axis),
            )
        return position, rotation @ k["tool_turn"].expand(n, 3, 3), torch.cat((linear, axis), 1)

    def inverse(
        self,
        position: torch.Tensor,
        rotation: torch.Tensor,
        q: torch.Tensor,
        iterations: int = 3,
        damping: float = 0.02,
        posture_gain: float = 0.05,
    ) -> torch.Tensor:
        """Joint positions that bring the tool to a pose, by damped least squares from ``q``.

        A weak pull toward the home posture acts in the null space of the pose, so that the elbow of a redundant arm
        does not wander over a long episode (Siciliano et al., "Robotics", section 3.5.1).

        Args:
            position: wanted tool position ``[N, 3]`` [m], base frame.
            rotation: wanted tool rotation ``[N, 3, 3]``, base frame.
            q: where to start ``[N, J]`` [rad or m]; the nearest solution is found.
            iterations: Gauss-Newton steps.
            damping: of the least squares [m or rad per rad]; larger is slower and calmer near singularities.
            posture_gain: share of the distance to the home posture removed at each call.

        Returns:
            joint positions ``[N, J]`` [rad or m], inside the joint limits.
        """
        k = self._constants_for(q)
        for iteration in range(iterations):
            at, turned, jacobian = self.forward(q)
            turn = rotation_vector(rotation @ turned.transpose(1, 2))
            if self._angular_rows is not None:
                rows = self._angular_rows(turned, jacobian)
                turn = (rows @ turn[:, :, None])[:, :, 0]
                jacobian = torch.cat((jacobian[:, :3], rows @ jacobian[:, 3:]), 1)
            error = torch.cat((position - at, turn), 1)
            transposed = jacobian.transpose(1, 2)
            gram = jacobian @ transposed + damping**2 * k["eye6"][: error.shape[1], : error.shape[1]]
            # Damping lets a little of the posture's pull through to the tool; the later steps take it back.
            posture = posture_gain * (k["home"] - q) if iteration == 0 else torch.zeros_like(q)
            correction = error - (jacobian @ posture[:, :, None])[:, :, 0]
            solved = torch.linalg.solve(gram, correction[:, :, None])
            q = torch.clamp(q + posture + (transposed @ solved)[:, :, 0], k["low"], k["high"])
        return q

    def _constants_for(self, q: torch.Tensor) -> dict[str, torch.Tensor]:
        """The chain's numbers in the type and on the device of ``q``, made once."""
        key = (q.dtype, q.device)
        if key not in self._constants:
            chain = self.chain
            values = {
                "offset": torch.from_numpy(chain.offset),
                "x": torch.from_numpy(chain.turn[:, :, 0].copy()),
                "y": torch.from_numpy(chain.turn[:, :, 1].copy()),
                "z": torch.from_numpy(chain.turn[:, :, 2].copy()),
                "tool_offset": torch.from_numpy(chain.tool_offset),
                "tool_turn": torch.from_numpy(chain.tool_turn),
                "low": torch.from_numpy(chain.low),
                "high": torch.from_numpy(chain.high),
                "home": self._home,
                "eye3": torch.eye(3, dtype=torch.float64),
                "eye6": torch.eye(6, dtype=torch.float64),
            }
            self._constants[key] = {name: value.to(q) for name, value in values.items()}
            self._constants[key]["slides"] = torch.tensor(chain.prismatic, device=q.device)
        return self._constants[key]


def _turned(rotation: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """A vector ``[3]`` turned by each of ``[N, 3, 3]``.

    As a product of small matrices, one a row: ``rotation @ vector`` is one product of a long matrix, whose last digits
    depend on the number of rows on processors with AVX-512.
    """
    return torch.bmm(rotation, vector[:, None].expand(len(rotation), 3, 1))[:, :, 0]
