"""``workbench demo``: the bench's main job, small enough for a laptop without a GPU."""

from __future__ import annotations

import subprocess
import sys

from rich.console import Console

from workbench.comparison.command import compare_command
from workbench.rollout.policy_names import M1, M1_MINI

BAD_INPUT = 2
"""Exit status of a command that was refused."""
EPISODES = ("episodes=32", "num_envs=16", "seed=1", "dr=mild", "record=4")
EXPERT, LEARNED = "runs/demo-expert", f"runs/demo-{M1_MINI}"
EVALUATIONS = (
    ("policy=expert", f"out={EXPERT}"),
    (f"policy={M1}", f"checkpoint={M1_MINI}", "ground_every=4", f"out={LEARNED}"),
)


def demo(console: Console) -> int:
    """Evaluate the expert and the shipped checkpoint on the same 32 episodes, with reports and recordings; compare.

    The exit status of an evaluation that failed, else 0.
    """
    for words in EVALUATIONS:
        console.print(f"workbench eval {' '.join((*words, *EPISODES))}", markup=False)
        # A simulator starts once in a process.
        command = [sys.executable, "-m", "workbench.cli.main", "eval", *words, *EPISODES]
        if status := subprocess.run(command).returncode:
            if status == BAD_INPUT:  # an earlier demo's folder, of another release
                console.print(
                    f"the demo writes to {EXPERT} and {LEARNED}: move them away, and it begins anew"
                )
            return status
    compare_command([LEARNED, EXPERT], console)
    return 0
