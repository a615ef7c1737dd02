"""The README's picture of a dataset: renderings with their annotations drawn over them.

python -m tools.dataset_pictures DATASET 000000-00,000000-01,000001-00
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.data.episode import DatasetEpisode
from workbench.data.generate.annotated_picture import annotated
from workbench.data.view_command import choose

TARGET = Path(__file__).resolve().parent.parent / "docs/images/dataset.jpg"
INSTANTS = 5
"""Pictures a row."""


def sheet(episodes: list[DatasetEpisode]) -> Image.Image:
    """A row a rendering and camera, instants side by side."""
    rows = []
    for episode in episodes:
        instants = np.linspace(0, len(episode.frame_steps) - 1, INSTANTS).round().astype(int)
        for camera in episode.cameras.values():
            rows.append(np.concatenate([np.asarray(annotated(camera, f)) for f in instants], 1))
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
