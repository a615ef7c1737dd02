"""What both sides of the comparison are told."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tools import gap_study
from tools.gap_study import CONTESTANTS, GapStudyOptions, in_simulation, on_the_twin


def test_both_sides_have_the_same_speed_time_and_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, tuple[str, ...]] = {}
    monkeypatch.setattr(gap_study, "run", lambda verb, *words, python="": told.update({verb: words}))
    options = GapStudyOptions(scale=0.5, time_limit_s=20.0, out=str(tmp_path))
    name = "off_by_15_mm"
    on_the_twin(name, CONTESTANTS[name], options)
    in_simulation(name, CONTESTANTS[name], options, "before", "none")
    assert {"scale=0.5", "episode_s=20.0", "policy.error_mm=15"} <= set(told["bridge"])
    assert {"policy.scale=0.5", "time_limit_s=20.0", "policy.error_mm=15"} <= set(told["eval"])
