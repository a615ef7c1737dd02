"""`write_recording`: trajectories in, one ``.rrd`` file out."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rerun as rr

from workbench.rollout.trajectory import Trajectory
from workbench.runs.durable import naming
from workbench.views.recording.blueprint import blueprint
from workbench.views.recording.description import log_description
from workbench.views.recording.episode_log import EpisodeLog
from workbench.views.recording.grounding import log_grounding
from workbench.views.recording.images import log_images
from workbench.views.recording.rerun_binary import quiet_environment, rerun_binary
from workbench.views.recording.robot import RobotModel
from workbench.views.recording.scene import log_predicted_rays, log_scene
from workbench.views.recording.signals import log_signals

_PROBE = 1 << 20
"""More than a disk takes on which Rerun's writer has just failed [bytes]."""


def recording_id(record: Mapping[str, Any]) -> str:
    """Name of an episode's recording inside the file: ``episode_000017``."""
    return f"episode_{int(record['index']):06d}"


def write_recording(trajectories: Sequence[Trajectory], path: Path, robot_urdf: Path | None = None) -> Path:
    """Write episodes to one Rerun file, replacing it in one step.

    Args:
        trajectories: at least one; no two of the same episode.
        path: the file, usually ``<run>/recording.rrd``. Its folder's name becomes the Rerun application id, so
            that two runs opened in one viewer are not taken for one: their episodes have the same ids.
        robot_urdf: the robot to draw, as `urdf_of` says; None draws the tool's path alone.

    Returns:
        ``path``.

    Raises:
        ValueError: the trajectories cannot be drawn, in one sentence.
        OSError: the disk refuses; it names ``path``. In both cases an older file stays as it was.
    """
    _check(trajectories)
    robot = RobotModel.load(robot_urdf) if robot_urdf else None
    layout = blueprint(trajectories)
    path.parent.mkdir(parents=True, exist_ok=True)
    application_id = path.resolve().parent.name or "workbench"
    scratch_folder = tempfile.TemporaryDirectory(prefix=".recording-", dir=path.parent)
    with naming(path), scratch_folder as scratch, _strict_rerun():
        parts: list[Path] = []
        # The viewer lists recordings by the time at which they were begun.
        for trajectory in sorted(trajectories, key=lambda t: recording_id(t.record)):
            part = Path(scratch) / f"{recording_id(trajectory.record)}.rrd"
            # Blueprints hold for an application id: the first episode brings it for all.
            _write_episode(trajectory, part, application_id, robot, None if parts else layout)
            parts.append(part)
        whole = Path(scratch) / "whole.rrd"
        merge_recordings(parts, whole)
        whole.replace(path)
    return path


def _write_episode(
    trajectory: Trajectory, path: Path, application_id: str, robot: RobotModel | None, layout: Any
) -> None:
    name = recording_id(trajectory.record)
    with _written_by_rerun(path), rr.RecordingStream(application_id, recording_id=name) as stream:
        stream.save(path, default_blueprint=layout)
        log = EpisodeLog(stream, trajectory.control_dt)
        log_description(log, trajectory)
        log_scene(log, trajectory)
        log_predicted_rays(log, trajectory)
        for camera in trajectory.cameras:
            log_images(log, trajectory, camera)
            log_grounding(log, trajectory, camera)
        log_signals(log, trajectory)
        if robot:
            robot.log(log, trajectory.joint_names, trajectory.joint_pos)
        stream.flush()
        stream.disconnect()


@contextmanager
def _written_by_rerun(path: Path) -> Iterator[None]:
    """Rerun writes in a thread or process of its own, which may say only that it has stopped; the disk says why."""
    try:
        yield
    except RuntimeError:
        with path.open("ab") as file:
            file.write(bytes(_PROBE))
            file.flush()
            os.fsync(file.fileno())
        raise


def merge_recordings(parts: Sequence[Path], whole: Path) -> None:
    """Several recordings in one file; files put end to end would not be readable as one."""
    command: list[str | Path] = [rerun_binary(), "rrd", "merge", *parts, "-o", whole]
    with _written_by_rerun(whole):
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=quiet_environment(),
            check=False,
        )
        if done.returncode or not whole.is_file():
            raise RuntimeError(
                f"rerun could not join the episodes into one file: {done.stderr.strip()[-500:]}"
            )


def _check(trajectories: Sequence[Trajectory]) -> None:
    if not trajectories:
        raise ValueError("there is no episode to write a recording of")
    counts = Counter(recording_id(trajectory.record) for trajectory in trajectories)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise ValueError(f"these episodes are given more than once: {', '.join(twice)}")
    for trajectory in trajectories:
        name = recording_id(trajectory.record)
        for step, grounding in (*trajectory.decisions, *trajectory.true_grounding):
            if grounding is not None and grounding.camera not in trajectory.cameras:
                raise ValueError(
                    f"{name} has a grounding for the camera {grounding.camera!r} at step {step}, but its cameras "
                    f"are {', '.join(trajectory.cameras) or 'none'}"
                )
        for camera, images in trajectory.frames.items():
            if camera not in trajectory.cameras or len(images) != len(trajectory.frame_steps):
                raise ValueError(
                    f"{name} has {len(images)} images of the camera {camera!r} for {len(trajectory.frame_steps)} "
                    f"instants; its calibrated cameras are {', '.join(trajectory.cameras) or 'none'}"
                )


@contextmanager
def _strict_rerun() -> Iterator[None]:
    """Errors in logging raise; by default Rerun prints a warning and writes a file with holes."""
    before = rr.strict_mode()
    rr.set_strict_mode(True)
    try:
        yield
    finally:
        rr.set_strict_mode(before)
