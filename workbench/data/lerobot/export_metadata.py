"""What every export says of itself beside its version's own files: conventions, origin, ``info.json`` and the card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.data.archive.survey import Survey
from workbench.data.lerobot.card import CARD, dataset_card
from workbench.data.lerobot.columns import Feature
from workbench.data.lerobot.export_choices import ExportChoices
from workbench.data.lerobot.metadata import CONVENTIONS, ORIGIN, conventions, write_json


def write_metadata(
    root: Path,
    name: str,
    info: Mapping[str, Any],
    found: Survey,
    columns: Mapping[str, Feature],
    choices: ExportChoices,
    made: Mapping[str, Any],
) -> None:
    """Write those files into an export's folder.

    Args:
        root: the folder, where it is being written.
        name: of the dataset.
        info: all of ``info.json``.
        found: what the archive's episodes share.
        columns: those of numbers.
        choices: what was written.
        made: the archive's origin.
    """
    said = conventions(found, choices.action_space, columns)
    cameras = found.entries[0].read().cameras.values()
    has = {
        "depth": any(camera.depth is not None for camera in cameras),
        "masks": any(camera.mask is not None for camera in cameras),
    }
    write_json(root / CONVENTIONS, said)
    write_json(root / ORIGIN, made)
    write_json(root / "meta/info.json", info)
    (root / CARD).write_text(dataset_card(name, info, said, made, choices, has), encoding="utf-8")
