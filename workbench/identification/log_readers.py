"""Reads motion logs: runs and MCAP files of `workbench bridge`, LeRobot folders, archives in HDF5, and plain HDF5.

runs/bridge-twin-expert-live          every episode of a run
runs/.../ticks/episode_000000.mcap    one of them
data/theirs:0,3                       episodes of a LeRobot folder or an archive
log.h5                                datasets `time` [s], `commanded` and `measured` [T, J] [rad]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from robots.protocol import RobotModel
from workbench.data.archive.archive import EPISODES, ArchiveError, Chunk, chunks
from workbench.data.lerobot.files import LeRobotImportError
from workbench.data.lerobot.reading import ImportedEpisode, load_lerobot
from workbench.identification.log_checks import check_log
from workbench.identification.motion_log import LogError, MotionLog

COMMANDED = ("command.joints", "action.joints")
MEASURED = ("state.joints",)
PLAIN = ("time", "commanded", "measured")
"""Datasets of plain HDF5; `velocity`, `torque` [T, J], `gripper` [T] and `measured_time` [T] may be there."""
_HDF5 = (".h5", ".hdf5")


def read_logs(
    words: Sequence[str],
    model: RobotModel,
    units: str = "rad",
    interpolation: str = "auto",
    check: bool = True,
) -> list[MotionLog]:
    """All logs that words name, checked; LogError names the first that cannot be used.

    Args:
        words: paths, each with ``:0,3`` for episodes of a folder.
        model: the robot that they should be of.
        units: of joint positions: ``rad`` or ``deg``.
        interpolation: what the arm was told between commands: ``hold``, ``linear``, or ``auto``: as the source does.
        check: whether to look for faults.
    """
    found: list[MotionLog] = []
    for word in words:
        found += read_log(word, model)
    if not found:
        raise LogError("no log is named")
    scale = np.pi / 180 if units == "deg" else 1.0
    result = []
    for log in found:
        if scale != 1.0:
            log = replace(log, commanded=log.commanded * scale, measured=log.measured * scale)
        if interpolation != "auto":
            log = replace(log, interpolation=interpolation)  # type: ignore[arg-type]
        if check:
            check_log(log, model)
        result.append(log)
    return result


def read_log(word: str, model: RobotModel) -> list[MotionLog]:
    """The logs of one word, unchecked; LogError where there are none."""
    path, episodes = _split(word)
    try:
        if path.suffix == ".mcap":
            return [_mcap(path)]
        if path.is_file() and path.suffix in _HDF5:
            return _chunk(path, episodes) if path.name.startswith("chunk-") else [_plain(path)]
        if (path / "ticks").is_dir():
            found = [_mcap(file) for file in sorted((path / "ticks").glob("*.mcap"))]
            return _chosen(found, episodes, path)
        if (path / EPISODES).is_dir():
            return _chosen(
                [log for file in chunks(path / EPISODES) for log in _chunk(file, None)], episodes, path
            )
        if (path / "meta/info.json").is_file() or (path / "episodes.jsonl").is_file():
            return _lerobot(path, episodes, model)
    except (ArchiveError, LeRobotImportError) as problem:
        raise LogError(str(problem)) from problem
    except OSError as problem:
        raise LogError(f"{path} cannot be read: {problem.strerror or problem}") from problem
    if not path.exists():
        raise LogError(f"there is no log {path}")
    raise LogError(
        f"{path} is no log of an arm: known are runs and MCAP files of the bridge, LeRobot folders, archives in HDF5, "
        f"and HDF5 with {', '.join(PLAIN)}"
    )


def _split(word: str) -> tuple[Path, list[int] | None]:
    whole = Path(word)
    match = re.fullmatch(r"(.+):(\d+(?:,\d+)*)", word)
    if match is None or whole.exists():
        return whole, None
    return Path(match[1]), [int(n) for n in match[2].split(",")]


def _chosen(logs: list[MotionLog], episodes: list[int] | None, path: Path) -> list[MotionLog]:
    if not logs:
        raise LogError(f"{path} holds no episode")
    if episodes is None:
        return logs
    if missing := [n for n in episodes if n >= len(logs)]:
        raise LogError(f"{path} has no episode {missing[0]}; it has {len(logs)}")
    return [logs[n] for n in episodes]


def _mcap(path: Path) -> MotionLog:
    from workbench.bridge.ticks import read_ticks

    rows: list[tuple[float, list[float], list[float], float, list[float], list[float], list[float]]] = []
    grip: list[float] = []
    begun = ended = False
    try:
        for topic, message in read_ticks(path, "/episode", "/tick"):
            if topic == "/episode":
                begun, ended = begun or "begin" in message, ended or "end" in message
            elif "state" in message and message["commanding"]:
                state = message["state"]
                rows.append((
                    message["at"], message["setpoint"][0], state["joint_pos"]["value"],
                    state["joint_pos"]["captured"], state["joint_vel"]["value"], state["torque"]["value"],
                    state["tool_pose"]["value"],
                ))  # fmt: skip
                grip.append(float(np.nan if (w := state["gripper_width"]["value"][0]) is None else w))
    except (KeyError, TypeError, ValueError) as problem:
        raise LogError(f"{path} is no log of the bridge: {problem}") from problem
    if not rows:
        raise LogError(f"{path} has no period in which the arm was commanded and its state known")
    at, told, did, read, velocity, torque, tool = (np.array(v, np.float64) for v in zip(*rows, strict=True))
    # A state that has not been renewed is the old one again.
    fresh = np.concatenate(([True], np.diff(read) != 0))
    return MotionLog(
        name=path.stem,
        source=str(path),
        times=at[fresh] - at[0],
        commanded=told[fresh],
        measured=did[fresh],
        measured_times=read[fresh] - at[0],
        velocity=velocity[fresh],
        torque=torque[fresh],
        gripper=np.array(grip)[fresh],
        tool=tool[fresh, :3],
        ended=ended and begun,
    )


def _chunk(path: Path, episodes: list[int] | None) -> list[MotionLog]:
    found = []
    with Chunk(path) as chunk:
        for row in range(len(chunk)):
            episode = chunk.read(row, cameras=())
            steps = np.arange(len(episode.commanded_joints)) / episode.control_hz
            found.append(
                MotionLog(
                    name=episode.name,
                    source=f"{path} {episode.name}",
                    times=steps,
                    commanded=np.asarray(episode.commanded_joints, np.float64),
                    measured=np.asarray(episode.measured_joint_pos, np.float64),
                    measured_times=steps,
                    velocity=np.asarray(episode.joint_vel, np.float64),
                    gripper=np.asarray(episode.measured_gripper_width, np.float64),
                    interpolation="linear",  # drives are led from one command to the next within a step
                )
            )
    return _chosen(found, episodes, path)


def _lerobot(path: Path, episodes: list[int] | None, model: RobotModel) -> list[MotionLog]:
    dataset = load_lerobot(path)
    wanted = [dataset.episode(n) for n in episodes] if episodes is not None else list(dataset)
    return [_lerobot_episode(path, episode, model) for episode in wanted]


def _lerobot_episode(path: Path, episode: ImportedEpisode, model: RobotModel) -> MotionLog:
    joints = len(model.spec.arm_joints)
    source = f"{path} episode {episode.index}"
    told = _column(episode, (*COMMANDED, "action"), joints, source)
    did = _column(episode, (*MEASURED, "observation.state"), joints, source)
    times = episode.columns.get("timestamp", np.arange(episode.frames) / episode.fps)
    times = np.asarray(times, np.float64).reshape(-1)
    tool = next((episode.columns[n] for n in ("state.eef_position",) if n in episode.columns), None)
    return MotionLog(
        name=f"episode {episode.index}",
        source=source,
        times=times,
        commanded=told,
        measured=did,
        measured_times=times,
        velocity=np.asarray(episode.columns["state.joints_velocity"], np.float64)[:, :joints]
        if "state.joints_velocity" in episode.columns
        else None,
        tool=None if tool is None else np.asarray(tool, np.float64).reshape(len(times), -1)[:, :3],
    )


def _column(episode: ImportedEpisode, names: Sequence[str], joints: int, source: str) -> np.ndarray:
    """Joint positions ``[T, J]`` of the first column that is there; LogError where there is none."""
    for name in names:
        if name in episode.columns:
            values = np.asarray(episode.column(name), np.float64)
            if values.ndim == 2 and values.shape[1] >= joints:
                return values[:, :joints]
    raise LogError(
        f"{source} has no joint positions: none of the columns {', '.join(names)} has {joints} numbers"
    )


def _plain(path: Path) -> MotionLog:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            arrays = {name: np.asarray(file[name][()], np.float64) for name in _names(file)}
    except (OSError, KeyError, TypeError, ValueError) as problem:
        said = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise LogError(f"{path} is no whole HDF5 file: {said}") from problem
    if missing := [name for name in PLAIN if name not in arrays]:
        raise LogError(f"{path} lacks the dataset {missing[0]}; it has {', '.join(sorted(arrays)) or 'none'}")
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise LogError(f"{path} is cut off: its datasets have {lengths} samples")
    first = arrays["time"][0]
    return MotionLog(
        name=path.stem,
        source=str(path),
        times=arrays["time"] - first,
        commanded=arrays["commanded"],
        measured=arrays["measured"],
        measured_times=arrays.get("measured_time", arrays["time"]) - first,
        velocity=arrays.get("velocity"),
        torque=arrays.get("torque"),
        gripper=arrays.get("gripper"),
    )


def _names(file: Iterator[str]) -> list[str]:
    known = (*PLAIN, "velocity", "torque", "gripper", "measured_time")
    return [name for name in file if name in known]


def write_plain(log: MotionLog, path: Path) -> None:
    """A log as plain HDF5, which `read_log` reads."""
    import h5py

    with h5py.File(path, "w") as file:
        arrays = {"time": log.times, "commanded": log.commanded, "measured": log.measured}
        arrays["measured_time"] = log.measured_times
        for name in ("velocity", "torque", "gripper"):
            if (values := getattr(log, name)) is not None:
                arrays[name] = values
        for name, values in arrays.items():
            file[name] = values
