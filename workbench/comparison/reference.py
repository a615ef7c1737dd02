"""The run that another is stopped against: its outcomes, and that both meet the same episodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.comparison.result import ComparisonError
from workbench.comparison.sample import read_sample


def reference_of(run: str, episodes: int) -> dict[str, str]:
    """What a run that is stopped against ``run`` keeps of it: its name as typed and its first outcomes, 1 or 0 each.

    ComparisonError where it has fewer in an unbroken row than ``episodes``, the most that the test may take.
    """
    sample = read_sample(run)
    if len(sample.records) < episodes:
        raise ComparisonError(
            f"stop_against={run} has {len(sample.records)} episodes in an unbroken row, so episodes= must be at most "
            f"that, not {episodes}"
        )
    return {"run": run, "outcomes": "".join("01"[sample.records[i].success] for i in range(episodes))}


def check_reference(run: str, episodes: int, record_of: Callable[[int], dict[str, Any]]) -> None:
    """ComparisonError unless the run met the same episodes: ``record_of`` gives what the other one meets, by number."""
    records = read_sample(run).records
    for index in range(episodes):
        for key, mine in record_of(index).items():
            if (theirs := getattr(records[index], key)) != mine:
                what = (
                    _first_difference(theirs, mine)
                    if isinstance(mine, dict)
                    else f"{theirs!r} there, {mine!r} here"
                )
                raise ComparisonError(
                    f"stop_against={run} did not meet the same episodes: {key} of episode {index} is {what}"
                )


def _first_difference(theirs: dict[str, Any], mine: dict[str, Any]) -> str:
    name = next(n for n in [*mine, *theirs] if mine.get(n) != theirs.get(n))
    return f"{name} = {theirs.get(name)!r} there, {mine.get(name)!r} here"
