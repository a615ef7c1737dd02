"""Combinations that cannot run are refused before anything is loaded, in one sentence."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch

from workbench.rollout.launch import (
    NEEDS_ISAAC_SIM,
    PHYSICS,
    RENDERERS,
    LaunchError,
    check_launch,
    default_device,
    default_physics,
    output_to,
)


@pytest.fixture(autouse=True)
def a_machine_without_gpu_and_isaac_sim(monkeypatch):
    have(monkeypatch, isaac_sim=False, gpus=0)


def have(monkeypatch, isaac_sim, gpus):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: (object() if isaac_sim else None) if name == "isaacsim" else found(name, *rest),
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)


def refusal(physics="ovphysx", renderer="newton_warp", device="cpu"):
    with pytest.raises(LaunchError) as error:
        check_launch(physics, renderer, device)
    said = str(error.value)
    assert "\n" not in said
    return said


def permitted(physics, renderer, device) -> bool:
    """Whether the combination may run; the reason is printed where it may not."""
    try:
        check_launch(physics, renderer, device)
    except LaunchError as error:
        print(error)
        return False
    return True


@pytest.mark.parametrize("physics", ["ovphysx", "newton_mjwarp"])
def test_what_needs_no_isaac_sim_may_run_on_a_cpu(physics):
    assert permitted(physics, "newton_warp", "cpu")


def test_an_unknown_engine_lists_those_that_there_are():
    assert refusal(physics="bullet") == f"there is no physics 'bullet': choose one of {', '.join(PHYSICS)}"


def test_an_unknown_renderer_lists_those_that_there_are():
    assert (
        refusal(renderer="opengl") == f"there is no renderer 'opengl': choose one of {', '.join(RENDERERS)}"
    )


@pytest.mark.parametrize(
    ("physics", "renderer"), [("isaacsim_physx", "newton_warp"), ("newton_mjwarp", "isaac_rtx")]
)
def test_what_needs_isaac_sim_names_what_to_install(physics, renderer):
    said = refusal(physics, renderer)
    name = physics if physics in NEEDS_ISAAC_SIM else renderer
    assert f"{name} needs Isaac Sim, which is not installed" in said
    assert "`isaacsim`" in said, "the extra to install is not named"


def test_with_isaac_sim_its_engine_and_renderer_may_run(monkeypatch):
    have(monkeypatch, isaac_sim=True, gpus=1)
    assert permitted("isaacsim_physx", "isaac_rtx", "cuda:0")
    assert permitted("newton_mjwarp", "isaac_rtx", "cuda:0")


@pytest.mark.parametrize("installed", [False, True])
def test_ovphysx_and_the_rtx_renderer_exclude_each_other(monkeypatch, installed):
    have(monkeypatch, isaac_sim=installed, gpus=1)
    said = refusal("ovphysx", "isaac_rtx", "cuda:0")
    assert "physics=ovphysx" in said
    assert "renderer=isaac_rtx" in said


@pytest.mark.parametrize(
    "device", ["gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "CPU", "", "mps", "cuda:0:1"]
)
def test_an_unknown_device_says_what_devices_are_called(device):
    assert refusal(device=device) == f"there is no device {device!r}: use cpu or cuda:N"


def test_a_device_that_is_not_here_says_how_many_there_are(monkeypatch):
    assert "this machine has 0 CUDA devices; device=cpu works" in refusal(device="cuda:0")
    have(monkeypatch, isaac_sim=False, gpus=2)
    check_launch("newton_mjwarp", "newton_warp", "cuda:1")
    assert "device=cuda:2 is not here: this machine has 2 CUDA devices" in refusal(device="cuda:2")


def test_auto_takes_the_gpu_where_one_works_and_the_engine_that_is_fastest_there(monkeypatch):
    assert (default_device(), default_physics("cpu")) == ("cpu", "ovphysx")
    have(monkeypatch, isaac_sim=False, gpus=1)
    assert (default_device(), default_physics("cuda:0")) == ("cuda:0", "newton_mjwarp")


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_what_auto_chooses_passes_the_check(monkeypatch, device):
    have(monkeypatch, isaac_sim=False, gpus=1)
    assert permitted(default_physics(device), "newton_warp", device)


def test_checking_loads_no_simulator():
    program = (
        "import sys; from workbench.rollout.launch import check_launch; check_launch('ovphysx', 'newton_warp', 'cpu')\n"
        "print(*{'isaaclab', 'isaacsim', 'newton', 'omni', 'ovphysx', 'pxr', 'warp'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "", "the check loads a simulator"


NOISE = """
import os, sys
from pathlib import Path
from workbench.rollout.launch import output_to
print("before")
try:
    with output_to(Path(sys.argv[1])) as terminal:
        print("from python")
        os.write(1, b"from c++\\n")
        print("warning", file=sys.stderr)
        terminal.write("progress\\n")
        if len(sys.argv) > 2:
            raise RuntimeError("broken")
except RuntimeError:
    pass
print("after")
"""


@pytest.mark.parametrize("fails", [[], ["fail"]])
def test_output_goes_to_the_log_and_comes_back_afterwards(tmp_path, fails):
    log = tmp_path / "simulator.log"
    run = subprocess.run(
        [sys.executable, "-c", NOISE, str(log), *fails], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["before", "after"]
    assert run.stderr == "progress\n"
    written = log.read_text()
    assert all(part in written for part in ("from python", "from c++", "warning"))


def test_no_file_descriptor_is_left_open(tmp_path, capfd):
    with capfd.disabled():
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with output_to(tmp_path / "log"):
                pass
        assert len(os.listdir("/proc/self/fd")) == before
