"""Points on a robot's own surface, in any posture: what a depth camera that sees the arm is laid over."""

from __future__ import annotations

from dataclasses import dataclass

import coal
import numpy as np
import pinocchio as pin

from robots.collision_geometry import CollisionGeometry


@dataclass(frozen=True)
class _Part:
    joint: int
    points: np.ndarray
    normals: np.ndarray


class RobotSurface:
    """The arm's links as its description draws them, sampled evenly by area; the gripper is open."""

    def __init__(self, geometry: CollisionGeometry, spacing: float = 0.004, seed: int = 0) -> None:
        """
        Args:
            geometry: of the robot.
            spacing: about the distance between points [m].
            seed: of where on the surface they lie.

        FileNotFoundError without its meshes.
        """
        whole = pin.buildModelFromUrdf(str(geometry.urdf))
        loader = coal.CachedMeshLoader(coal.NODE_TYPE.BV_OBBRSS)
        meshes = pin.buildGeomFromUrdf(
            whole,
            str(geometry.urdf),
            pin.GeometryType.VISUAL,
            package_dirs=[str(folder) for folder in geometry.packages],
            mesh_loader=loader,
        )
        self._model, self._data = whole, whole.createData()
        self._posture = pin.neutral(whole)
        for name, value in geometry.gripper_joints:
            self._posture[whole.joints[whole.getJointId(name)].idx_q] = value
        self._arm = [whole.joints[whole.getJointId(name)].idx_q for name in geometry.arm_joints]
        random = np.random.default_rng(seed)
        self._parts = [
            part for shape in meshes.geometryObjects if (part := _sampled(shape, spacing, random)) is not None
        ]

    def at(self, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points ``[P, 3]`` [m] and unit normals ``[P, 3]`` in the base frame, at joint positions ``[n]`` [rad]."""
        posture = self._posture.copy()
        posture[self._arm] = joints
        pin.forwardKinematics(self._model, self._data, posture)
        points, normals = [], []
        for part in self._parts:
            placed = self._data.oMi[part.joint]
            points.append(part.points @ placed.rotation.T + placed.translation)
            normals.append(part.normals @ placed.rotation.T)
        return np.concatenate(points), np.concatenate(normals)


def _sampled(shape: pin.GeometryObject, spacing: float, random: np.random.Generator) -> _Part | None:
    """A mesh's surface; None for a shape that is none, which descriptions draw for sensors and frames alone."""
    mesh = shape.geometry
    if not isinstance(mesh, coal.BVHModelBase):
        return None
    vertices = np.array(mesh.vertices()) * shape.meshScale
    corners = vertices[
        np.array([[t[0], t[1], t[2]] for t in map(mesh.tri_indices, range(mesh.num_tris))])
    ]  # [T, 3, 3]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(crossed, axis=1) / 2
    count = int(np.ceil(area.sum() / spacing**2))
    taken = random.choice(len(area), count, p=area / area.sum())
    a, b = np.sqrt(random.random(count))[:, None], random.random(count)[:, None]
    p = corners[taken]
    points = (1 - a) * p[:, 0] + a * (1 - b) * p[:, 1] + a * b * p[:, 2]
    normals = crossed[taken] / (2 * area[taken, None])
    turned, moved = shape.placement.rotation, shape.placement.translation
    return _Part(shape.parentJoint, points @ turned.T + moved, normals @ turned.T)
