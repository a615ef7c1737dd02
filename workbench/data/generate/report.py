"""``report.html`` of a dataset: what was made, what was dropped, how fast, and what it looks like, in one file."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from workbench.data.archive.archive import EPISODES, Chunk, chunks
from workbench.data.generate.annotated_picture import annotated
from workbench.runs.durable import write_atomically
from workbench.runs.history import history_lines

PICTURES = 16
"""Pictures on the page, evenly over the dataset, instants and cameras."""


def write_dataset_report(root: Path, summary: Mapping[str, Any]) -> Path:
    """Write the page into the dataset's folder; returns its path. ArchiveError for a chunk that cannot be read."""
    loader = jinja2.PackageLoader("workbench.views.report", "")
    page = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True).get_template(
        "dataset.html.j2"
    )
    path = root / "report.html"
    content = page.render(
        name=root.resolve().name,
        summary=summary,
        history=history_lines(summary.get("history", {})),
        pictures=_pictures(root / EPISODES),
    )
    write_atomically(path, content)
    return path


def _pictures(folder: Path) -> list[dict[str, str]]:
    places = []
    for path in chunks(folder):
        with Chunk(path) as chunk:
            places += [(path, row) for row in range(len(chunk))]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(PICTURES, len(places))).round().astype(int))
    found = []
    for k, place in enumerate(chosen.tolist()):
        path, row = places[place]
        with Chunk(path) as chunk:
            episode = chunk.read(row)
        name = list(episode.cameras)[k % len(episode.cameras)]
        # Instants wander through the episodes, so that all phases are seen.
        frame = (2 * k + 1) * len(episode.frame_steps) // (2 * len(chosen))
        buffer = io.BytesIO()
        annotated(episode.cameras[name], frame).save(buffer, "JPEG", quality=85)
        found.append(
            {
                "caption": f"{episode.name}, {name}: {episode.instruction}",
                "data": "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode(),
            }
        )
    return found
