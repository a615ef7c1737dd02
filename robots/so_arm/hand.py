"""The SO-ARM's jaws in torch: how wide they stand, and how far something is from them."""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy
import torch
import trimesh

from robots.descriptions import description_folder
from robots.so_arm import hulls
from robots.so_arm.gripper import WIDEST, lead
from robots.so_arm.spec import (
    FACE_MESH,
    JAW_AXIS_TO_FACE,
    JAW_LEVER,
    JAW_LOW,
    JAW_MESH,
    JAW_ORIGIN,
    SO_ARM,
)


class Jaws:
    """A `robots.protocol.Hand` of one jaw that turns and one that stands still."""

    def width(self, joints: torch.Tensor) -> torch.Tensor:
        """Width ``[N]`` [m] at jaw angles ``[N, 1]`` [rad]."""
        return JAW_AXIS_TO_FACE + JAW_LEVER * torch.sin(joints[:, 0] + lead())

    def joints_at(self, width: torch.Tensor) -> torch.Tensor:
        """Jaw angles ``[N, 1]`` [rad] at widths ``[N]`` [m]; the nearest that the joint allows."""
        sine = ((width - JAW_AXIS_TO_FACE) / JAW_LEVER).clamp(-1.0, 1.0)
        return (torch.asin(sine) - lead()).clamp(JAW_LOW, WIDEST)[:, None]

    def distance(
        self, points: torch.Tensor, tool: torch.Tensor, rotation: torch.Tensor, joints: torch.Tensor
    ) -> torch.Tensor:
        """Least distance between points and the jaws ``[n]`` [m]; see `robots.protocol.Hand`.

        Over an edge or corner of a convex piece it is given as the distance from the farthest of the planes that meet
        there, which is less: what counts as touched is never too little.
        """
        to_tool = torch.tensor(
            scipy.spatial.transform.Rotation.from_quat(SO_ARM.tool_rotation).as_matrix()
        ).to(points)
        hand = rotation @ to_tool.T
        offset = points - tool[:, None]
        local = _in_frame(offset, hand) + torch.tensor(SO_ARM.tool_offset).to(points)
        c, s = torch.cos(joints[:, 0]), torch.sin(joints[:, 0])
        zero, one = torch.zeros_like(c), torch.ones_like(c)
        turn = torch.stack((c, -s, zero, s, c, zero, zero, zero, one), 1).view(-1, 3, 3)
        jaw = torch.tensor(JAW_ORIGIN[1]).to(points) @ turn
        in_jaw = _in_frame(local - torch.tensor(JAW_ORIGIN[0]).to(points), jaw)
        fixed, moving = _planes()
        return torch.minimum(_outside(local, fixed), _outside(in_jaw, moving)).clamp_min(0.0)


def _in_frame(points: torch.Tensor, axes: torch.Tensor) -> torch.Tensor:
    """Points ``[n, S, 3]`` along axes that are columns ``[n, 3, 3]``; a row does not depend on how many there are."""
    return torch.stack([(points * axes[:, None, :, i]).sum(-1) for i in range(3)], -1)


def _outside(points: torch.Tensor, pieces: tuple[np.ndarray, ...]) -> torch.Tensor:
    """Least distance ``[n]`` of points ``[n, S, 3]`` from convex pieces, each ``[F, 4]``: normals and offsets."""
    nearest = []
    for planes in pieces:
        p = torch.from_numpy(planes).to(points)
        above = sum(points[..., i, None] * p[:, i] for i in range(3)) - p[:, 3]
        nearest.append(above.amax(-1).amin(-1))
    return torch.stack(nearest).amin(0)


@cache
def _planes() -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Planes of the fixed jaw's pieces in the gripper link's frame, and of the moving jaw's in the jaw's."""
    meshes = description_folder("so_arm_description") / "meshes" / "so101"

    def placed(name: str, position: tuple[float, ...], angles: tuple[float, ...]) -> tuple[np.ndarray, ...]:
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = (
            scipy.spatial.transform.Rotation.from_euler("xyz", angles).as_matrix(),
            position,
        )
        return tuple(_planes_of(p.copy().apply_transform(pose)) for p in hulls.pieces(meshes / name))

    return placed(*FACE_MESH), placed(*JAW_MESH)


def _planes_of(piece: trimesh.Trimesh) -> np.ndarray:
    normals = piece.face_normals
    return np.column_stack((normals, (normals * piece.triangles[:, 0]).sum(1)))
