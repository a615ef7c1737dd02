import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.bridge.twin.client import RunningTwin
from workbench.bridge.twin.parameters import TwinParameters


def test_what_is_left_out_has_its_default_and_all_survives_a_round_trip() -> None:
    made = TwinParameters.from_dict({"arm": {"encoder_bias": [0, 0.01, 0, 0, 0, 0, 0]}, "seed": 3})
    assert made.arm.encoder_bias[1] == 0.01
    assert made.arm.friction == 1.0
    assert TwinParameters.from_dict(made.to_dict()) == made


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"arms": {}}, "there is no key 'arms'"),
        ({"arm": {"frictoin": 2}}, "arm: there is no key 'frictoin'"),
        ({"arm": {"friction": "much"}}, "arm.friction must be a number, not 'much'"),
        ({"camera": {"offset": [1, 2]}}, "camera.offset must be 3 numbers"),
        ({"objects": 3}, "objects must hold keys and values"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(given: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TwinParameters.from_dict(given)


def test_the_twin_is_told_of_its_files_wherever_it_works(tmp_path, monkeypatch):
    """A run folder is relative as a rule, and the twin's own folder is another."""
    told = []

    def start(words, **options):
        told.extend(words)
        raise OSError("not started")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(OSError, match="not started"):
        RunningTwin(Path("runs/x/twin"), python=Path(sys.executable))
    config = Path(told[-1])
    assert config.is_absolute()
    assert Path(json.loads(config.read_text())["audit"]).is_absolute()
