"""An episode's pictures into a video, and their statistics on the way."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.data.episode import DatasetEpisode
from workbench.data.export_folder import ExportError
from workbench.data.statistics import PictureStatistics
from workbench.data.video import VideoWriter


def write_video(path: Path, episode: DatasetEpisode, camera: str, fps: float) -> PictureStatistics:
    """Write an episode's pictures as a video; gives their statistics."""
    size = episode.cameras[camera].width, episode.cameras[camera].height
    try:
        with VideoWriter(path, size, fps) as video:
            return add_pictures(video, episode, camera)
    except ValueError as problem:
        raise ExportError(f"episode {episode.name}, camera {camera}: {problem}") from None


def add_pictures(video: VideoWriter, episode: DatasetEpisode, camera: str) -> PictureStatistics:
    """Add an episode's pictures to a video; gives their statistics. ExportError names a picture that is broken."""
    seen = PictureStatistics()
    for k, jpeg in enumerate(episode.cameras[camera].jpeg):
        try:
            picture = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
        except OSError as problem:
            raise ExportError(f"episode {episode.name}, camera {camera}, picture {k}: {problem}") from None
        video.add(picture)
        seen.add(picture)
    return seen
