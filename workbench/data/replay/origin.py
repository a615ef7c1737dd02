"""Which ``workbench generate`` an episode is from: what was split, merged or exported keeps how it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.data.archive.archive import ArchiveError
from workbench.data.generate.options import PRESENTATION, GenerateOptions

GENERATE = "generate"
PASSIVE = {
    "episodes", "renders", "cameras", "frame_every", "depth", "masks", "image_size", "min_visibility",
    "min_brightness", "jpeg_quality", "policy", "grounding_error_px", "latency_steps", "error_attempts",
    "checkpoint", "ground_every",
}  # fmt: skip
"""Options that decide nothing about how recorded actions go: how many were planned, by whom, how they were shown."""


def config_of(folder: Path, config: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
    """The options that the episodes of a seed were made with, wherever a dataset's own config keeps them.

    Raises:
        ArchiveError: episodes that nobody generated, or two ways to make those of the seed.
    """
    made = [c for c in _generated(config) if c.get("seed") in (seed, None)]
    if not made:
        raise ArchiveError(
            f"{folder} was not made by `workbench generate`, so its episodes cannot be made again"
        )
    passive = PASSIVE | {*PRESENTATION}
    for other in made[1:]:
        keys = sorted(k for k in {*made[0], *other} - passive if made[0].get(k) != other.get(k))
        if keys:
            raise ArchiveError(
                f"{folder} holds episodes of seed {seed} that were made in two ways, which differ in "
                f"{', '.join(keys)}: replay the archives that it was merged from"
            )
    return made[0]


def _generated(config: Any) -> Iterator[Mapping[str, Any]]:
    """Configs of ``workbench generate`` in a dataset's config: itself, or what it was made of, however deep."""
    if not isinstance(config, Mapping):
        return
    if config.get("command") == GENERATE:
        yield config
        return
    of = config.get("of", ())
    for source in of if isinstance(of, list) else (of,):
        if isinstance(source, Mapping):
            yield from _generated(source.get("config"))


def options_of(folder: Path, config: Mapping[str, Any]) -> GenerateOptions:
    """The options that a config of ``workbench generate`` holds, resolved; ArchiveError names the folder."""
    try:
        options = GenerateOptions(
            **{k: v for k, v in config.items() if k in GenerateOptions.__dataclass_fields__}
        )
        options.resolve()
    except (AttributeError, TypeError, ValueError) as problem:
        raise ArchiveError(f"{folder} has a config.yaml with impossible options: {problem}") from None
    return options
