"""Who hands out the episodes of a quota to environments."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Work(Protocol):
    """Who hands out episodes."""

    def take(self, row: int) -> int | None:
        """The episode that an environment runs next; None if there is none for it any more."""
        ...


class RowQueues:
    """Hands out the episodes of a quota, episode ``i`` to environment ``i mod N``."""

    def __init__(self, indices: Iterable[int], num_envs: int) -> None:
        self._queues: list[deque[int]] = [deque() for _ in range(num_envs)]
        for index in sorted(set(indices)):
            self._queues[index % num_envs].append(index)

    def take(self, row: int) -> int | None:
        """See `Work`."""
        return self._queues[row].popleft() if self._queues[row] else None
