"""What goes wrong in archives; see `tests.workbench.data.corruptions`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.workbench.data.archives import write_archive
from tests.workbench.data.corruptions import BAD, NONSENSE, OTHER, OTHER_TASK, TRANSLATION, Corruption, scaled
from workbench.data.archive.archive import episodes
from workbench.data.archive.statistics import write_archive_statistics
from workbench.data.episode import DatasetEpisode


def plant_in_archive(source: Path, target: Path, corruption: Corruption) -> None:
    """A copy of an archive of few episodes with a corruption in it."""
    found = sorted(episodes(source / "episodes"), key=lambda e: e.name)
    corruption.plant(found)
    write_archive(target, *found)
    write_archive_statistics(target)


def _fields(**change: Callable[[DatasetEpisode], Any]) -> Callable[[list[DatasetEpisode]], None]:
    def plant(found: list[DatasetEpisode]) -> None:
        episode = found[BAD]
        found[BAD] = replace(episode, **{name: make(episode) for name, make in change.items()})

    return plant


def _camera(name: str, **change: Callable[[Any], Any]) -> Callable[[list[DatasetEpisode]], None]:
    def plant(found: list[DatasetEpisode]) -> None:
        episode = found[BAD]
        camera = episode.cameras[name]
        camera = replace(camera, **{member: make(camera) for member, make in change.items()})
        found[BAD] = replace(episode, cameras={**episode.cameras, name: camera})

    return plant


def _record(**change: Any) -> Callable[[list[DatasetEpisode]], None]:
    return _fields(record=lambda e: {**e.record, **change})


def _rolled(pose: np.ndarray) -> np.ndarray:
    """Quaternions w x y z where x y z w is meant."""
    return np.concatenate((pose[..., :3], np.roll(pose[..., 3:], 1, -1)), -1)


def _right(boxes: np.ndarray, width: int) -> np.ndarray:
    """Boxes 10 px further right, as far as the picture goes."""
    moved = boxes + np.array((10, 0, 10, 0), np.float32)
    return np.where(moved[..., 2:3] <= width, moved, boxes)


def _later(actions: np.ndarray, columns: slice) -> np.ndarray:
    found = actions.copy()
    found[1:, columns] = actions[:-1, columns]
    return found


def _swap_renderings(found: list[DatasetEpisode]) -> None:
    a, b = found[BAD].cameras["front"], found[OTHER].cameras["front"]
    for k, (own, pictures) in ((BAD, (a, b.jpeg)), (OTHER, (b, a.jpeg))):
        found[k] = replace(found[k], cameras={**found[k].cameras, "front": replace(own, jpeg=pictures)})


def _swap_cameras(found: list[DatasetEpisode]) -> None:
    front, wrist = found[BAD].cameras["front"], found[BAD].cameras["wrist"]
    cameras = {"front": replace(front, jpeg=wrist.jpeg), "wrist": replace(wrist, jpeg=front.jpeg)}
    found[BAD] = replace(found[BAD], cameras=cameras)


def _swap_tasks(found: list[DatasetEpisode]) -> None:
    for k, other in ((BAD, found[OTHER_TASK].instruction), (OTHER_TASK, found[BAD].instruction)):
        found[k] = replace(found[k], record={**found[k].record, "instruction": other})


def _copy_episode(found: list[DatasetEpisode]) -> None:
    found.append(replace(found[BAD], name="000099-00"))


def _doubled_rows(found: list[DatasetEpisode]) -> None:
    """The state of one step is there twice, and the next one is lost."""
    episode, changed = found[BAD], {}
    for name in (
        "joint_pos",
        "joint_vel",
        "ee_pose",
        "measured_joint_pos",
        "measured_ee_pose",
        "commanded_joints",
    ):
        values = getattr(episode, name).copy()
        values[9] = values[8]
        changed[name] = values
    found[BAD] = replace(episode, **changed)


ARM = slice(0, 6)
IN_ARCHIVES = (
    Corruption(
        "boxes +10 px",
        r"front/boxes: .*boxes lie (9|10)\.\d px right",
        _camera("front", boxes=lambda c: _right(c.boxes, c.width), mask=lambda c: None),
    ),
    Corruption(
        "grasp +15 px",
        r"front/grasp: .*grasp lies 15\.\d px right",
        _camera("front", grasp=lambda c: c.grasp + np.array((15, 0), np.float32)),
    ),
    Corruption(
        "trace in pixels +8 px",
        r"wrist/trace: .*trace lies 8\.\d px down",
        _camera("wrist", trace=lambda c: c.trace + np.array((0, 8), np.float32)),
    ),
    Corruption(
        "intrinsics x 1.05",
        r"front/intrinsics.*: .*the whole matrix of intrinsics is 1\.05 times",
        _camera("front", intrinsics=lambda c: c.intrinsics * np.array(((1.05,), (1.05,), (1,)), np.float32)),
    ),
    Corruption(
        "focal length x 1.05",
        r"front/intrinsics.*: .*the focal length is 1\.05 times",
        _camera(
            "front",
            intrinsics=lambda c: c.intrinsics * np.array(((1.05, 1, 1), (1, 1.05, 1), (1, 1, 1)), np.float32),
        ),
    ),
    Corruption(
        "front camera +5 cm",
        r"front/position.*camera's position is off by \([+-]0\.\d, \+50\.\d, [+-]0\.\d\) mm",
        _camera("front", position=lambda c: c.position + np.array((0, 0.05, 0), np.float32)),
    ),
    Corruption(
        "wrist camera +5 cm",
        r"wrist/position.*camera's position is off by \(\+50\.\d",
        _camera("wrist", position=lambda c: c.position + np.array((0.05, 0, 0), np.float32)),
    ),
    Corruption(
        "camera's rotation transposed",
        r"front/rotation.*rotation is transposed",
        _camera("front", rotation=lambda c: c.rotation.transpose(0, 2, 1)),
    ),
    Corruption(
        "lens", r"front/distortion.*the distortion is 0\.1", _camera("front", distortion=lambda c: 0.1)
    ),
    Corruption(
        "bodies x 10",
        r"body_pose: .*bodies' positions are 10 times",
        _fields(body_pose=lambda e: scaled(e.body_pose, TRANSLATION, 10.0)),
    ),
    Corruption(
        "bodies in millimetres",
        r"body_pose: .*bodies' positions are 1000 times .*millimetres",
        _fields(body_pose=lambda e: scaled(e.body_pose, TRANSLATION, 1000.0)),
    ),
    Corruption(
        "sizes of bodies x 10",
        r"bodies: .*has 10 times the size",
        _fields(
            bodies=lambda e: tuple(replace(b, extents=tuple(10 * x for x in b.extents)) for b in e.bodies)
        ),
    ),
    Corruption(
        "actions in millimetres",
        r"actions.*: translation is 1\S*e\+03 times .*millimetres",
        _fields(actions=lambda e: scaled(e.actions, TRANSLATION, 1000.0)),
    ),
    Corruption(
        "reported tool in millimetres",
        r"measured_ee_pose \(position\): is (1000|999)\S* times .*millimetres",
        _fields(measured_ee_pose=lambda e: scaled(e.measured_ee_pose, TRANSLATION, 1000.0)),
    ),
    Corruption(
        "tool in millimetres",
        r"/ee_pose \(position\): is (1000|999)\S* times .*millimetres",
        _fields(ee_pose=lambda e: scaled(e.ee_pose, TRANSLATION, 1000.0)),
    ),
    Corruption(
        "joints in degrees",
        r"measured_joint_pos: is in degrees",
        _fields(measured_joint_pos=lambda e: np.degrees(e.measured_joint_pos)),
    ),
    Corruption(
        "quaternions w x y z",
        r"/ee_pose \(quaternion\): is stored w x y z where x y z w is meant",
        _fields(ee_pose=lambda e: _rolled(e.ee_pose)),
    ),
    Corruption(
        "length of quaternions",
        r"/ee_pose \(quaternion\): has length 1\.1",
        _fields(ee_pose=lambda e: scaled(e.ee_pose, slice(3, 7), 1.1)),
    ),
    Corruption(
        "sign of the gripper",
        r"actions \(gripper\): has the wrong sign",
        _fields(actions=lambda e: scaled(e.actions, 6, -1.0)),
    ),
    Corruption(
        "actions a row late",
        r"actions \(dx to drot_z\): lies 1 row late",
        _fields(actions=lambda e: _later(e.actions, ARM)),
    ),
    Corruption(
        "gripper a row late",
        r"actions \(gripper\): lies \d\S* rows late",
        _fields(actions=lambda e: _later(e.actions, slice(6, 7))),
    ),
    Corruption(
        "actions zero",
        r"actions \(dx to drot_z\): is zero in every row",
        _fields(actions=lambda e: scaled(e.actions, ARM, 0.0)),
    ),
    Corruption(
        "sign of the actions",
        r"actions \(dx to drot_z\): translation has the wrong sign",
        _fields(actions=lambda e: scaled(e.actions, ARM, -1.0)),
    ),
    Corruption(
        "depth x 2",
        r"front/depth: .*depth is (1\.9|2)\d* times",
        _camera("front", depth=lambda c: c.depth * 2),
    ),
    Corruption(
        "depth of nothing",
        r"front/depth: .*depth is 0 \(unknown\)",
        _camera("front", depth=lambda c: c.depth * 0),
    ),
    Corruption(
        "a nonsense instruction",
        r"instruction: .*colourless.*another episode's, or nobody's",
        _record(instruction=NONSENSE),
    ),
    Corruption("success=False", r"record/success: is false", _record(success=False)),
    Corruption("tasks swapped", r"instruction: .*another episode's, or nobody's", _swap_tasks),
    Corruption(
        "pictures of two renderings swapped",
        r"front/jpeg: .*it is that of camera front of episode 000000-01",
        _swap_renderings,
    ),
    Corruption(
        "front and wrist swapped",
        r"front/jpeg: .*it is that of camera wrist of the same episode",
        _swap_cameras,
    ),
    Corruption(
        "an episode twice", r"episode 000099-00 holds the same numbers as episode 000000-00", _copy_episode
    ),
    Corruption("a row twice", r"joint_pos: row 9 repeats row 8", _doubled_rows),
    Corruption(
        "grasp beside the object",
        r"/grasp: is not what the states",
        _fields(grasp=lambda e: e.grasp + np.array(((0.1, 0, 0), (0, 0, 0)), np.float32)),
    ),
    Corruption(
        "joint velocities in degrees",
        r"joint_vel: is [45]\d\.\d times as fast",
        _fields(joint_vel=lambda e: np.degrees(e.joint_vel)),
    ),
)
