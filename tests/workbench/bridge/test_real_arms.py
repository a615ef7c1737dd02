"""Arms through the whole bridge, driven by hand: keys, gate, driver, and the arm's own protocol on an emulator."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robots.registry import arm
from robots.so_arm.calibration import MOTORS
from tests.workbench.bridge.feetech import GOAL, PRESENT, FeetechBus
from tests.workbench.bridge.terminal import ROOT, UP, Terminal
from workbench.bridge.ticks import read_ticks

pytest.importorskip("ruckig")
EMULATOR = "trossen-arm-sim==0.2.3"
MIDDLE, STEPS = 2000, 4096 / (2 * math.pi)
"""Of a servo's calibrated range [steps]; steps in a radian."""
PORT = 50000
"""At which the arm is spoken to by UDP."""
UNFOLD = """
import numpy as np, trossen_arm
from robots.wxai.spec import WXAI_HOME
arm = trossen_arm.TrossenArmDriver()
arm.configure(trossen_arm.Model.wxai_v0, trossen_arm.StandardEndEffector.wxai_v0_follower, "127.0.0.1", False)
arm.set_all_modes(trossen_arm.Mode.position)
arm.set_arm_positions([*(np.array(WXAI_HOME) - 0.2)], 2.0, True)
"""
"""Folded, where it begins, the arm is at limits of its joints: a person unfolds it with the maker's library."""
SCALE = 0.3
"""To which the person raises it."""


def drive(terminal: Terminal, keys: str) -> None:
    """Arm it, wait until it is at home, hold keys for two seconds, judge, and see it end well."""
    terminal.wait_for("press a to arm it")
    terminal.press("a")
    terminal.wait_for("goes home|acts")
    terminal.press("++")
    terminal.wait_for("acts .* scale 30%")
    if keys[0].isdigit():
        terminal.press(keys[0])
    terminal.hold([keys[1:] if keys[0].isdigit() else keys], 2.0)
    time.sleep(0.6)
    terminal.press("s")
    assert terminal.end() == 0, terminal.output


def ticks(out: Path) -> list[dict[str, Any]]:
    return [message for _, message in read_ticks(out / "ticks" / "episode_000000.mcap", "/tick")]


def record(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "episodes.jsonl").read_text("utf-8"))
    return found


def goes_along(out: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Set points and measured joints ``[n, J]`` [rad] of a log in which the former keep the scaled limits."""
    found = [tick for tick in ticks(out) if "state" in tick]
    told = np.array([tick["setpoint"][0] for tick in found])
    velocity = np.array([tick["setpoint"][1] for tick in found])
    assert (np.abs(velocity) <= SCALE * np.array(arm(name).spec.limits.velocity) + 1e-6).all()
    return told, np.array([tick["state"]["joint_pos"]["value"] for tick in found])


@pytest.fixture
def bus() -> Iterator[FeetechBus]:
    """An SO-ARM that stands a little beside its home."""
    made = FeetechBus(range(1, 7))
    for number, angle in enumerate(arm("so_arm").spec.home, 1):
        at = MIDDLE + round((angle + (0.2 if number == 1 else 0.0)) * STEPS)
        made.registers[number][PRESENT : PRESENT + 2] = at.to_bytes(2, "little")
    yield made
    made.close()


def test_an_so_arm_goes_home_and_turns_a_joint_by_keys(bus: FeetechBus, tmp_path: Path) -> None:
    entries = {m: {"id": n + 1, "range_min": 500, "range_max": 3500} for n, m in enumerate(MOTORS)}
    (tmp_path / "arm.json").write_text(json.dumps(entries), "utf-8")
    out = tmp_path / "run"
    with Terminal(
        "robot=so_arm", f"address={bus.port}", f"calibration={tmp_path / 'arm.json'}", "mode=live", "policy=teleop",
        "action_space=delta_joints", "instruction=turn", f"out={out}",
    ) as terminal:  # fmt: skip
        drive(terminal, "1" + UP)
    assert record(out)["success"] is True
    told, measured = goes_along(out, "so_arm")
    assert told[-1, 0] - told[0, 0] > 0.15, "the joint that was chosen has turned"
    assert np.abs(told[-1, 1:] - told[0, 1:]).max() < 1e-6, "and no other"
    assert np.abs(measured[-1] - told[-1]).max() < 2 / STEPS, "the servos stand where they were told"
    goals = np.array([goal[1] for goal in bus.goals])
    home = MIDDLE + arm("so_arm").spec.home[0] * STEPS
    assert abs(goals[0] - home) > 0.1 * STEPS
    assert np.abs(goals - home).min() <= 1, "it has been home on the way"
    assert (
        np.abs(np.diff(goals)).max() <= SCALE * arm("so_arm").spec.limits.velocity[0] * 0.01 * STEPS * 3 + 1
    )
    assert bus.registers[1][GOAL : GOAL + 2] == bus.registers[1][PRESENT : PRESENT + 2]


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the WidowX AI's library and emulator."""
    folder = tmp_path_factory.mktemp("wxai")
    python, uv = folder / "venv" / "bin" / "python", ROOT / ".bootstrap/bin/uv"
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    install = (
        [uv, "pip", "install", "-q", "--python", python]
        if uv.exists()
        else [python, "-m", "pip", "install", "-q"]
    )
    wanted = ["-c", ROOT / "constraints.txt", "-e", f"{ROOT}[robot-wxai]", EMULATOR]
    subprocess.run([*install, *wanted], check=True, cwd=folder)
    return python


@pytest.mark.long
def test_a_widowx_lifts_its_tool_by_keys(emulated: Path, tmp_path: Path) -> None:
    lifts_its_tool(emulated, tmp_path)


def await_listener(port: int) -> None:
    """Until somebody listens at a UDP port of this machine."""
    end = time.monotonic() + 60.0
    while f":{port:04X} " not in Path("/proc/net/udp").read_text("utf-8"):
        assert time.monotonic() < end, f"nobody listens at port {port}"
        time.sleep(0.1)


def lifts_its_tool(python: Path, folder: Path) -> None:
    """The emulated arm goes home from beside it, and its tool goes up and no other way."""
    out = folder / "run"
    emulator = subprocess.Popen(
        [python, "-m", "trossen_arm_sim"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await_listener(PORT)
        subprocess.run([python, "-c", UNFOLD], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        with Terminal(
            "robot=wxai", "address=127.0.0.1", "mode=live", "policy=teleop", "instruction=lift", f"out={out}",
            python=python,
        ) as terminal:  # fmt: skip
            drive(terminal, "\x1b[5~")
    finally:
        emulator.terminate()
        emulator.wait()
    assert record(out)["success"] is True
    told, measured = goes_along(out, "wxai")
    tool, turned = arm("wxai").chain.pose(measured)
    rise = tool[-1] - tool[0]
    assert rise[2] > 0.04, rise
    assert np.abs(rise[:2]).max() < 0.01, rise
    assert turned[-1] == pytest.approx(turned[0], abs=0.02)
    assert np.abs(measured[-1] - told[-1]).max() < 0.02
