"""`record_run`: a run's recording from its trajectories, for runs of computers that cannot write one themselves."""

from __future__ import annotations

from pathlib import Path

from workbench.rollout.trajectory import Trajectory
from workbench.views.recording.robot import urdf_of
from workbench.views.recording.writer import write_recording

RECORDING = "recording.rrd"


def record_run(run: Path) -> bool:
    """Write all recorded episodes of a run folder into its `RECORDING`; False where none was recorded."""
    trajectories = [Trajectory.load(file) for file in sorted((run / "trajectories").glob("*.npz"))]
    if trajectories:
        write_recording(trajectories, run / RECORDING, urdf_of(trajectories))
    return bool(trajectories)
