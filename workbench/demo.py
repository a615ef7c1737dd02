"""``workbench demo``: the bench's main job, small enough for a laptop without a GPU."""

from __future__ import annotations

from rich.console import Console

from workbench.eval_options import EvalOptions
from workbench.evaluate import evaluate
from workbench.overview import print_summary


def demo(console: Console) -> int:
    """Evaluate the expert on 32 episodes in 16 environments; report and recording in ``runs/demo``."""
    options = EvalOptions(episodes=32, num_envs=16, seed=1, record=4, out="runs/demo")
    options.resolve()
    summary = evaluate(options, console)
    print_summary(summary, options.out, console)
    return 0
