"""What the verbs of ``workbench data`` do with datasets that others made, and what they say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.options import OptionError
from workbench.data.archive.survey import is_archive
from workbench.data.progress import Progress

if TYPE_CHECKING:
    from workbench.data.command_options import ImportOptions
    from workbench.data.lerobot.dataset_copy import Copy

DECLARED = "declared"
"""``shares=declared``: the subsets that a dataset names itself."""
_LAYOUT_NAMES = {"lerobot_v21": "LeRobot v2.1", "lerobot_v3": "LeRobot v3.0"}
Said = tuple[str, tuple[str, ...]]
"""What was made, and what was left out or mended."""


def import_foreign(path: Path, options: ImportOptions, progress: Progress | None) -> Said:
    """Put somebody's dataset in order, values as they are; errors as from `copy_dataset`."""
    from workbench.data.foreign.datasets import copy_dataset, open_dataset

    if path.is_dir() and is_archive(path):
        raise OptionError(
            f"{path} is an archive: every command takes it as it is, there is nothing to import"
        )
    source = open_dataset(path, options.fps, options.instruction)
    command = {"command": "import", "filter": options.filter}
    made = copy_dataset(source, options.path(), options.format, command, options.filter, progress)
    return _said(made, options.format), made.notes


def export_foreign(path: Path, out: Path, form: str, options: Any, progress: Progress | None) -> Said:
    """Write somebody's dataset in a format of ours; OptionError for one that it lacks something for.

    ``options`` are those of the format for archives: what a dataset of others holds, they do not change.
    """
    from workbench.data.foreign.datasets import copy_dataset, open_dataset

    source = open_dataset(path)
    if form not in _LAYOUT_NAMES:
        raise OptionError(
            f"format={form}: {path} lacks what questions are made of, boxes and places in pictures with a mask of each "
            "body: only archives have them"
        )
    for given in fields(options):
        if getattr(options, given.name) != type(options)().__getattribute__(given.name):
            raise OptionError(
                f"{given.name}= is for archives: columns of {path} are written as they are, with the subsets that it "
                "names"
            )
    made = copy_dataset(source, out, form, {"command": "export"}, progress=progress)
    return _said(made, form), made.notes


def merge_foreign(paths: Sequence[Path], out: Path, progress: Progress | None) -> Said:
    """Write datasets of others as one; errors as from `merge_datasets`."""
    from workbench.data.foreign.datasets import layout_of, merge_datasets, open_dataset

    sources = [open_dataset(path) for path in paths]
    made = merge_datasets(sources, out, progress)
    return _said(made, layout_of(sources)), made.notes


def split_foreign(
    path: Path, out: Path, shares: Mapping[str, float] | None, seed: int, progress: Progress | None
) -> dict[str, str]:
    """Write a dataset of others in parts; errors as from `split_dataset`."""
    from workbench.data.foreign.datasets import layout_of, open_dataset, split_dataset

    source = open_dataset(path)
    parts = split_dataset(source, out, shares, seed, progress)
    return {name: _said(made, layout_of([source])) for name, made in parts.items()}


def _said(made: Copy, form: str) -> str:
    return f"{_LAYOUT_NAMES[form]}, {made.episodes} episodes, {made.frames} frames at {made.fps:g} Hz"
