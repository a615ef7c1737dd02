"""What do the ways to carry out chunks gain where answers take time? Success and smoothness, as a table.

    python -m tools.chunk_execution_table policy=m1 episodes=64 dr=mild
    python -m tools.chunk_execution_table ways=open_loop,receding latencies=0,0.3 bursts=0 episodes=8 num_envs=8

Each way meets the same episodes at each time, a run folder each in ``out=``; the same command again resumes. Times are
those of the factors `control.inference_latency` and `control.inference_burst`, simulated time going on meanwhile, so
that they do not depend on the machine; with ``realtime=true`` what the policy really takes here comes on top.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from policy.execution import MODES
from tasks.registry import DEFAULT as DEFAULT_TASK
from tasks.tabletop.inference_time import BURST_S
from workbench.cli.options import OptionError, listed, option, parse_options
from workbench.comparison.result import ComparisonError
from workbench.comparison.sample import read_sample
from workbench.comparison.two import compare_samples
from workbench.rollout.options import at_least, choose
from workbench.runs.records import EpisodeRecord
from workbench.stats import quantile_interval, wilson_interval

UNKNOWN = "–"


@dataclass
class ChunkExecutionOptions:
    """Options of the table."""

    policy: str = option("m1", "who acts, as eval has it")
    checkpoint: str = option("", "m1: folder of its checkpoint")
    ways: str = option(
        ",".join(MODES), f"of execute=, the first is what others are compared with: {', '.join(MODES)}"
    )
    latencies: str = option("0,0.1,0.3", "times of an answer", "s")
    bursts: str = option(
        "0.1", f"probabilities that an answer takes {BURST_S:g} s longer, at the second latency"
    )
    horizon: int = option(0, "steps between two requests; 0: as the policy says", "control steps")
    realtime: bool = option(False, "what the policy takes here comes on top")
    task: str = option(DEFAULT_TASK, "what is asked")
    dr: str = option("mild", "factor set")
    episodes: int = option(64, "of each way at each time", "episodes")
    num_envs: int = option(16, "environments in parallel")
    seed: int = option(1, "of the suite")
    out: str = option("runs/chunk-execution", "folder for the runs")

    def resolve(self) -> None:
        """OptionError for what cannot be."""
        for way in listed("ways", self.ways):
            choose("way", way, MODES)
        for name in ("episodes", "num_envs"):
            at_least(name, getattr(self, name), 1)
        _ = self.conditions

    @property
    def conditions(self) -> list[tuple[float, float]]:
        """Latency [s] and probability of a burst of each condition."""
        latencies = _numbers("latencies", self.latencies)
        bursts = [burst for burst in _numbers("bursts", self.bursts) if burst] if self.bursts else []
        return [(s, 0.0) for s in latencies] + [(latencies[min(1, len(latencies) - 1)], b) for b in bursts]


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing and print the table in Markdown; returns the exit status."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        options = parse_options(ChunkExecutionOptions, sys.argv[1:] if words is None else words)
        options.resolve()
        for run, given in runs(options):
            console.print(f"workbench eval {' '.join(given)} out={run}", markup=False)
            # A simulator starts once in a process.
            command = [sys.executable, "-m", "workbench.cli.main", "eval", *given, f"out={run}"]
            if status := subprocess.run(command).returncode:
                return status
        console.print("\n".join(table(options)), markup=False)
    except (OptionError, ComparisonError) as problem:
        Console(stderr=True).print(f"chunk_execution_table: {problem}", markup=False)
        return 2
    return 0


def runs(options: ChunkExecutionOptions) -> Iterator[tuple[Path, list[str]]]:
    """Folder and words of each evaluation."""
    names = ("policy", "checkpoint", "horizon", "task", "dr", "episodes", "num_envs", "seed")
    common = [f"{name}={getattr(options, name)}" for name in names if getattr(options, name) not in ("", 0)]
    common += ["record=0", "last_frames=0"] + ["realtime=true"] * options.realtime
    for latency, burst in options.conditions:
        for way in listed("ways", options.ways):
            drawn = [f"dr.control.inference_latency.value={latency:g}"]
            drawn += [f"dr.control.inference_burst.value={burst:g}"]
            yield folder(options, latency, burst, way), [*common, f"execute={way}", *drawn]


def folder(options: ChunkExecutionOptions, latency: float, burst: float, way: str) -> Path:
    """Where a run is."""
    return Path(options.out, f"{way}-latency{latency:g}-burst{burst:g}")


def table(options: ChunkExecutionOptions) -> list[str]:
    """Lines of the table; ComparisonError for runs that cannot be paired."""
    ways = listed("ways", options.ways)
    lines = [
        "| answers take | `execute=` | success | 95 % interval | against the first | median SPARC | its interval |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for latency, burst in options.conditions:
        samples = {way: read_sample(folder(options, latency, burst, way)) for way in ways}
        takes = f"{1e3 * latency:g} ms" + (f", {1e2 * burst:g} % of them {BURST_S:g} s more" if burst else "")
        for way, sample in samples.items():
            records = list(sample.records.values())
            against = UNKNOWN if way == ways[0] else _against(compare_samples(sample, samples[ways[0]]))
            lines.append(f"| {takes} | `{way}` | {_success(records)} | {against} | {_smoothness(records)} |")
    return lines


def _success(records: Sequence[EpisodeRecord]) -> str:
    won = sum(record.success for record in records)
    low, high = wilson_interval(won, len(records))
    return f"{won}/{len(records)} | {100 * low:.1f} to {100 * high:.1f} %"


def _against(pair: Any) -> str:
    low, high = pair.difference_interval
    return f"{100 * pair.difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def _smoothness(records: Sequence[EpisodeRecord]) -> str:
    known = [record.smoothness for record in records if record.smoothness is not None]
    interval = quantile_interval(known) if known else None
    middle = f"{median(known):.2f}" if known else UNKNOWN
    return f"{middle} | {f'{interval[0]:.2f} to {interval[1]:.2f}' if interval else UNKNOWN}"


def _numbers(name: str, words: str) -> list[float]:
    try:
        found = [float(word) for word in listed(name, words)]
    except ValueError:
        raise OptionError(f"{name}={words}: these are numbers: 0,0.1,0.3") from None
    if not found or min(found) < 0:
        raise OptionError(f"{name}={words} must be numbers of 0 and more, at least one")
    return found


if __name__ == "__main__":
    sys.exit(main())
