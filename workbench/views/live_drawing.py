"""`LiveDrawing`: samples of an arm in Rerun, and the process that draws them.

The process, ``python -m workbench.views.live_drawing`` (see `workbench.views.live`), is told the run's name, where to
draw, and the cameras; its first line of output is a sentence that says where it can be seen. Samples then come over its
standard input, each with its length before it.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import rerun as rr
import rerun.blueprint as rrb
from scipy.spatial.transform import Rotation

from policy.grounding import Grounding
from workbench.rollout.trajectory import CameraTrack
from workbench.views.live_sample import FAILED, LENGTH, Sample
from workbench.views.recording import palette
from workbench.views.recording.rerun_viewer import LOCALHOST, free_port, rerun_command

NICE = 10
"""Less priority than ordinary: drawing comes last."""
TIME = "time"
CAMERAS, WORLD, PLOTS, EVENTS = "/world/cameras", "/world", "/plots", "/events"
MOST_PATH = 2000
"""Points of the executed path."""
PICTURE_WIDTH = 0.16
"""Width of a camera's picture in the 3-D view [m]."""
PLOTTED = {
    "joint_margin": "distance of joints to their limits [rad]",
    "velocity": "share of the joints' velocity limits",
    "workspace": "distance of the tool to the workspace's faces [m]",
    "latency": "latency of the policy [s]",
    "interventions": "commands changed and refused",
}
"""Plots -> their titles."""


class LiveDrawing:
    """A recording that grows; `close` it."""

    def __init__(self, name: str, where: str, plots: Sequence[str], cameras: Sequence[str]) -> None:
        """See `workbench.views.live.LiveView`."""
        self._stream = rr.RecordingStream("workbench-live", recording_id=None)
        self._process: subprocess.Popen | None = None
        self.said = ""
        """Where it can be seen, in a sentence."""
        self._open(where)
        self._stream.send_recording_name(name)
        self._stream.send_blueprint(layout(plots, cameras))
        self._path: list[np.ndarray] = []
        self._cameras: set[str] = set()

    def close(self) -> None:
        """End it; an open window stays."""
        self._stream.flush()
        self._stream.disconnect()
        if self._process is not None and "DISPLAY" not in os.environ:
            self._process.terminate()
            self._process.wait()

    def _open(self, where: str) -> None:
        if where.startswith("rerun+http"):
            self._stream.connect_grpc(where)
            self.said = f"the live view is sent to {where}"
            return
        if where != "true":
            Path(where).parent.mkdir(parents=True, exist_ok=True)
            self._stream.save(where)
            self.said = f"the live view is written to {where}"
            return
        port = free_port()
        seen = "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
        command, environment = rerun_command(*(() if seen else ("--serve-grpc",)), port=port)
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        address = f"rerun+http://{LOCALHOST}:{port}/proxy"
        self._stream.connect_grpc(address)
        self.said = (
            "the live view opens"
            if seen
            else f"live view: rerun {address} (ssh -L {port}:{LOCALHOST}:{port})"
        )

    def draw(self, sample: Sample) -> None:
        """Draw one."""
        stream = self._stream
        stream.set_time(TIME, duration=np.timedelta64(round(sample.at * 1e9), "ns"))
        if sample.begins:
            self._path = []
        self._path = [*self._path[-MOST_PATH:], np.asarray(sample.tool, np.float64)]
        stream.log(f"{WORLD}/tool", rr.Points3D([sample.tool], colors=[palette.EXECUTED], radii=[0.006]))
        stream.log(
            f"{WORLD}/executed", rr.LineStrips3D([self._path], colors=[palette.EXECUTED], radii=[0.002])
        )
        if sample.planned is not None:
            plan = np.concatenate(([sample.tool], sample.planned))
            stream.log(f"{WORLD}/planned", rr.LineStrips3D([plan], colors=[palette.PREDICTED], radii=[0.002]))
        for name, (rgb, track) in sample.pictures.items():
            self._picture(name, rgb, track, sample)
        for plot, lines in sample.plots.items():
            for line, value in lines.items():
                stream.log(f"{PLOTS}/{plot}/{line}", rr.Scalars(value))
        for sentence in sample.events:
            stream.log(EVENTS, rr.TextLog(sentence, level="WARN"))

    def _picture(self, name: str, rgb: np.ndarray, track: CameraTrack, sample: Sample) -> None:
        stream, path = self._stream, f"{CAMERAS}/{name}"
        quaternion = Rotation.from_matrix(track.rotation[0]).as_quat()
        stream.log(
            path, rr.Transform3D(translation=track.position[0], quaternion=rr.Quaternion(xyzw=quaternion))
        )
        if name not in self._cameras:
            self._cameras.add(name)
            width = track.intrinsics[0, 0] / track.width * PICTURE_WIDTH
            stream.log(
                path,
                rr.Pinhole(
                    image_from_camera=track.intrinsics,
                    resolution=[track.width, track.height],
                    camera_xyz=rr.ViewCoordinates.RDF,
                    image_plane_distance=width,
                ),
                static=True,
            )
        stream.log(f"{path}/image", rr.Image(rgb).compress(jpeg_quality=80))
        executed = _in_picture(track, np.array(self._path[-60:]))
        stream.log(
            f"{path}/executed",
            rr.LineStrips2D([executed], colors=[palette.EXECUTED], radii=[-1.5], draw_order=20.0),
        )
        if sample.grounding is not None and sample.grounding.camera == name:
            _grounding(stream, f"{path}/predicted", sample.grounding.resized(track.width, track.height))


def layout(plotted: Sequence[str], cameras: Sequence[str]) -> rrb.Blueprint:
    """Space and cameras above; plots of these names and what happened below."""
    images = [
        rrb.Spatial2DView(name=f"{n} camera", origin=f"{CAMERAS}/{n}", contents="$origin/**") for n in cameras
    ]
    overlays = [f"- {CAMERAS}/{name}/{kind}/**" for name in cameras for kind in ("predicted", "executed")]
    space = rrb.Spatial3DView(name="space", origin=WORLD, contents=["+ $origin/**", *overlays])
    plots = [rrb.TimeSeriesView(name=PLOTTED[plot], origin=f"{PLOTS}/{plot}") for plot in plotted]
    return rrb.Blueprint(
        rrb.Vertical(
            rrb.Horizontal(space, *images),
            rrb.Horizontal(*plots),
            rrb.TextLogView(name="events", origin=EVENTS),
            row_shares=[2.0, 1.2, 0.6],
        ),
        rrb.TimePanel(state="collapsed", timeline=TIME),
        rrb.SelectionPanel(state="collapsed"),
        rrb.BlueprintPanel(state="collapsed"),
        auto_views=False,
        auto_layout=False,
    )


def _in_picture(track: CameraTrack, points: np.ndarray) -> np.ndarray:
    seen = np.asarray(track.project(points, 0)) if len(points) else np.zeros((0, 2))
    return seen[np.isfinite(seen).all(-1)]


def _grounding(stream: rr.RecordingStream, path: str, said: Grounding) -> None:
    color = palette.PREDICTED
    corners = np.array([box.xyxy for box in said.boxes], np.float64).reshape(-1, 4)
    stream.log(
        f"{path}/boxes",
        rr.Boxes2D(
            centers=(corners[:, :2] + corners[:, 2:]) / 2,
            half_sizes=(corners[:, 2:] - corners[:, :2]) / 2,
            labels=[box.label for box in said.boxes],
            colors=[color] * len(corners),
            draw_order=30.0,
        ),
    )
    points = np.array([point.uv for point in said.points], np.float64).reshape(-1, 2)
    labels = [point.label for point in said.points]
    stream.log(
        f"{path}/points",
        rr.Points2D(points, labels=labels, colors=[color] * len(points), radii=[-5.0], draw_order=32.0),
    )
    traces = [np.array(said.trace)] if len(said.trace) > 1 else []
    stream.log(
        f"{path}/trace", rr.LineStrips2D(traces, colors=[color] * len(traces), radii=[-1.5], draw_order=31.0)
    )


def samples(line: BinaryIO) -> Iterator[Sample]:
    """Those that come over a line, until it ends."""
    while len(head := line.read(LENGTH.size)) == LENGTH.size:
        body = line.read(LENGTH.unpack(head)[0])
        with contextlib.suppress(EOFError, pickle.UnpicklingError):  # the sender ended within a sample
            yield pickle.loads(
                body
            )  # from the process that started this one, over a line that is theirs alone


def main() -> None:
    """See the module."""
    name, where, plots, *cameras = sys.argv[1:]
    os.nice(NICE)
    try:
        drawing = LiveDrawing(name, where, plots.split(","), cameras)
    except (OSError, ValueError, RuntimeError) as problem:  # of a file, of an address, of the viewer
        said = getattr(problem, "strerror", None) or " ".join(str(problem).split())
        print(f"{FAILED}{said}", flush=True)
        raise SystemExit(1) from None
    print(drawing.said, flush=True)
    try:
        for sample in samples(sys.stdin.buffer):
            drawing.draw(sample)
    finally:
        drawing.close()


if __name__ == "__main__":
    main()
