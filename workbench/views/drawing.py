"""The pictures of a run: images of recorded episodes, last images of many, and the recording.

States are saved as each episode ends, pictures are drawn when all have; so a run that was killed in between draws
what is missing when it is started again.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workbench.rollout.simulation import TabletopSimulation
from workbench.rollout.trajectory import Trajectory
from workbench.rollout.trajectory_conversion import states_of
from workbench.runs.durable import write_atomically
from workbench.views.redraw import render_finals, render_instants

JPEG_QUALITY = 90


class Pictures:
    """The pictures in one run folder."""

    def __init__(self, folder: Path) -> None:
        self.trajectories = folder / "trajectories"
        self.final_states = folder / "states" / "last"
        self.finals = folder / "frames" / "last"
        self.recording = folder / "recording.rrd"

    def keep_trajectory(self, trajectory: Trajectory) -> None:
        """Save a recorded episode, to be drawn later."""
        trajectory.save(self.trajectories / f"episode_{trajectory.record['index']:06d}.npz")

    def keep_final(self, index: int, state: Mapping[str, np.ndarray]) -> None:
        """Save the last state of an episode, to be drawn later."""
        self.final_states.mkdir(parents=True, exist_ok=True)
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **state)
        write_atomically(self.final_states / f"{index:06d}.npz", packed.getvalue())

    def missing(self) -> bool:
        """Whether anything was saved that is not drawn yet."""
        return bool(self._undrawn_finals() or self._undrawn_trajectories() or self._recording_is_old())

    def draw(self, env: Any, simulation: TabletopSimulation, frame_every: int) -> None:
        """Draw what is missing; takes over the environments."""
        for file in self._undrawn_trajectories():
            self._draw_trajectory(env, simulation, file, frame_every)
        undrawn = self._undrawn_finals()
        if undrawn:
            self.finals.mkdir(parents=True, exist_ok=True)
            states = [dict(np.load(file)) for file in undrawn]
            episodes = [simulation.episode(int(file.stem)) for file in undrawn]
            for file, image in zip(
                undrawn, render_finals(env, simulation.factor_set, episodes, states), strict=True
            ):
                write_atomically(self._picture_of(file), jpeg(image))  # half a picture would count as drawn
        if self._recording_is_old():
            self.write_recording()

    def write_recording(self) -> None:
        """Write the recording from the trajectories."""
        from workbench.views.recording import urdf_of, write_recording

        files = sorted(self.trajectories.glob("episode_*.npz"))
        trajectories = [Trajectory.load(file) for file in files]
        write_recording(trajectories, self.recording, urdf_of(trajectories))

    def _draw_trajectory(
        self, env: Any, simulation: TabletopSimulation, file: Path, frame_every: int
    ) -> None:
        trajectory = Trajectory.load(file)
        # Every so often, at each decision that made a claim, and at the end.
        decided = [step for step, claim in trajectory.decisions if claim is not None]
        steps = np.unique([*range(0, trajectory.steps, frame_every), *decided, trajectory.steps])
        cameras = tuple(trajectory.cameras)
        episode = simulation.episode(trajectory.record["index"])
        images = render_instants(
            env, simulation.factor_set, episode, states_of(trajectory, steps.tolist()), cameras
        )
        frames = {name: tuple(jpeg(image) for image in shots) for name, shots in images.items()}
        replace(trajectory, frames=frames, frame_steps=steps).save(file)

    def _undrawn_trajectories(self) -> list[Path]:
        files = sorted(self.trajectories.glob("episode_*.npz"))
        return [file for file in files if not Trajectory.load(file).frames]

    def _undrawn_finals(self) -> list[Path]:
        return sorted(file for file in self.final_states.glob("*.npz") if not self._picture_of(file).exists())

    def _picture_of(self, state: Path) -> Path:
        return self.finals / f"{state.stem}.jpg"

    def _recording_is_old(self) -> bool:
        files = list(self.trajectories.glob("episode_*.npz"))
        newest = max((file.stat().st_mtime for file in files), default=0.0)
        return bool(files) and (not self.recording.exists() or self.recording.stat().st_mtime < newest)


def jpeg(image: np.ndarray) -> bytes:
    """An RGB image ``[H, W, 3]`` uint8 as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
