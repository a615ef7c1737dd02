"""`ExpertErrors`: in what a noisy expert of the twin is worse than the expert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.cli.options import OptionError


@dataclass(frozen=True)
class ExpertErrors:
    """What a noisy expert does worse than the expert."""

    position: float = 0.0
    """Standard deviation of where it sees the object from where that is, along x and y, drawn anew each episode [m]."""
    latency_steps: int = 0
    """Control steps by which its actions come late."""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> ExpertErrors:
        """As typed: ``error_mm`` [mm] and ``latency_steps``; OptionError for what is neither."""
        if odd := [name for name in given if name not in ("error_mm", "latency_steps")]:
            raise OptionError(f"policy.{odd[0]}: a noisy expert has policy.error_mm and policy.latency_steps")
        try:
            found = cls(float(given.get("error_mm", 0)) / 1000, int(given.get("latency_steps", 0)))
        except ValueError:
            raise OptionError("policy.error_mm is a number and policy.latency_steps a whole one") from None
        if not (0 <= found.position < 0.1 and 0 <= found.latency_steps <= 20):
            raise OptionError("policy.error_mm must be from 0 to 100 and policy.latency_steps from 0 to 20")
        return found
