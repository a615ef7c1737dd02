"""A verdict for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.runs.records import EpisodeRecord
from workbench.verdict.decide import GO, Decision
from workbench.verdict.document import Bound, VerdictFile
from workbench.verdict.line import PASS, Evidence, Line
from workbench.verdict.scope import scope_of
from workbench.verdict.signature import signed

ISSUED = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = 90
KEY = b"0123456789abcdef0123456789abcdef"
FINGERPRINT = "f" * 64


def record(index: int, success: bool = True, **changes: Any) -> EpisodeRecord:
    """An episode's line."""
    values: dict[str, Any] = {
        "index": index,
        "task": "pick_place",
        "seed": 1,
        "instruction": "put the red cube in the bowl",
        "factors": {"camera.exposure": 0.8 + 0.1 * index, "scene.target_shape": "cube"},
        "success": success,
        "failure_reason": None if success else "dropped",
        "steps": 100,
        "duration_s": 5.0,
        "time_to_success_s": 5.0 if success else None,
        "path_length_m": 1.0,
        "smoothness": -3.0,
        "grounding": None,
        "wall_s": 1.0,
        "limited_share": 0.01,
    }
    return EpisodeRecord(**values | changes)


def bound(**changes: Any) -> Bound:
    """What a verdict is about."""
    values: dict[str, Any] = {
        "policy": "m1 (runs/mine)",
        "policy_fingerprint": FINGERPRINT,
        "policy_files": {"model.safetensors": "abc"},
        "robot": "franka",
        "task": "pick_place",
        "action_space": "delta_eef",
        "execution": {},
        "factor_set": "default",
        "factor_set_hash": "1234",
        "calibration": None,
        "requirements_hash": "5678",
        "seed": 1,
        "commit": "abcdef",
    }
    return Bound(**values | changes)


def verdict(decision: Decision | None = None, **changes: Any) -> VerdictFile:
    """A go of `ISSUED`, signed with `KEY`."""
    decision = decision or Decision(GO, (), {}, None)
    line = Line("success", "success, lower bound", PASS, "12 of 12", 0.78, (0.78, 1.0), 0.7)
    lines = [line.but(evidence=(Evidence("workbench eval policy=m1", "success"),), why="the job")]
    scope = scope_of([record(i) for i in range(4)], {"camera.gamma": 1.0}, robot="franka", task="pick_place")
    made = VerdictFile.made(bound(**changes), decision, lines, scope, DAYS, ISSUED)
    return VerdictFile(signed(made.content, KEY))


def files(folder: Path, made: VerdictFile) -> tuple[str, str]:
    """A verdict and its key as files."""
    path, key = folder / "verdict.json", folder / "verdict.key"
    path.write_text(json.dumps(made.content))
    key.write_bytes(KEY)
    key.chmod(0o600)
    return str(path), str(key)
