"""Statistics that a model's outputs were normalised by, and back from them to the numbers that an action has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from policy.m1.strict import ConfigError, shown

Scheme = Literal["q01_q99", "min_max", "mean_std"]
NAMES: Mapping[Scheme, tuple[str, str]] = {
    "q01_q99": ("q01", "q99"),
    "min_max": ("min", "max"),
    "mean_std": ("mean", "std"),
}
"""What the two rows of a scheme are called in ``dataset_statistics.json``."""


@dataclass(frozen=True)
class Statistics:
    """How normalised actions become those of the data: by a range that [-1, 1] stands for, or by mean and deviation.

    ``q01_q99`` and ``min_max``: ``(x + 1) / 2 * (second - first) + first``, x clipped to [-1, 1]; ``mean_std``:
    ``x * second + first``, unclipped. Channels whose `mask` is False pass unchanged, as a gripper's usually does.
    """

    scheme: Scheme
    first: tuple[float, ...] = ()
    """Least values, or means; empty in a mapping that leaves them to a file."""
    second: tuple[float, ...] = ()
    """Greatest values, or standard deviations."""
    mask: tuple[bool, ...] = ()
    """Which channels are normalised; empty for all but the last, the gripper's."""
    key: str = ""
    """Which entry of a file of statistics holds them, where it has several."""

    def __post_init__(self) -> None:
        if len(self.first) != len(self.second) or (self.mask and len(self.mask) != len(self.first)):
            lengths = f"{len(self.first)}, {len(self.second)} and {len(self.mask)}"
            raise ConfigError(f"normalisation: first, second and mask have {lengths} numbers")
        if not np.isfinite([*self.first, *self.second]).all():
            raise ConfigError("normalisation: a statistic is not a finite number")

    @property
    def dim(self) -> int:
        """Number of channels; 0 while they are left to a file."""
        return len(self.first)

    def from_file(self, path: Path) -> Statistics:
        """The same with the numbers of a ``dataset_statistics.json``: ``{key: {"action": {"q01": [...], ...}}}``.

        Raises:
            ConfigError: The file cannot be read, or lacks the entry or the scheme's rows.
        """
        try:
            data = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as problem:
            raise ConfigError(f"the statistics {path} cannot be read: {problem}") from None
        keys = [k for k, v in data.items() if isinstance(v, dict)] if isinstance(data, dict) else []
        key = self.key or (keys[0] if len(keys) == 1 else "")
        if key not in keys:
            asked = f"no entry {key!r}" if key else "several entries, and the mapping does not say which"
            raise ConfigError(
                f"the statistics {path} have {asked}; they have {', '.join(keys[:8]) or 'none'}"
            )
        rows = data[key].get("action", data[key])
        first, second = (_row(rows, name, f"{path}: {key}.action") for name in NAMES[self.scheme])
        mask = rows.get("mask") if isinstance(rows, dict) else None
        flags = self.mask or (() if mask is None else tuple(bool(flag) for flag in mask))
        return replace(self, first=first, second=second, mask=flags)

    @property
    def _rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mask = self.mask or (True,) * (self.dim - 1) + (False,)
        return np.asarray(self.first), np.asarray(self.second), np.asarray(mask)

    def physical(self, normalised: np.ndarray) -> np.ndarray:
        """Normalised actions ``[..., A]`` as those of the data; numbers that are not finite stay so."""
        first, second, mask = self._rows
        if self.scheme == "mean_std":
            made = normalised * second + first
        else:
            made = (np.clip(normalised, -1.0, 1.0) + 1.0) / 2.0 * (second - first) + first
        return np.where(mask, made, normalised)

    def normalised(self, physical: np.ndarray) -> np.ndarray:
        """The inverse of `physical` inside the range."""
        first, second, mask = self._rows
        if self.scheme == "mean_std":
            made = (physical - first) / np.where(second != 0, second, 1.0)
        else:
            span = np.where(second > first, second - first, 1.0)
            made = np.clip((physical - first) / span * 2.0 - 1.0, -1.0, 1.0)
        return np.where(mask, made, physical)


def _row(rows: Any, name: str, where: str) -> tuple[float, ...]:
    row = rows.get(name) if isinstance(rows, dict) else None
    good = isinstance(row, list) and all(isinstance(x, int | float) and not isinstance(x, bool) for x in row)
    if not good or not row:
        raise ConfigError(f"{where} has no row {name} of numbers, but {shown(row)}")
    return tuple(float(x) for x in row)
