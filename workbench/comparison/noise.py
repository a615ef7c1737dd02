"""How often the outcomes of one policy differ between two runs of it: the noise floor of a comparison.

Draws are the same with any number of environments, but arithmetic rounds differently in the last digit, contacts
amplify that, and a few episodes end otherwise. So single episodes on which two runs differ say little about the
policies. The test asks whether they differ more often in one direction than in the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import scipy

from workbench.stats import Interval

SETTINGS = ("num_envs", "physics", "renderer", "device")
"""Options that are to change nothing about an episode, and do change its rounding or its physics."""

FLIPPED, EPISODES = 10, 128
"""Outcomes that differed between 16 and 8 environments: `workbench eval policy=noisy_expert episodes=64` with seeds 1
and 2, on PhysX on a CPU. docs/statistics.md has the commands."""
SOURCE = "noisy_expert with 16 and with 8 environments"


@dataclass(frozen=True)
class NoiseFloor:
    """What equal policies would do in runs that differ as these do."""

    settings: tuple[str, ...]
    """What differs, with both values."""
    pairs: int
    observed: int
    """Pairs with different outcomes."""
    expected: float
    """Pairs that equal policies would end differently, on average."""
    interval: Interval
    """Of that number, for these pairs: it allows for how few were measured."""

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{'; '.join(self.settings)}. Equal policies then still end some episodes differently: {FLIPPED} of "
            f"{EPISODES} were measured ({SOURCE}), so about {self.expected:.1f} ({low:g} to {high:g}) of these "
            f"{self.pairs}{self._more()}; here {self.observed} do"
        )

    def _more(self) -> str:
        """What the measurement does not reach."""
        others = [said.partition(" ")[0] for said in self.settings if not said.startswith("num_envs")]
        return f", or more for another {' and '.join(others)}" if others else ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "settings": list(self.settings),
            "measured": {"differing": FLIPPED, "episodes": EPISODES, "with": SOURCE},
            "expected": round(self.expected, 6),
            "interval": list(self.interval),
            "observed": self.observed,
        }


def noise_floor(
    names: tuple[str, str],
    configs: tuple[Mapping[str, Any], Mapping[str, Any]],
    pairs: int,
    observed: int,
    confidence: float,
) -> NoiseFloor | None:
    """The floor under two runs; None where nothing differs that would raise it.

    The number of differing pairs among so many is beta-binomial, after what was measured under Jeffreys' prior.
    """
    differing = [key for key in SETTINGS if configs[0].get(key) != configs[1].get(key)]
    if not differing:
        return None
    said = tuple(
        f"{key} differs: {names[0]} has {configs[0].get(key)}, {names[1]} has {configs[1].get(key)}"
        for key in differing
    )
    counts = scipy.stats.betabinom(pairs, FLIPPED + 0.5, EPISODES - FLIPPED + 0.5)
    low, high = counts.interval(confidence)
    return NoiseFloor(said, pairs, observed, float(counts.mean()), (float(max(low, 0)), float(high)))
