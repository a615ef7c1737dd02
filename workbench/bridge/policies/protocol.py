"""`BridgePolicy`: a policy as the bridge asks it, one robot, in numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from policy.action import ActionSpec
from workbench.bridge.observation import Observed


@dataclass(frozen=True)
class Thought:
    """What a policy decided."""

    actions: np.ndarray
    """Chunk ``[T, A]`` in the physical units of its action spec; the k-th is meant for the k-th step from then on."""
    grounding: Any = None
    """Where it means to act, as `policy.grounding.Grounding.to_dict` has it, or None."""
    done: bool = False
    """Whether it has nothing more to do."""


class BridgePolicy(Protocol):
    """Who acts."""

    name: str
    action_spec: ActionSpec
    cameras: tuple[str, ...]
    """Those that it looks through."""
    uses_pose_sensor: bool
    """Whether it is told objects' poses by a declared sensor."""
    execute_steps: int
    """How many steps of a chunk are carried out before it is asked again."""

    def reset(self, episode: str, seed: int) -> None:
        """An episode begins."""
        ...

    def act(self, observed: Observed) -> Thought:
        """Decide; called from a thread of its own, one call at a time."""
        ...

    def close(self) -> None:
        """Let go of whatever it holds."""
        ...
