"""Datasets that others made, as every command takes them: a LeRobot folder, or a file in robomimic's layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.data.archive.archive import EPISODES, ArchiveError
from workbench.data.export_folder import ExportFolder
from workbench.data.foreign.robomimic import load_robomimic
from workbench.data.lerobot.dataset_copy import V3_LAYOUT, V21_LAYOUT, Copy, part, write_copy
from workbench.data.lerobot.files import LeRobotImportError
from workbench.data.lerobot.reading import BARE, V20, V21, ImportedDataset, load_lerobot
from workbench.data.progress import Progress
from workbench.data.split import part_of

DECLARED = "declared"


def open_dataset(path: Path, fps: float = 0.0, instruction: str = "") -> ImportedDataset:
    """Read what a dataset says about itself.

    Args:
        path: folder of a LeRobot dataset, or file of demonstrations.
        fps: frames a second [Hz], where a file of demonstrations does not say.
        instruction: what was asked, where it does not.

    Raises:
        ArchiveError: a folder that is neither an archive nor a LeRobot dataset.
        LeRobotImportError: what is missing, damaged, or of another version.
    """
    if path.is_file():
        return load_robomimic(path, fps, instruction)
    if not (path / "meta").is_dir() and not (path / "episodes.jsonl").exists():
        raise ArchiveError(
            f"{path} is no archive, and is no LeRobot dataset: it has neither {EPISODES}/chunk-*.hdf5 nor "
            "meta/info.json"
        )
    return load_lerobot(path)


def layout_of(sources: Sequence[ImportedDataset]) -> str:
    """The layout in which datasets are written on: their own, or the newer one."""
    return V21_LAYOUT if all(s.version in (V20, V21, BARE) for s in sources) else V3_LAYOUT


def copy_dataset(
    source: ImportedDataset,
    out: Path,
    layout: str,
    command: Mapping[str, Any],
    only: str = "",
    progress: Progress | None = None,
) -> Copy:
    """A dataset in one of LeRobot's layouts, its values as they are; ``only`` names one of its subsets.

    Raises:
        LeRobotImportError: an episode that cannot be read, or no such subset.
        ExportError: ``out`` exists, or the disk refuses.
    """
    chosen = source
    if only:
        if only not in source.filters:
            raise LeRobotImportError(
                f"{source.root} names no subset {only!r}; it names {', '.join(source.filters) or 'none'}"
            )
        members = set(source.filters[only])
        chosen = part(source, members.__contains__)
    with ExportFolder(out) as target:
        return write_copy(target, [chosen], layout, command, {source.root: source}, progress)


def merge_datasets(sources: Sequence[ImportedDataset], out: Path, progress: Progress | None = None) -> Copy:
    """Datasets as one, episode after episode in the order given; columns that not all have are left out.

    Raises:
        LeRobotImportError: datasets that cannot be one, or that hold the same episodes.
        ExportError: ``out`` exists, or the disk refuses.
    """
    owner: dict[Any, ImportedDataset] = {}
    for source in sources:
        # Exports of our archives know which episode of which seed each of theirs is.
        names = {_name(source, k) for k in range(len(source))}
        for name in sorted(names, key=str):
            if name in owner:
                raise LeRobotImportError(
                    f"{owner[name].root} and {source.root} both hold {_said(name)}: nothing is merged"
                )
            owner[name] = source
    with ExportFolder(out) as target:
        return write_copy(target, sources, layout_of(sources), {"command": "merge"}, progress=progress)


def split_dataset(
    source: ImportedDataset,
    out: Path,
    shares: Mapping[str, float] | None,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Copy]:
    """A dataset in parts, by episode; all renderings of a scene of ours go to one side.

    Args:
        source: the dataset.
        out: folder of the parts, each a dataset.
        shares: name of each part and its share of the episodes; None takes the subsets that the dataset names.
        seed: of the draw.
        progress: told after each episode of a part.

    Raises:
        LeRobotImportError: an episode that cannot be read, no subset named, or a part without episodes.
        ExportError: ``out`` exists, or the disk refuses.
    """
    if shares is None:
        if not source.filters:
            raise LeRobotImportError(f"{source.root} names no subsets: give shares=, as train:0.9,val:0.1")
        members = {name: set(found) for name, found in source.filters.items()}
    else:
        members = {name: set() for name in shares}
        for k, place in enumerate(source.places):
            members[part_of(_scene(source, k), shares, seed)].add(place.index)
    for name, found in members.items():
        if not found:
            raise LeRobotImportError(
                f"{name!r} would get no episode of {len(source)}: give it a larger share, or another seed"
            )
    counts = {}
    with ExportFolder(out) as target:
        for name, found in members.items():
            said = {
                "command": "split",
                "part": name,
                "shares": dict(shares) if shares else DECLARED,
                "seed": seed,
            }
            chosen = part(source, found.__contains__)
            of = {source.root: source}
            counts[name] = write_copy(
                target / name, [_only(chosen, name)], layout_of([source]), said, of, progress
            )
    return counts


def _only(chosen: ImportedDataset, name: str) -> ImportedDataset:
    from dataclasses import replace

    return replace(chosen, filters={name: tuple(place.index for place in chosen.places)})


def _name(source: ImportedDataset, number: int) -> Any:
    """What tells an episode from others: its name and seed, or else its dataset and index."""
    place = source.places[number]
    metadata = place.metadata
    if isinstance(metadata, Mapping) and {"original_episode_name", "seed"} <= metadata.keys():
        return str(metadata["original_episode_name"]), metadata["seed"]
    return source.root.resolve(), place.index


def _said(name: Any) -> str:
    if isinstance(name[0], Path):
        return f"episode {name[1]}"
    return f"episode {name[0]} of seed {name[1]}"


def _scene(source: ImportedDataset, number: int) -> int:
    """The index by which an episode's part is decided: of the scene, where the dataset says which it is."""
    place = source.places[number]
    words = str(place.metadata.get("original_episode_name", "")).split("-")
    return int(words[0]) if "seed" in place.metadata and words[0].isdigit() else place.index
