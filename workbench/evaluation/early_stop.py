"""When a run may stop early, and which of its episodes count then: against a rate, or against another run.

    RateStop(0.8, alpha=0.05, n_max=200)            # stop_above=0.8
    RunStop("1101...", alpha=0.05, n_max=200)       # stop_against=RUN: which succeeds more often on the same episodes

Both are fed outcomes in the order of episode index, looked at after each, and keep their error rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from workbench.runs.records import EpisodeRecord
from workbench.stats.sequential import SequentialTest as RateStop
from workbench.stats.sequential_paired import PairedSequentialTest


class EarlyStop(Protocol):
    """A sequential test of a run's outcomes."""

    @property
    def n(self) -> int:
        """Episodes counted."""
        ...

    @property
    def decision(self) -> str | None:
        """What has been decided; None until the evidence suffices."""
        ...

    def update(self, successes: Iterable[bool]) -> Any:
        """Counts the next outcomes, in index order."""
        ...


class RunStop:
    """Which succeeds more often on the same episodes: this run, or one whose outcomes are known?"""

    def __init__(self, outcomes: str, alpha: float, n_max: int) -> None:
        if len(outcomes) < n_max or set(outcomes) - {"0", "1"}:
            raise ValueError(f"{n_max} outcomes, each 1 or 0, are needed of the other run, not {outcomes!r}")
        self._theirs = [outcome == "1" for outcome in outcomes]
        self.test = PairedSequentialTest(alpha, n_max)

    @property
    def n(self) -> int:
        """Episodes counted; stays where it is once there is a decision."""
        return self.test.n

    @property
    def decision(self) -> str | None:
        """``first better`` for this run, ``second better`` for the other; None until the evidence suffices."""
        return self.test.decision

    def update(self, successes: Iterable[bool]) -> str | None:
        """Counts this run's next outcomes, in index order, with a look after each."""
        for success in successes:
            if self.decision is not None:
                break
            self.test.update([(success, self._theirs[self.n] if self.n < len(self._theirs) else False)])
        return self.decision


def early_stop(meta: Mapping[str, Any], confidence: float, n_max: int) -> RateStop | RunStop | None:
    """The test that may stop a run; None where nothing may."""
    if meta.get("stop_above") is not None:
        return RateStop(float(meta["stop_above"]), 1 - confidence, n_max)
    if meta.get("stop_against"):
        return RunStop(str(meta["stop_against"]["outcomes"]), 1 - confidence, n_max)
    return None


def counted(
    records: Sequence[EpisodeRecord], meta: Mapping[str, Any], confidence: float
) -> tuple[dict[str, Any], list[EpisodeRecord]]:
    """The sequential test's entry in the summary (empty without one) and the episodes that count, by index.

    Those are the episodes up to the decision, so that nothing depends on how many more were in flight; all of them
    while there is no decision. ``meta`` holds ``stop_above`` or ``stop_against``, and ``episodes_planned``, if there
    are any.
    """
    ordered = sorted(records, key=lambda r: r.index)
    n_max = int(meta.get("episodes_planned") or max(len(ordered), 1))
    test = early_stop(meta, confidence, n_max)
    if test is None:
        return {}, ordered
    for position, record in enumerate(ordered):
        # Only an unbroken row of indices: a gap is an episode still running, and skipping it would favour
        # short ones.
        if record.index != ordered[0].index + position or test.decision or test.n == n_max:
            break
        test.update([record.success])
    entry: dict[str, Any] = {
        "episodes_max": n_max,
        "decision": test.decision,
        "episodes_used": test.n,
    }
    if isinstance(test, RunStop):
        entry |= {"against": meta["stop_against"]["run"]}
        entry |= {"only_this": test.test.only_first, "only_other": test.test.only_second}
        entry |= {"difference_interval": list(test.test.interval())}
    else:
        entry |= {"above": test.p0}
    if test.decision is None:
        entry["decision_reason"] = f"the evidence after {test.n} episodes does not suffice either way"
    return entry, ordered[: test.n] if test.decision else ordered
