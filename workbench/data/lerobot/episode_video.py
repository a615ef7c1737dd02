"""An episode's pictures as a video, and their statistics on the way."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from workbench.data.episode import DatasetEpisode
from workbench.data.export_folder import ExportError
from workbench.data.statistics import PictureStatistics
from workbench.data.video import VideoWriter


def episode_video(episode: DatasetEpisode, camera: str, fps: float) -> tuple[bytes, PictureStatistics]:
    """A camera's pictures as an MP4 file, and their statistics; ExportError names a picture that is broken."""
    size = episode.cameras[camera].width, episode.cameras[camera].height
    seen, file = PictureStatistics(), io.BytesIO()
    where = f"episode {episode.name}, camera {camera}"
    try:
        with VideoWriter(file, size, fps) as video:
            for k, jpeg in enumerate(episode.cameras[camera].jpeg):
                try:
                    picture = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
                except OSError as problem:
                    raise ExportError(f"{where}, picture {k}: {problem}") from None
                video.add(picture)
                seen.add(picture)
    except ValueError as problem:
        raise ExportError(f"{where}: {problem}") from None
    return file.getvalue(), seen
