"""``workbench bridge archive RUN out=FOLDER``: a run's logs as an archive of the data engine.

The archive is HDF5 in Isaac Lab's and robomimic's layout; `workbench data` exports it to LeRobot, shows it, and replays
it in the simulator. What no real robot knows is not made up: where things are is what a declared sensor said, what is
visible of them is unknown (NaN boxes), and arm and hand are where they were measured.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from policy.action import ActionSpec
from workbench.bridge.episode import FRAME_EVERY
from workbench.bridge.ticks import read_ticks
from workbench.bridge.trajectory import camera_track
from workbench.bridge.twin import scene
from workbench.cli.options import OptionError
from workbench.data.archive.archive import EPISODES
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.episode import PHASES, TRACE_POINTS, Body, CameraFrames, DatasetEpisode
from workbench.data.generate.annotate import Demonstration, NotADemonstration, demonstration, ways_ahead
from workbench.runs.folder import RunFolder

BODIES = {
    scene.OBJECT: Body("cube_small", "target", scene.OBJECT, (scene.CUBE_EDGE,) * 3),
    scene.RECEPTACLE: Body(
        "tray", "receptacle", scene.RECEPTACLE, (scene.TRAY[0], scene.TRAY[1], scene.TRAY[3])
    ),
}
"""Things that sensors name -> what the simulated tasks call them."""
IDENTITY = np.array((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0))


def write_archive(run: Path, out: Path) -> int:
    """Write all episodes of a run that ended; how many. OptionError for a run without any, or a taken folder."""
    if (out / EPISODES).exists():
        raise OptionError(f"out={out} holds an archive already; choose another folder")
    RunFolder(run).config()
    count = 0
    with ChunkWriter(out / EPISODES / "chunk-bridge.hdf5", "Workbench-PickPlace-Franka-v0") as writer:
        for episode in episodes_of(run):
            writer.add(episode)
            writer.lines.append({"index": int(episode.record["index"]), "name": episode.name, "kept": True})
            count += 1
        if not count:
            raise OptionError(f"{run} has no log of an episode that ended, with kinematics that are known")
    return count


def episodes_of(run: Path) -> Iterator[DatasetEpisode]:
    """The episodes of a run, from its logs; those that were cut short are left out."""
    for path in sorted((run / "ticks").glob("*.mcap")):
        episode = read_episode(path)
        if episode is not None:
            yield episode


def read_episode(path: Path) -> DatasetEpisode | None:
    """The episode of a log; None where it was cut short. ValueError for a file that is no log."""
    begun: dict[str, Any] = {}
    record: dict[str, Any] | None = None
    controls: list[dict[str, Any]] = []
    pictures: dict[str, list[bytes]] = {}
    frame_steps: list[int] = []
    last: dict[str, Any] | None = None
    for topic, message in read_ticks(path):
        if topic == "/episode" and "begin" in message:
            begun = message
        elif topic == "/episode":
            record = message["record"]
        elif topic == "/tick" and "state" in message:
            last = message
            if "control" in message:
                controls.append(message)
        elif topic == "/frame":
            frame_steps.append(int(message["step"]))
        elif topic.startswith("/picture/"):
            pictures.setdefault(topic.rpartition("/")[2], []).append(base64.b64decode(message["data"]))
    if record is None or not controls or last is None or controls[0]["control"]["ee_pose"][0] is None:
        return None
    return _made(begun, record, controls, last, frame_steps if pictures else [], pictures)


def _made(
    begun: Mapping[str, Any],
    record: dict[str, Any],
    controls: list[dict[str, Any]],
    last: Mapping[str, Any],
    frame_steps: list[int],
    pictures: Mapping[str, list[bytes]],
) -> DatasetEpisode:
    spec = ActionSpec.from_dict(begun["action_spec"])
    states = [*controls, last]
    steps = len(controls)

    def measured(name: str) -> np.ndarray:
        return np.array([state["state"][name]["value"] for state in states], np.float64)

    ee_pose = np.array([c["control"]["ee_pose"] for c in controls], np.float64)
    ee_pose = np.concatenate((ee_pose, ee_pose[-1:]))
    bodies, poses = _bodies(controls)
    width = np.clip(measured("gripper_width")[:, 0], 0.0, None)
    actions = np.array([c["control"]["action"] for c in controls], np.float32)
    where, kept, shown = _evenly(frame_steps, steps)
    demo = _shown(spec, actions, ee_pose, width, poses)
    index = int(record["index"])
    return DatasetEpisode(
        name=f"{index:06d}-00",
        record=record,
        render=0,
        factors={},
        paraphrases=(),
        control_hz=spec.control_hz,
        action_spec=spec,
        base_pose=IDENTITY,
        bodies=bodies,
        actions=actions,
        joint_pos=measured("joint_pos"),
        joint_vel=measured("joint_vel"),
        gripper_width=width,
        ee_pose=ee_pose,
        commanded_joints=np.array([state["setpoint"][0] for state in states], np.float64),
        measured_joint_pos=measured("joint_pos"),
        measured_ee_pose=ee_pose,
        measured_gripper_width=width,
        body_pose=poses,
        phase=demo.phase,
        grasp=demo.grasp,
        contact=demo.contact,
        place=demo.place,
        frame_steps=where,
        shown_steps=shown,
        trace=ways_ahead(ee_pose[:, :3], demo.phase, shown),
        cameras={
            name: _camera(name, [jpegs[k] for k in kept], ee_pose[shown], len(bodies))
            for name, jpegs in pictures.items()
        },
    )


def _evenly(frame_steps: list[int], steps: int) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Frames at an even rate, as datasets have them, each with the newest picture that there was: it may be late.

    Returns:
        the control step of each frame ``[F]``, which picture it has, and the control step that this one shows ``[F]``.
    """
    taken = np.array([step for step in frame_steps if step < steps], np.int64)
    if not len(taken):
        return taken, [], taken
    where = np.arange(taken[0], steps, FRAME_EVERY, dtype=np.int64)
    kept = np.searchsorted(taken, where, side="right") - 1
    return where, kept.tolist(), taken[kept]


def _bodies(controls: list[dict[str, Any]]) -> tuple[tuple[Body, ...], np.ndarray]:
    """Things that a sensor followed from the beginning, and their poses ``[T + 1, P, 7]``."""
    first = controls[0]["control"]["poses"] or {}
    names = [name for name in BODIES if name in first]
    rows = [[c["control"]["poses"][name] for name in names] for c in controls] if names else []
    poses = np.array(rows, np.float64).reshape(len(controls), len(names), 7)
    return tuple(BODIES[name] for name in names), np.concatenate((poses, poses[-1:]))


def _shown(
    spec: ActionSpec, actions: np.ndarray, tool: np.ndarray, width: np.ndarray, poses: np.ndarray
) -> Demonstration:
    """What the episode shows, by what was measured; of one that failed, the hand's commands alone."""
    told = spec.closes(actions) if spec.gripper_index is not None else np.zeros(len(actions), bool)
    closed = np.concatenate(([False], told))
    if poses.shape[1] > 1:
        try:
            return demonstration(closed, tool, width, poses[:, 0], poses[:, 1])
        except NotADemonstration:
            place = (poses[-1, 0, :3] - poses[-1, 1, :3]).astype(np.float32)
    else:
        place = np.zeros(3, np.float32)
    phase = np.where(closed, PHASES.index("grasp"), PHASES.index("reach")).astype(np.uint8)
    nothing = np.full((2, 3), np.nan, np.float32)
    return Demonstration(phase, nothing, nothing.copy(), place)


def _camera(name: str, jpegs: list[bytes], tool: np.ndarray, bodies: int) -> CameraFrames:
    size = Image.open(io.BytesIO(jpegs[0])).size[0]
    track, count = camera_track(name, "franka", size, tool), len(jpegs)
    return CameraFrames(
        width=size, height=size, jpeg=tuple(jpegs), intrinsics=track.intrinsics, distortion=0.0,
        position=track.position, rotation=track.rotation, boxes=np.full((count, bodies, 4), np.nan),
        visibility=np.zeros((count, bodies)), grasp=np.full((count, 2), np.nan),
        contact=np.full((count, 2, 2), np.nan), place=np.full((count, 2), np.nan),
        trace=np.full((count, TRACE_POINTS, 2), np.nan),
    )  # fmt: skip
