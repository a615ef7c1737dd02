"""Beside a person: does the policy want to go where the arm was led? From a run of the bridge in ``mode=shadow``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.bridge.options import SHADOW
from workbench.bridge.ticks import read_ticks
from workbench.runs.folder import RunFolder, RunFolderError
from workbench.validate.bounds import bounded, line_of
from workbench.validate.requirements import Requirement
from workbench.verdict.line import FAIL, PASS, Evidence, Line

WINDOW = 10
"""Control steps over which motion is compared."""
LEAST_WAY = 0.01
"""The arm has gone this far in a window at least [m]: of an arm at rest no direction is known."""
LEAST_WISH = 0.002
"""The same of what the policy asks for [m]: less is no motion."""
AGREES = 0.5
"""Cosine from which on two directions agree: 60 degrees."""


@dataclass(frozen=True)
class Agreement:
    """How one episode's decisions agree with what the arm did."""

    agreeing: int
    windows: int


def agreement_of(actions: np.ndarray, tool: np.ndarray) -> Agreement:
    """How often summed actions point where the tool went.

    Args:
        actions: translations that the policy asked for ``[T, 3]`` [m], base frame, one a control step.
        tool: where the tool was ``[T, 3]`` [m], base frame.
    """
    agreeing = windows = 0
    for at in range(0, len(tool) - WINDOW, WINDOW):
        wish, way = actions[at : at + WINDOW].sum(0), tool[at + WINDOW] - tool[at]
        far, wanted = float(np.linalg.norm(way)), float(np.linalg.norm(wish))
        if far < LEAST_WAY or not np.isfinite((far, wanted)).all():
            continue
        windows += 1
        agreeing += wanted >= LEAST_WISH and float(wish @ way) >= AGREES * far * wanted
    return Agreement(agreeing, windows)


def read_agreement(log: Path) -> Agreement:
    """Of one episode's log; ValueError for one that cannot be read, or that lacks relative tool motion."""
    actions, tool = [], []
    for topic, message in read_ticks(log, "/episode", "/tick"):
        if topic == "/episode" and "action_spec" in message:
            names = [channel["name"] for channel in message["action_spec"]["channels"]]
            if names[:3] != ["dx", "dy", "dz"]:
                raise ValueError(
                    f"{log}: the policy does not ask for moves of the tool, but for {names[0]} first"
                )
        control = message.get("control")
        if control and control["ee_pose"] is not None and None not in control["ee_pose"][:3]:
            actions.append(control["action"][:3])
            tool.append(control["ee_pose"][:3])
    return agreement_of(np.array(actions, float).reshape(-1, 3), np.array(tool, float).reshape(-1, 3))


def shadow_line(asked: Requirement, run: str, robot: str, confidence: float) -> Line:
    """The bound of the share of windows that agree, episodes drawn as a whole."""
    if not run:
        return line_of(asked, "no log of the policy beside a person was given (shadow=)")
    evidence = Evidence(f"workbench bridge mode=shadow robot={robot}", str(run))
    try:
        config = RunFolder(run).config()
        if config.get("mode") != SHADOW:
            return line_of(
                asked, f"shadow={run} is no run in mode=shadow but in {config.get('mode')}", (evidence,)
            )
        found = [read_agreement(log) for log in sorted(Path(run, "ticks").glob("*.mcap"))]
    except (RunFolderError, OSError, ValueError) as problem:
        return line_of(asked, f"shadow={run}: {problem}", (evidence,))
    shares = [one.agreeing / one.windows for one in found if one.windows]
    windows = sum(one.windows for one in found)
    if not shares:
        return line_of(asked, f"shadow={run}: the arm moved in no episode", (evidence,))
    # Windows of an episode are no trials of their own. A share counts as so much of a success: of all numbers from 0 to
    # 1 with the same mean, successes and failures vary most.
    interval = bounded(math.floor(sum(shares) + 1e-9), len(shares), confidence)
    state = PASS if interval[0] >= (asked.threshold or 0.0) else FAIL
    sentence = (
        f"{np.mean(shares):.0%} of {windows} half seconds agree, in {len(shares)} episodes, lower bound "
        f"{interval[0]:.3f} ({confidence:.0%})"
    )
    return line_of(asked, sentence, (evidence,)).but(state=state, number=interval[0], interval=interval)
