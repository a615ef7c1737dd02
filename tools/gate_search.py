"""A search for commands that bring an arm behind its gate nearest to a limit: an evolution strategy on the margin.

A genome is a sequence of targets, each told as a step from where the arm is, in units of what joints can do between two
commands. It is carried out from a fixed posture, and judged by the audit: how near to a limit did the motion come? The
best of a generation is the parent of the next; the size of mutations follows the one-fifth success rule (Rechenberg).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tools.gate_audit import StreamAudit
from tools.gate_bout import Bout

LENGTH = 12
"""Commands of a genome."""
CHILDREN = 8
"""Genomes tried in a generation."""
SIZE = 1.5
"""Of the first mutations."""

GOALS: dict[str, Callable[[StreamAudit], float]] = {
    "position": lambda audit: audit.worst["position"],
    "velocity": lambda audit: audit.worst["velocity"],
    "acceleration": lambda audit: audit.worst["acceleration"],
    "jerk": lambda audit: audit.worst["jerk"],
    "workspace": lambda audit: audit.outside,
    "table": lambda audit: audit.below,
}
"""What is made as great as possible."""


@dataclass
class Found:
    """The nearest that a search came to a limit."""

    goal: str
    first: float
    """Of the first genome."""
    best: float
    commands: int


def search(bout: Bout, goal: str, commands: int, rng: np.random.Generator) -> Found:
    """Spend this many commands on one goal; the bout's own audit and tally see every one of them."""
    start = bout.situation.here
    size, parent = SIZE, rng.normal(0, SIZE, (LENGTH, len(start)))
    best = first = _judge(bout, goal, parent, start)
    spent = LENGTH
    while spent < commands:
        children = parent + size * rng.normal(size=(CHILDREN, *parent.shape))
        values = [_judge(bout, goal, child, start) for child in children]
        spent += CHILDREN * LENGTH
        better = float(np.mean(np.array(values) > best))
        top = int(np.argmax(values))
        if values[top] > best:
            best, parent = values[top], children[top]
        size = min(max(size * float(np.exp((better - 0.2) / 2)), 1e-3), 10.0)
    return Found(goal, first, best, spent)


def _judge(bout: Bout, goal: str, genome: np.ndarray, start: np.ndarray) -> float:
    """How near to the limit a genome comes; an audit of its own beside the bout's."""
    audit, whole = bout.fresh_audit(), bout.audit
    whole.close()
    bout.start(start)
    audit.begin(start)
    bout.audits = [whole, audit]
    for step in genome:
        bout.send(bout.situation.command(bout.situation.here + step * bout.situation.step))
        bout.tick(count=bout.ticks_per_command)
    bout.revive()
    bout.audits = [whole]
    audit.close()
    return GOALS[goal](audit)
