"""Attempts of a demonstration that failed: what was done towards them is not to be imitated, what came of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.data.episode import DatasetEpisode

if TYPE_CHECKING:
    from workbench.training.imported_frames import ImportedDemonstration

SHUT_AFTER = 8
"""Control steps after which a hand told to close has closed."""


def failed_attempt_until(episode: DatasetEpisode | ImportedDemonstration) -> int:
    """Control step before which the actions led to an attempt that failed; 0 if all led to success.

    An attempt has failed if the hand had to close once more. From when its fingers were shut, actions show how to begin
    anew.
    """
    if episode.action_spec.gripper_index is None:
        return 0
    closed = np.concatenate(([False], episode.action_spec.closes(episode.actions)))
    begins = np.flatnonzero(closed[1:] & ~closed[:-1])
    return int(begins[-2]) + SHUT_AFTER if len(begins) > 1 else 0
