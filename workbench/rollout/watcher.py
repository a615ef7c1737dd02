"""`Watcher`: who is told of a rollout while it goes on, as a live view is. It changes nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from policy.contract import Decision, Observation

if TYPE_CHECKING:
    from workbench.rollout.loop import RunningEpisode


class Watcher(Protocol):
    """Called from the rollout's thread, which waits for it."""

    def began(self, rows: Sequence[int], indices: Sequence[int]) -> None:
        """Environments begin the episodes with these numbers."""

    def decided(
        self, rows: Sequence[int], observation: Observation, decision: Decision, thought_s: float
    ) -> None:
        """The policy has answered about environments, after so long [s]."""

    def stepped(self) -> None:
        """A control step is over."""

    def ended(self, episodes: Sequence[RunningEpisode]) -> None:
        """Episodes are over, their outcomes known."""


class Nobody:
    """The `Watcher` of a rollout that nobody watches."""

    def began(self, rows: Sequence[int], indices: Sequence[int]) -> None:
        """See `Watcher`."""

    def decided(
        self, rows: Sequence[int], observation: Observation, decision: Decision, thought_s: float
    ) -> None:
        """See `Watcher`."""

    def stepped(self) -> None:
        """See `Watcher`."""

    def ended(self, episodes: Sequence[RunningEpisode]) -> None:
        """See `Watcher`."""
