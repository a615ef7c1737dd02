"""`WorkQueue`: hands jobs out one at a time to whoever is free, and takes them back from workers that died. Pure.

Job ``j`` always runs in row ``j mod N`` of whichever worker takes it, as it would in a single process. An episode's
last digits depend on the row it runs in and on nothing else, so the result does not depend on the number of workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class WorkQueue:
    """Jobs by row, and who has which."""

    def __init__(self, jobs: Iterable[int], num_envs: int) -> None:
        self._rows: list[deque[int]] = [deque() for _ in range(num_envs)]
        for job in sorted(set(jobs)):
            self._rows[job % num_envs].append(job)
        self._taken: dict[str, set[int]] = {}
        self._open = True

    def take(self, worker: str, row: int) -> int | None:
        """The next job for a worker's row; None if there is none."""
        if not self._open or not self._rows[row]:
            return None
        job = self._rows[row].popleft()
        self._taken.setdefault(worker, set()).add(job)
        return job

    def give_up(self, worker: str, settled: Iterable[int] = ()) -> list[int]:
        """A worker died: what it had, but for what is safe, is handed out again, first; returns it."""
        lost = sorted(self._taken.pop(worker, set()) - set(settled))
        for job in reversed(lost):
            self._rows[job % len(self._rows)].appendleft(job)
        return lost

    def close(self) -> None:
        """Hand out nothing more."""
        self._open = False

    @property
    def waiting(self) -> int:
        """Jobs that nobody has taken."""
        return sum(map(len, self._rows)) if self._open else 0
