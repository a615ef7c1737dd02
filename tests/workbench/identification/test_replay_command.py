"""``workbench gap replay``: a log of the simulator itself is replayed without error; files are whole."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.workbench.identification.planted import PANDA, follower
from workbench.cli.main import main
from workbench.identification.arm_simulator import ArmSimulator
from workbench.identification.log_readers import write_plain
from workbench.identification.motion_log import MotionLog
from workbench.identification.replay_command import nominal_values
from workbench.identification.windows import windows


def own_log(dt: float = 0.01, **changes: float) -> MotionLog:
    """What the simulated arm itself does at nominal values, but for ``changes``."""
    log = follower(duration=4.0, lag=0.0, noise=0.0)
    values = nominal_values(PANDA)
    for name, factor in changes.items():
        values[name] = values[name] * factor
    with ArmSimulator(PANDA, dt, 1) as simulator:
        parts = windows([log], dt, burn_in_s=0.0, whole=True)
        measured = np.concatenate((log.measured[:1], simulator.measured(values, parts)[0]))
    return replace(log, measured=measured)


def test_its_own_log_is_replayed_exactly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_plain(own_log(), tmp_path / "same.h5")
    write_plain(own_log(stiffness=0.3), tmp_path / "soft.h5")
    out = tmp_path / "replay"
    status = main(
        [
            "gap",
            "replay",
            str(tmp_path / "same.h5"),
            f"held_out={tmp_path / 'soft.h5'}",
            f"out={out}",
            "threads=1",
        ]
    )
    assert status == 0
    said = json.loads((out / "replay.json").read_text("utf-8"))
    assert said["rmse_rad"]["training"] < 2e-5  # its first velocity is read from positions
    assert said["rmse_rad"]["held_out"] > 1e-3
    assert "held out: 0.00" not in capsys.readouterr().out
    soft = said["logs"][1]
    assert soft["joints"][0]["lag"] < -0.02, "a softer arm is later than the simulated one"
    page = (out / "replay.html").read_text("utf-8")
    assert "http" not in page.replace("http-equiv", ""), "the page asks the network for something"
    assert page.count("<polyline") == 2 * 2 * 7


def test_the_recording_holds_both_arms(tmp_path: Path) -> None:
    from workbench.views.recording import read_recording

    write_plain(own_log(stiffness=0.3), tmp_path / "soft.h5")
    assert main(["gap", "replay", str(tmp_path / "soft.h5"), f"out={tmp_path}", "threads=1"]) == 0
    (found,) = read_recording(tmp_path / "overlay.rrd").values()
    frames = found.entities["/world/real/arm"].rows
    assert frames > 100
    assert found.entities["/world/simulated/arm"].rows == frames
    assert found.entities["/joints/7"].rows == frames


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "gap replay takes at least one log"),
        (["nowhere"], "there is no log nowhere"),
        (["nowhere", "dt=1"], "dt must be from 0.0005 to 0.02 s"),
        (["nowhere", "robot=hal"], "hal"),
        (["nowhere", "units=feet"], "units=feet: choose one of rad, deg"),
    ],
)
def test_wrong_words_end_with_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gap", "replay", *words]) == 2
    assert sentence in capsys.readouterr().err
