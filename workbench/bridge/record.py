"""From what happened on a real arm to its line of ``episodes.jsonl``."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.bridge.episode import Happened
from workbench.evaluation.metrics import path_length, sparc
from workbench.runs.records import EpisodeRecord


def episode_record(
    index: int,
    task: str,
    seed: int,
    instruction: str,
    happened: Happened,
    verdict: dict[str, Any],
    control_dt: float,
    wall_s: float,
) -> EpisodeRecord:
    """The episode's line; ``verdict`` has ``success``, ``failure_reason`` and ``time_to_success_s``."""
    tool = np.array([step.ee_pose[:3] for step in happened.steps])
    known = len(tool) > 1 and bool(np.isfinite(tool).all())
    speed = np.linalg.norm(np.diff(tool, axis=0), axis=1) / control_dt if known else np.zeros(0)
    return EpisodeRecord(
        index=index,
        task=task,
        seed=seed,
        instruction=instruction,
        factors={},
        success=bool(verdict["success"]),
        failure_reason=verdict["failure_reason"],
        steps=len(happened.steps),
        duration_s=len(happened.steps) * control_dt,
        time_to_success_s=verdict["time_to_success_s"],
        path_length_m=path_length(tool) if known else None,
        smoothness=sparc(speed, control_dt) if known else None,
        grounding=None,
        wall_s=wall_s,
        limited_share=happened.changed / max(1, len(happened.steps)),
        extra={"idle_share": happened.idle / max(1, len(happened.steps)), "ended": happened.ended},
    )
