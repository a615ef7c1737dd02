"""A Rerun recording of replays: the logged arm, the simulated one over it, and both motions over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rerun as rr
import rerun.blueprint as rrb

from robots.protocol import RobotModel
from workbench.identification.replay import Replayed
from workbench.views.recording import palette
from workbench.views.recording.episode_log import EPISODE_TIME, EpisodeLog
from workbench.views.recording.robot import RobotModel as DrawnRobot
from workbench.views.recording.writer import merge_recordings

RATE_HZ = 30.0
"""Instants that are drawn a second."""
REAL, SIMULATED = palette.EXECUTED, palette.PREDICTED
SPACE, PLOTS = "/world", "/joints"


def write_overlay(replays: Sequence[Replayed], model: RobotModel, path: Path) -> Path:
    """Write one recording a log into one file; the logged arm has its meshes, the simulated one is a line along it."""
    drawn = DrawnRobot.load(model.urdf())
    parts: list[Path] = []
    for k, replayed in enumerate(replays):
        part = path.with_name(f".{path.name}.{k}")
        with rr.RecordingStream(
            path.resolve().parent.name or "replay", recording_id=f"log_{k:03d}"
        ) as stream:
            stream.save(part, default_blueprint=None if parts else _blueprint(model))
            stream.send_recording_name(f"{'held out: ' if replayed.held_out else ''}{replayed.log.name}")
            _write(EpisodeLog(stream, 1 / RATE_HZ), replayed, model, drawn)
            stream.flush()
            stream.disconnect()
        parts.append(part)
    whole = path.with_name(f".{path.name}.whole")
    merge_recordings(parts, whole)
    whole.replace(path)
    for part in parts:
        part.unlink()
    return path


def _write(log: EpisodeLog, replayed: Replayed, model: RobotModel, drawn: DrawnRobot) -> None:
    at = np.arange(replayed.times[0], replayed.times[-1], 1 / RATE_HZ)
    real, simulated = (_at(at, replayed.times, q) for q in (replayed.real, replayed.simulated))
    instants = np.arange(len(at))
    width = replayed.log.gripper
    wide = np.full(len(at), model.gripper.open_width)
    if width is not None and np.isfinite(width).all():
        wide = np.interp(at, replayed.log.measured_times, width)
    names = (*model.spec.arm_joints, *model.spec.finger_joints)
    drawn.log(log, names, np.column_stack((real, model.gripper.joints_at(wide))))
    for name, joints, color in (("real", real, REAL), ("simulated", simulated, SIMULATED)):
        lines = model.chain.skeleton(joints)  # [N, J + 2, 3]
        log.static(f"{SPACE}/{name}/arm", rr.LineStrips3D.from_fields(colors=[color], radii=[0.006]))
        log.rows(f"{SPACE}/{name}/arm", instants, rr.LineStrips3D.columns(strips=list(lines)))
        log.static(f"{SPACE}/{name}/tool", rr.LineStrips3D([lines[:, -1]], colors=[color], radii=[0.0015]))
    for j in range(real.shape[1]):
        path = f"{PLOTS}/{j + 1}"
        log.static(path, rr.SeriesLines(names=["real [rad]", "simulated [rad]"], colors=[REAL, SIMULATED]))
        log.rows(path, instants, rr.Scalars.columns(scalars=np.stack((real[:, j], simulated[:, j]), 1)))


def _at(at: np.ndarray, times: np.ndarray, joints: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(at, times, joints[:, j]) for j in range(joints.shape[1])], 1)


def _blueprint(model: RobotModel) -> rrb.Blueprint:
    plots = [
        rrb.TimeSeriesView(
            name=f"joint {j + 1}", origin=f"{PLOTS}/{j + 1}", plot_legend=rrb.PlotLegend(visible=False)
        )
        for j in range(len(model.spec.arm_joints))
    ]
    return rrb.Blueprint(
        rrb.Horizontal(
            rrb.Spatial3DView(name="arm: meshes and white as logged, pink as simulated", origin=SPACE),
            rrb.Vertical(*plots),
            column_shares=[1.2, 1.0],
        ),
        rrb.SelectionPanel(state="collapsed"),
        rrb.TimePanel(state="collapsed", timeline=EPISODE_TIME),
        auto_views=False,
        auto_layout=False,
    )
