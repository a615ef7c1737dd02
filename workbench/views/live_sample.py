"""`Sample`: an instant of an arm, as the live view draws it. Imports no viewer: who steers an arm makes these."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from policy.grounding import Grounding
from workbench.rollout.trajectory import CameraTrack

LENGTH = struct.Struct("<Q")
"""Before each sample on its way to the process that draws [bytes]."""

FAILED = "failed: "
"""How the line begins by which the process that draws says that it cannot."""
ALL_PLOTS = ("joint_margin", "velocity", "workspace", "latency", "interventions")
"""Names of what can be plotted; `workbench.views.live_drawing` has their titles."""


@dataclass
class Sample:
    """One instant, of one arm."""

    at: float
    """Since the run began [s]."""
    tool: np.ndarray
    """Where the tool is ``[3]`` [m], base frame."""
    planned: np.ndarray | None = None
    """Where the policy's actions lead it ``[P, 3]`` [m]; None: not known anew."""
    pictures: Mapping[str, tuple[np.ndarray, CameraTrack]] = field(default_factory=dict)
    """Camera -> RGB ``[H, W, 3]`` uint8, and where it is believed to be: its track's first instant."""
    grounding: Grounding | None = None
    """What the policy said of space last."""
    plots: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Plot, one of `ALL_PLOTS` -> line -> value."""
    events: Sequence[str] = ()
    """Sentences since the last sample."""
    begins: bool = False
    """Whether an episode begins: the executed path begins anew."""
