"""The README's picture of a dataset: renderings with their annotations drawn over them.

python -m tools.dataset_pictures DATASET 000000-00,000000-01,000001-00
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from workbench.data.episode import CameraFrames, DatasetEpisode
from workbench.data.pictures import decode
from workbench.data.view_command import choose

TARGET = Path(__file__).resolve().parent.parent / "docs/images/dataset.jpg"
SCALE, INSTANTS = 2, 5
BOXES = ("#00e676", "#18ffff")
"""Of the object and the receptacle; others are grey."""


def panel(camera: CameraFrames, f: int) -> Image.Image:
    """One picture with its boxes, points and trace."""
    picture = Image.fromarray(decode(camera.jpeg[f])).resize((camera.width * SCALE, camera.height * SCALE))
    pen = ImageDraw.Draw(picture)
    for k, box in enumerate(camera.boxes[f]):
        if np.isfinite(box).all():
            pen.rectangle([x * SCALE for x in box], outline=BOXES[k] if k < 2 else "#9e9e9e", width=2)
    trace = [tuple(SCALE * point) for point in camera.trace[f] if np.isfinite(point).all()]
    if len(trace) > 1:
        pen.line(trace, fill="#ffab00", width=2)
    for uv, color in ((camera.grasp[f], "#ff1744"), (camera.place[f], "#e040fb")):
        if np.isfinite(uv).all():
            u, v = SCALE * uv
            pen.ellipse((u - 4, v - 4, u + 4, v + 4), outline=color, width=3)
    return picture


def sheet(episodes: list[DatasetEpisode]) -> Image.Image:
    """A row a rendering and camera, instants side by side."""
    rows = []
    for episode in episodes:
        instants = np.linspace(0, len(episode.frame_steps) - 1, INSTANTS).round().astype(int)
        for camera in episode.cameras.values():
            rows.append(np.concatenate([np.asarray(panel(camera, f)) for f in instants], 1))
    return Image.fromarray(np.concatenate(rows))


def main() -> int:
    """Draw the picture."""
    chosen = [choose(Path(sys.argv[1]), [name], 1)[0] for name in sys.argv[2].split(",")]
    picture = sheet(chosen)
    picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS).save(
        TARGET, quality=88
    )
    print(TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
