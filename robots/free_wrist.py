"""`FreeWrist`: tool motion of arms that can turn their hand in any way; they grasp straight from above."""

from __future__ import annotations

import math

import torch

from robots.rotations import rotation_matrix, rotation_vector


class FreeWrist:
    """A `robots.protocol.ToolControl` whose turns are rotation vectors in the base frame, ``R = 3``."""

    def __init__(
        self,
        home_rotation: torch.Tensor,
        home_closing: float,
        depth: float,
        turns: tuple[float, float] = (-math.pi, math.pi),
    ) -> None:
        """
        Args:
            home_rotation: of the tool at home ``[3, 3]``, base frame, its approach straight down.
            home_closing: heading along which the gripper closes then [rad].
            depth: how far the fingers reach beyond the tool [m].
            turns: turns of the hand about the vertical, from home, that the wrist's last joint makes wherever the
                arm reaches [rad]; grasps that need others count as half a turn worse.
        """
        self._turns = turns
        self._home_rotation = home_rotation
        self._home_closing = home_closing
        self._depth = depth

    def turned(self, position: torch.Tensor, rotation: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`."""
        return rotation_matrix(turn) @ rotation

    def turn_to(self, rotation: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`."""
        return rotation_vector(goal @ rotation.transpose(1, 2))

    def jacobian(self, rotation: torch.Tensor, jacobian: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`."""
        return jacobian

    def grasp_rotation(self, position: torch.Tensor, closing: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`."""
        yaw = self._yaw(closing)
        home = self._home_rotation.to(closing).expand(len(closing), 3, 3)
        return rotation_matrix(torch.stack((0 * yaw, 0 * yaw, yaw), 1)) @ home

    def grasp_turn(self, position: torch.Tensor, closing: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`."""
        yaw = self._yaw(closing)
        low, high = self._turns
        return yaw.abs() + torch.where((yaw < low) | (yaw > high), math.pi, 0.0)

    def grasp_depth(self, position: torch.Tensor, closing: torch.Tensor) -> torch.Tensor:
        """See `robots.protocol.ToolControl`."""
        return torch.full_like(closing, self._depth)

    def _yaw(self, closing: torch.Tensor) -> torch.Tensor:
        """Turn of the hand about the vertical, in [-pi, pi)."""
        return torch.remainder(closing - self._home_closing + math.pi, 2 * math.pi) - math.pi
