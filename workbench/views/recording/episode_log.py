"""`EpisodeLog`: one episode's Rerun stream, and the two timelines that every row in it carries.

Times are integer nanoseconds rounded from the step: a float duration lands one nanosecond beside its neighbour in a
third of the rows, and joins between entities then miss.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import rerun as rr

EPISODE_TIME = "episode_time"
"""Timeline: simulated time since the start of the episode, a duration [ns]."""
STEP = "step"
"""Timeline: instants, 0 before the first control step."""

ViewerColumns = Iterable[rr.ComponentColumn]


def instants_ns(instants: Sequence[int] | np.ndarray, control_dt: float) -> np.ndarray:
    """Time of instants ``[N]`` as integer nanoseconds since the start of the episode."""
    return np.rint(np.asarray(instants, np.float64) * control_dt * 1e9).astype(np.int64)


class EpisodeLog:
    """Writes one episode's entities to a Rerun stream."""

    def __init__(self, stream: rr.RecordingStream, control_dt: float) -> None:
        self.stream = stream
        self._control_dt = control_dt

    def static(self, path: str, *archetypes: rr.AsComponents) -> None:
        """What holds during the whole episode."""
        self.stream.log(path, *archetypes, static=True)

    def rows(self, path: str, instants: Sequence[int] | np.ndarray, *columns: ViewerColumns) -> None:
        """One row an instant ``[N]``; nothing is written for no instants."""
        if len(instants) == 0:
            return
        times = instants_ns(instants, self._control_dt).astype("timedelta64[ns]")
        index = [
            rr.TimeColumn(EPISODE_TIME, duration=times),
            rr.TimeColumn(STEP, sequence=np.asarray(instants, np.int64)),
        ]
        self.stream.send_columns(path, index, [column for group in columns for column in group])
