"""`Tally`: where the time of a rollout went, and what was done in it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from policy.serve.client.latency import added


@dataclass
class Tally:
    """Where the time went and what was done, for rates."""

    physics_s: float = 0.0
    rendering_s: float = 0.0
    policy_s: float = 0.0
    env_steps: int = 0
    """Steps of environments that ran an episode."""
    frames: int = 0
    decisions: int = 0
    episodes: int = 0
    latencies: dict[str, int] = field(default_factory=dict)
    """Of a policy behind a server, how long requests took: see `policy.serve.client.latency`."""

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        sums: Any = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)[:-1]}
        return Tally(**sums, latencies=added(self.latencies, other.latencies))
