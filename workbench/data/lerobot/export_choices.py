"""What an export holds, and which of its episodes are for training: `ExportChoices`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.tabletop.action_spaces import DELTA_EEF
from workbench.data.export_folder import ExportError
from workbench.data.frame_actions import SPACES

if TYPE_CHECKING:
    from workbench.data.archive.survey import Entry

SHARES = {"train": 0.9, "val": 0.1}
"""Parts that a dataset is declared to have, unless others are asked for."""


@dataclass(frozen=True)
class ExportChoices:
    """What to write of an archive's episodes, and in which order."""

    action_space: str = DELTA_EEF.name
    """What the column ``action`` holds: a name in `SPACES`."""
    annotations: bool = True
    """Whether to write the columns that begin with ``annotation.``."""
    depth: bool = False
    """Whether to write depth, a picture of 16 bits a frame and camera."""
    masks: bool = False
    """Whether to write masks, a picture of 8 bits a frame and camera."""
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))
    """Parts and their shares of the episodes, as `workbench.data.split` deals them."""
    seed: int = 0
    """Of the deal."""

    def check(self) -> None:
        """ExportError for an action space that there is not."""
        if self.action_space not in SPACES:
            raise ExportError(
                f"there is no action space {self.action_space!r}: choose one of {', '.join(SPACES)}"
            )

    def parts(self, entries: Sequence[Entry], config: Mapping[str, Any] | None) -> dict[str, list[Entry]]:
        """Episodes by part, in order: a reader of LeRobot's takes a part for a range of indices.

        An episode's part follows from its index, so that all its renderings are in one, whatever seed it is of. The
        part that `workbench data split` made stays whole, whatever its shares were.

        Args:
            entries: in the order in which they are to stand in each part.
            config: the archive's, if it has one.
        """
        from workbench.data.split import (
            part_of,  # here, so that commands that only read options start without h5py
        )

        if config and config.get("command") == "split":
            return {str(config["part"]): list(entries)}
        found: dict[str, list[Entry]] = {name: [] for name in self.shares}
        for entry in entries:
            found[part_of(entry.demonstration[1], self.shares, self.seed)].append(entry)
        return {name: those for name, those in found.items() if those}


def ranges(parts: Mapping[str, Sequence[Entry]]) -> dict[str, str]:
    """``splits`` of ``info.json``: the episodes of each part, first and past the last."""
    found, first = {}, 0
    for name, entries in parts.items():
        found[name] = f"{first}:{first + len(entries)}"
        first += len(entries)
    return found
