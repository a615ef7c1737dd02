"""`PrivilegedView`: what scripted policies may see of the simulator, for the rows that need a decision.

It also answers geometric questions about them: where to hold the target, where to put it, and what a pixel of the
front camera means on the table. Pure torch, so that experts are tested without a simulator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import torch

from robots.protocol import RobotModel
from robots.registry import robot
from tasks.cameras import back_project
from tasks.imaging.lens import project_distorted, undistort
from tasks.poses import angle, matrix
from tasks.tabletop.workspace import Slot

OVER_TABLE = 0.001
"""How far fingers stay off the table [m]."""
HELD = 0.06
"""Distance of an object's origin from the tool up to which it is where the fingers are, at full size [m]."""


@dataclass
class PrivilegedView:
    """State of ``n`` environments in their robots' base frames, and the camera in whose pixels a policy speaks."""

    slots: tuple[Slot, ...]
    """The pool ``[B]``."""
    body_pose: torch.Tensor
    """``[n, B, 7]``"""
    active: torch.Tensor
    """Bodies in use ``[n, B]``, bool."""
    target: torch.Tensor
    """Row of the named object in the pool ``[n]``."""
    receptacle: torch.Tensor
    """Row of the named receptacle in the pool ``[n]``."""
    in_place: torch.Tensor
    """Whether the object lies in the receptacle ``[n]``, bool."""
    tool: torch.Tensor
    """Tool position ``[n, 3]`` [m]."""
    table_z: torch.Tensor
    """Height of the table's middle ``[n]`` [m]."""
    camera: str
    image_size: tuple[int, int]
    """(width, height) [px]."""
    intrinsics: torch.Tensor
    """``[n, 3, 3]`` [px]"""
    distortion: torch.Tensor
    """Radial distortion ``[n]``."""
    camera_position: torch.Tensor
    """``[n, 3]`` [m]"""
    camera_rotation: torch.Tensor
    """``[n, 3, 3]``, OpenCV axes as columns."""
    robot: RobotModel = field(default_factory=robot)
    """Which robot it is."""

    @property
    def scale(self) -> float:
        """Size of the scene against that of the composed one."""
        return self.robot.workspace.scale

    @cached_property
    def target_pose(self) -> torch.Tensor:
        """``[n, 7]``"""
        return self.body_pose[torch.arange(len(self.target)), self.target]

    @cached_property
    def receptacle_pose(self) -> torch.Tensor:
        """``[n, 7]``"""
        return self.body_pose[torch.arange(len(self.target)), self.receptacle]

    @cached_property
    def held(self) -> torch.Tensor:
        """Whether the object is where the fingers are ``[n]``, bool."""
        return (self.target_pose[:, :3] - self.tool).norm(dim=1) < HELD * self.scale

    @cached_property
    def place_point(self) -> torch.Tensor:
        """Middle of the surface that is to carry the object ``[n, 3]`` [m]."""
        point = self.receptacle_pose[:, :3].clone()
        drop = [self.slots[i].support_height - self.slots[i].height / 2 for i in self.receptacle.tolist()]
        point[:, 2] += torch.tensor(drop, device=point.device)
        return point

    @cached_property
    def rest_point(self) -> torch.Tensor:
        """Middle of the object once it rests on `place_point` ``[n, 3]`` [m]."""
        half = [self.slots[i].height / 2 for i in self.target.tolist()]
        point = self.place_point.clone()
        point[:, 2] += torch.tensor(half, device=point.device)
        return point

    @cached_property
    def rim_z(self) -> torch.Tensor:
        """Top of the receptacle ``[n]`` [m]."""
        half = torch.tensor(
            [self.slots[i].height / 2 for i in self.receptacle.tolist()], device=self.tool.device
        )
        return self.receptacle_pose[:, 2] + half

    # -- grasps of the named object: G = 8 candidates

    @cached_property
    def _grasps(self) -> torch.Tensor:
        """x, y, yaw, height of 8 candidates in the object's frame, at its scale ``[n, 8, 4]``; few grasps repeat."""
        rows = []
        for i in self.target.tolist():
            s = self.slots[i].scale
            # Turned by half a turn, the fingers swap places and the grasp is the same.
            both = [
                (g.offset[0] * s, g.offset[1] * s, g.yaw + turn, g.height * s)
                for g in self.slots[i].body.grasps
                for turn in (0.0, math.pi)
            ]
            rows.append((both * 8)[:8])
        return torch.tensor(rows, device=self.tool.device)

    @cached_property
    def _object_yaw(self) -> torch.Tensor:
        x, y, z, w = self.target_pose[:, 3:].unbind(-1)
        return angle(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))

    @cached_property
    def _candidate_xy(self) -> torch.Tensor:
        """``[n, G, 2]`` [m]"""
        c, s = torch.cos(self._object_yaw), torch.sin(self._object_yaw)
        g = self._grasps
        x = self.target_pose[:, None, 0] + c[:, None] * g[..., 0] - s[:, None] * g[..., 1]
        y = self.target_pose[:, None, 1] + s[:, None] * g[..., 0] + c[:, None] * g[..., 1]
        return torch.stack((x, y), -1)

    @cached_property
    def candidate_yaw(self) -> torch.Tensor:
        """Direction in which the fingers close ``[n, G]`` [rad], base frame, in (-pi, pi]."""
        yaw = self._object_yaw[:, None] + self._grasps[..., 2]
        return torch.remainder(yaw + math.pi, 2 * math.pi) - math.pi

    @cached_property
    def grasp_clearance(self) -> torch.Tensor:
        """Room between the open fingers and the nearest other body ``[n, G]`` [m], 4 cm at most at full size."""
        yaw = self.candidate_yaw
        finger = self.robot.gripper.open_reach * torch.stack((torch.cos(yaw), torch.sin(yaw)), -1)
        spots = torch.stack((self._candidate_xy + finger, self._candidate_xy - finger), 2)  # [n, G, 2, 2]
        gap = (spots[:, :, :, None] - self.body_pose[:, None, None, :, :2]).norm(dim=-1)
        radius = torch.tensor([s.radius for s in self.slots], device=gap.device)
        others = self.active.clone()
        others[torch.arange(len(self.target)), self.target] = False
        gap = torch.where(
            others[:, None, None], gap - radius - self.robot.gripper.finger_radius, torch.full_like(gap, 1.0)
        )
        return gap.amin((2, 3)).clamp_max(0.04 * self.scale)

    @cached_property
    def grasp_turn(self) -> torch.Tensor:
        """How far the hand must turn from its home orientation for each candidate ``[n, G]`` [rad]."""
        points = torch.cat((self._candidate_xy, torch.zeros_like(self._candidate_xy[..., :1])), -1)
        return self.robot.tool_control().grasp_turn(points, self.candidate_yaw)

    def grasp_point(self, choice: torch.Tensor) -> torch.Tensor:
        """Tool position of the chosen candidate ``[n, 3]`` [m]."""
        n = torch.arange(len(choice))
        base = self.target_pose[:, 2] - torch.tensor(
            [self.slots[i].height / 2 for i in self.target.tolist()], device=choice.device
        )
        return torch.cat((self._candidate_xy[n, choice], (base + self.grasp_height(choice))[:, None]), 1)

    def grasp_height(self, choice: torch.Tensor) -> torch.Tensor:
        """Height of the tool above the object's base ``[n]`` [m]: so low that the fingers stay off the table."""
        n = torch.arange(len(choice))
        spot = torch.cat((self._candidate_xy[n, choice], torch.zeros_like(self.tool[:, :1])), 1)
        depth = self.robot.tool_control().grasp_depth(spot, self.candidate_yaw[n, choice])
        return torch.maximum(self._grasps[n, choice, 3], depth + OVER_TABLE)

    def grasp_closing(self, choice: torch.Tensor) -> torch.Tensor:
        """Heading along which the fingers close in the chosen candidate ``[n]`` [rad], base frame."""
        return self.candidate_yaw[torch.arange(len(choice)), choice]

    # -- pixels

    def pixels(self, points: torch.Tensor) -> torch.Tensor:
        """Pixels ``[n, P, 2]`` of points ``[n, P, 3]`` in the camera's image."""
        return project_distorted(
            points, self.camera_position, self.camera_rotation, self.intrinsics, self.distortion
        )

    def ground_shift(self, error_px: torch.Tensor) -> torch.Tensor:
        """What an error in pixels means in metres, ``[n, 2, 2]``: rows are object and receptacle, columns x and y.

        The misjudged pixel is taken back to the horizontal plane of the body it stands for.
        """
        shifts = []
        for k, pose in enumerate((self.target_pose, self.receptacle_pose)):
            uv = self.pixels(pose[:, None, :3])[:, 0] + error_px[:, k]
            ideal = self._without_distortion(uv)
            seen = back_project(
                ideal, self.camera_position, self.camera_rotation, self.intrinsics, pose[:, 2]
            )
            # No error means no shift, not the rounding of there and back.
            erring = (error_px[:, k] != 0).any(1, keepdim=True)
            shifts.append(torch.where(erring, seen[:, :2] - pose[:, :2], 0.0))
        return torch.stack(shifts, 1)

    def _without_distortion(self, uv: torch.Tensor) -> torch.Tensor:
        """Where pixels ``[n, 2]`` would be if the lens did not distort."""
        middle, focal = self.intrinsics[:, :2, 2], self.intrinsics[:, (0, 1), (0, 1)]
        return undistort(((uv - middle) / focal)[:, None], self.distortion)[:, 0] * focal + middle

    def outline(self, row: int, slot: int) -> torch.Tensor:
        """Pixels ``[V, 2]`` of the visible surface of one body in one environment."""
        body = self.slots[slot]
        vertices = torch.as_tensor(body.body.visual.vertices * body.scale, dtype=torch.float32)
        rotation = matrix(self.body_pose[row, slot, 3:])
        world = vertices.to(rotation.device) @ rotation.T + self.body_pose[row, slot, :3]
        r = slice(row, row + 1)
        return project_distorted(
            world[None],
            self.camera_position[r],
            self.camera_rotation[r],
            self.intrinsics[r],
            self.distortion[r],
        )[0]
