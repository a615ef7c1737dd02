"""Recorded episodes as one Rerun file: what the policy said it would do, over what it did.

    write_recording(trajectories, run / "recording.rrd", robot_urdf=urdf_of(trajectories))
    for episode in read_recording(run / "recording.rrd").values(): ...

Each episode is a Rerun recording of its own inside the file, so the viewer lists them by name, and one layout
serves them all. Nothing here imports a simulator or torch.
"""

from workbench.views.recording.reading import EntityContent, RecordedEpisode, read_recording
from workbench.views.recording.robot import urdf_of
from workbench.views.recording.writer import recording_id, write_recording

__all__ = [
    "EntityContent",
    "RecordedEpisode",
    "read_recording",
    "recording_id",
    "urdf_of",
    "write_recording",
]
