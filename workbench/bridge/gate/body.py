"""`Body`: the arm's links as convex hulls, one a link, placed by `pinocchio` and tested for contact by `coal`.

A hull holds everything that the URDF says about a link's collision shape, and more where the shape is hollow, so hulls
touch before the arm does. The gripper is fully open, where it takes the most room. Nothing that it carries is known.
"""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

import coal
import numpy as np
import pinocchio as pin
from scipy.spatial import ConvexHull

from robots.collision_geometry import CollisionGeometry
from workbench.bridge.gate.messages import GateError

WORLD = 0
"""Number of the joint to which everything that stands still is fixed."""


class Body:
    """Kinematics and hulls of one arm; ``arm`` and ``shapes`` are `pinocchio`'s models of them."""

    def __init__(self, geometry: CollisionGeometry) -> None:
        """GateError when the description lacks something that is named; FileNotFoundError without a mesh."""
        whole = pin.buildModelFromUrdf(str(geometry.urdf))
        packages = [str(folder) for folder in geometry.packages]
        loader = coal.CachedMeshLoader(coal.NODE_TYPE.BV_OBBRSS)  # the same motor is in many links
        meshes = pin.buildGeomFromUrdf(
            whole, str(geometry.urdf), pin.GeometryType.COLLISION, package_dirs=packages, mesh_loader=loader
        )
        posture = pin.neutral(whole)
        for name, value in (*zip(geometry.arm_joints, geometry.home, strict=True), *geometry.gripper_joints):
            if not whole.existJointName(name):
                raise GateError(f"{geometry.urdf} has no joint {name!r}")
            posture[whole.joints[whole.getJointId(name)].idx_q] = value
        locked = [i for i in range(1, whole.njoints) if whole.names[i] not in geometry.arm_joints]
        self.arm, (meshes,) = pin.buildReducedModel(whole, [meshes], locked, posture)
        if tuple(self.arm.names)[1:] != geometry.arm_joints or self.arm.nq != len(geometry.arm_joints):
            raise GateError(f"{geometry.urdf} has the arm's joints in the order {tuple(self.arm.names)[1:]}")
        if not self.arm.existFrame(geometry.tool_link):
            raise GateError(f"{geometry.urdf} has no link {geometry.tool_link!r}")
        link = self.arm.frames[self.arm.getFrameId(geometry.tool_link)]
        turn = pin.Quaternion(np.array(geometry.tool_rotation)).toRotationMatrix()
        placement = link.placement * pin.SE3(turn, np.array(geometry.tool_offset))
        self.tool_frame = self.arm.addFrame(
            pin.Frame(
                "gate_tool",
                link.parentJoint,
                self.arm.getFrameId(geometry.tool_link),
                placement,
                pin.OP_FRAME,
            )
        )
        self.vertices: dict[str, np.ndarray] = {}
        """Of each link's hull, in the frame of the joint that moves it ``[V, 3]`` [m]."""
        self.shapes = self._hulls(meshes)
        self.reach = self._reach(placement.translation, link.parentJoint)
        """Greatest distance of any point that a joint moves from that joint's axis, in any posture ``[J]`` [m]."""
        self._exclude_neighbours(geometry)

    def link(self, index: int) -> str:
        """Name of what a shape belongs to."""
        return str(self.shapes.geometryObjects[index].name)

    def _hulls(self, meshes: pin.GeometryModel) -> pin.GeometryModel:
        points: dict[int, list[np.ndarray]] = {}
        joints: dict[int, int] = {}
        for shape in meshes.geometryObjects:
            corners = _corners(shape.geometry, shape.name) * shape.meshScale
            placed = corners @ shape.placement.rotation.T + shape.placement.translation
            points.setdefault(shape.parentFrame, []).append(placed)
            joints[shape.parentFrame] = shape.parentJoint
        hulls = pin.GeometryModel()
        for frame, parts in points.items():
            name, cloud = self.arm.frames[frame].name, np.concatenate(parts)
            self.vertices[name] = cloud[ConvexHull(cloud).vertices]
            listed = coal.StdVec_Vec3s()
            listed.extend(list(self.vertices[name]))
            hull = coal.Convex.convexHull(listed, True, "Qt")
            hulls.addGeometryObject(pin.GeometryObject(name, joints[frame], pin.SE3.Identity(), hull))
        return hulls

    def _reach(self, tool: np.ndarray, tool_joint: int) -> np.ndarray:
        farthest = np.zeros(self.arm.njoints)
        farthest[tool_joint] = np.linalg.norm(tool)
        for shape in self.shapes.geometryObjects:
            corners = np.linalg.norm(self.vertices[shape.name], axis=1).max()
            farthest[shape.parentJoint] = max(farthest[shape.parentJoint], corners)
        for joint in range(self.arm.njoints - 1, 1, -1):
            parent = self.arm.parents[joint]
            beyond = np.linalg.norm(self.arm.jointPlacements[joint].translation) + farthest[joint]
            farthest[parent] = max(farthest[parent], beyond)
        return farthest[1:]

    def _exclude_neighbours(self, geometry: CollisionGeometry) -> None:
        """All pairs of links but neighbours, those that the SRDF lists, and without one those that touch at home."""
        listed = set() if geometry.srdf is None else _disabled(geometry.srdf.read_text("utf-8"))
        for a, b in itertools.combinations(range(len(self.shapes.geometryObjects)), 2):
            joints = sorted(self.shapes.geometryObjects[i].parentJoint for i in (a, b))
            neighbours = joints[0] == joints[1] or self.arm.parents[joints[1]] == joints[0]
            if not neighbours and frozenset((self.link(a), self.link(b))) not in listed:
                self.shapes.addCollisionPair(pin.CollisionPair(a, b))
        if geometry.srdf is None:
            data, results = self.arm.createData(), self.shapes.createData()
            pin.computeCollisions(self.arm, data, self.shapes, results, np.array(geometry.home), False)
            touching = [
                pair
                for pair, result in zip(self.shapes.collisionPairs, results.collisionResults, strict=True)
                if result.isCollision()
            ]
            for pair in touching:
                self.shapes.removeCollisionPair(pair)


def _corners(shape: coal.CollisionGeometry, name: str) -> np.ndarray:
    """Points ``[V, 3]`` [m] whose hull holds a shape."""
    if isinstance(shape, coal.BVHModelBase):
        return np.array(shape.vertices())
    if isinstance(shape, coal.Box):
        return np.array(list(itertools.product(*((-h, h) for h in shape.halfSide))))
    if isinstance(shape, coal.Sphere | coal.Cylinder | coal.Capsule):
        half = getattr(shape, "halfLength", 0.0) + (0.0 if isinstance(shape, coal.Cylinder) else shape.radius)
        return np.array(list(itertools.product(*((-h, h) for h in (shape.radius, shape.radius, half)))))
    raise GateError(f"the collision shape {name!r} is a {type(shape).__name__}: no hull is made of that")


def _disabled(srdf: str) -> set[frozenset[str]]:
    return {
        frozenset((pair.get("link1", ""), pair.get("link2", "")))
        for pair in ElementTree.fromstring(srdf).iter("disable_collisions")
    }
