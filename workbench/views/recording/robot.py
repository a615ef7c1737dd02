"""The robot of a recording: its URDF with light visual meshes, moved by the recorded joint positions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rerun as rr
from pyarrow import RecordBatch
from rerun.chunk import Chunk
from rerun.urdf import UrdfTree

from robots.registry import DEFAULT, arm
from workbench.rollout.trajectory import Trajectory
from workbench.views.recording.episode_log import EpisodeLog
from workbench.views.recording.light_mesh import light_mesh

ROBOT = "/world/robot"
_MESH_TYPES = {
    "model/vnd.collada+xml": "dae",
    "model/stl": "stl",
    "model/obj": "obj",
    "model/gltf-binary": "glb",
}


def urdf_of(trajectories: Sequence[Trajectory]) -> Path:
    """Description of the robot that acts in all of them; FileNotFoundError when it is not installed."""
    return arm(trajectories[0].robot if trajectories else DEFAULT).urdf()


@dataclass(frozen=True)
class RobotModel:
    """A robot, read once and drawn into every episode."""

    tree: UrdfTree
    chunks: tuple[Chunk, ...]
    """Where each visual shape sits on its link; simple shapes."""
    meshes: tuple[tuple[str, rr.Mesh3D], ...]
    """Entity path and mesh of each visual shape that is a file."""

    @classmethod
    def load(cls, urdf: Path) -> RobotModel:
        """Read a URDF and its visual meshes; collision shapes are left out. ValueError says what is wrong with it.

        A ``package://name/`` path is looked up in the folder called ``name`` that the URDF lies in.
        """
        if not urdf.is_file():
            raise ValueError(f"there is no robot description {urdf}")
        with _ros_packages_around(urdf):
            try:
                tree = UrdfTree.from_file_path(urdf)
                chunks = tree.stream(include_joint_transforms=False).to_chunks()
            except (RuntimeError, ValueError, OSError) as problem:
                raise ValueError(f"{urdf} is not a usable robot description: {problem}") from None
        placements, meshes = [], []
        for chunk in chunks:
            if "/collision_geometries/" in chunk.entity_path:
                continue
            path = ROBOT + chunk.entity_path.removeprefix(f"/{tree.name}")
            batch = chunk.to_record_batch()
            if "Asset3D:blob" not in batch.schema.names:
                placements.append(chunk.with_entity_path(path))
                continue
            blob = batch.column("Asset3D:blob")[0].values[0].values.to_numpy().tobytes()
            media_type = batch.column("Asset3D:media_type")[0].values[0].as_py()
            meshes.append((path, light_mesh(blob, _MESH_TYPES[media_type], _color(batch))))
        return cls(tree, tuple(placements), tuple(meshes))

    def log(self, log: EpisodeLog, joint_names: Sequence[str], joint_pos: np.ndarray) -> None:
        """Draw the robot over an episode.

        Args:
            log: where to.
            joint_names: recorded joints ``[J]``, by their names in the URDF.
            joint_pos: their positions ``[T + 1, J]`` [rad or m].

        Raises ValueError when the robot has a movable joint that was not recorded.
        """
        movable = [j.name for j in self.tree.joints() if j.joint_type != "fixed" and j.mimic is None]
        if missing := [name for name in movable if name not in joint_names]:
            raise ValueError(
                f"the robot {self.tree.name!r} has the joints {', '.join(missing)}, which the trajectory does "
                f"not record; it records {', '.join(joint_names)}"
            )
        log.stream.send_chunks(self.chunks)
        for path, mesh in self.meshes:
            log.static(path, mesh)
        # URDF links are named frames; without this they share no 3-D view with the entity tree.
        root = self.tree.root_link().name
        log.static(f"{ROBOT}/mount", rr.Transform3D(parent_frame="tf#/world", child_frame=root))
        instants = np.arange(len(joint_pos))
        for joint in self.tree.joints():
            path = f"{ROBOT}/joints/{joint.name}"
            if joint.joint_type == "fixed":
                log.static(path, joint.compute_transform(0.0))
                continue
            if joint.name in joint_names:
                values = joint_pos[:, joint_names.index(joint.name)]
            elif mimic := joint.mimic:  # it was not recorded, but follows from its driver
                values = mimic.multiplier * joint_pos[:, joint_names.index(mimic.joint)] + mimic.offset
            # Not clamped: a joint past its limit must look it.
            log.rows(path, instants, joint.compute_transform_columns(values.tolist(), clamp=False))


def _color(shape: RecordBatch) -> bytes | None:
    """Red, green, blue and alpha that the URDF gives a shape; None where the mesh's own colours hold."""
    if "Asset3D:albedo_factor" not in shape.schema.names:
        return None
    rgba: int = shape.column("Asset3D:albedo_factor")[0].values[0].as_py()
    return rgba.to_bytes(4, "big")


@contextmanager
def _ros_packages_around(urdf: Path) -> Iterator[None]:
    """Lets Rerun find the packages that the URDF lies in; it looks only where this variable says."""
    before = os.environ.get("ROS_PACKAGE_PATH")
    os.environ["ROS_PACKAGE_PATH"] = os.pathsep.join(str(parent) for parent in urdf.resolve().parents[1:])
    try:
        yield
    finally:
        if before is None:
            del os.environ["ROS_PACKAGE_PATH"]
        else:
            os.environ["ROS_PACKAGE_PATH"] = before
