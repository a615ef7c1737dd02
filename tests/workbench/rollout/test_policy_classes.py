"""A class of the user's as the policy: found, made with options, bound to the run; or refused in one sentence."""

import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from policy.contract import Calibration, Decision, Observation, takes_committed
from tasks.tabletop.action_spaces import DELTA_EEF
from workbench.cli.main import main
from workbench.cli.options import OptionError, parse_options
from workbench.evaluation.options import EvalOptions
from workbench.rollout.policies import PolicyCfg, make_policy

REACH = """
from __future__ import annotations
from pathlib import Path
from typing import Literal
import numpy as np
from policy.contract import Observation

class Reach:
    cameras = ()

    def __init__(self, num_envs: int, action_spec, gain: float = 0.5, mode: Literal["slow", "fast"] = "slow",
                 weights: Path | None = None, steps: int = 2, loud: bool = False):
        self.gain, self.mode, self.weights, self.steps, self.loud = gain, mode, weights, steps, loud
        self.num_envs, self.spec = num_envs, action_spec

    def act(self, observation: Observation):
        return np.full((len(observation.env_ids), self.steps, self.spec.dim), self.gain)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Folders of policies stay on the path of the process: another test's of the same name would be found first.
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not Path(entry, "reach.py").exists()])
    for module in ("reach", "reaching", "reaching.gains", "reaching.reach"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    (tmp_path / "reach.py").write_text(REACH, "utf-8")
    return tmp_path


def seen(n):
    zeros = torch.zeros(n, 7)
    return Observation(range(n), torch.zeros(n), [""] * n, zeros, zeros, zeros[:, 0], zeros)


def made(name, n=2, **options):
    cfg = PolicyCfg(name, options=options)
    cfg.check()
    return make_policy(cfg, n, DELTA_EEF, "cpu")


@pytest.mark.parametrize("name", ["reach.py", "reach.py:Reach", "reach:Reach"])
def test_a_class_is_found_in_a_file_or_a_module_of_the_present_folder(place, name):
    policy = made(name, gain="0.25", steps="3")
    decision = policy.act(seen(2))
    assert decision.actions.shape == (2, 3, DELTA_EEF.dim)
    assert torch.all(decision.actions == 0.25)
    assert list(decision.grounding) == [None, None]


def test_what_it_leaves_out_has_a_default(place):
    policy = made("reach.py")
    assert policy.action_spec == DELTA_EEF
    assert (policy.execute_steps, policy.cameras, policy.privileged) == (1, (), False)
    policy.reset([0], [7])


def test_one_that_goes_on_from_its_last_chunk_says_so(place):
    assert not takes_committed(made("reach.py"))
    (place / "on.py").write_text(
        REACH.replace("cameras = ()", "cameras, takes_committed = (), True"), "utf-8"
    )
    assert takes_committed(made("on.py"))


def test_options_are_read_by_the_type_of_the_parameter(place):
    inner = made("reach.py", gain="010", mode="fast", weights="w.bin", steps="008", loud="true")._policy
    assert (inner.gain, inner.mode, inner.steps, inner.loud) == (10.0, "fast", 8, True)
    assert inner.weights.name == "w.bin"
    assert made("reach.py", weights="none")._policy.weights is None


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("reach.py", {"gian": "1"}, "no option policy.gian; did you mean policy.gain="),
        ("reach.py", {"steps": "0x2"}, "policy.steps=0x2: expected a whole number"),
        ("reach.py", {"mode": "quick"}, "policy.mode=quick: choose one of slow, fast"),
        ("reach.py:Raech", {}, "no class 'Raech'; did you mean Reach"),
        ("nowhere.py", {}, "there is no file .*nowhere.py"),
        ("no_such_module:Reach", {}, "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("broken.py", {}, r"cannot be imported: ZeroDivisionError: division by zero \(.*broken.py:2\)"),
        ("blind.py", {}, "looks through camera overhead; the task has front, wrist"),
        ("text.py", {}, "cameras must be a tuple of names"),
        ("idle.py:Idle", {}, "Idle has no method act"),
        ("needy.py", {}, "needs policy.speed="),
        ("two.py", {}, "name the class, as two.py:CLASS; classes with an act: One, Two"),
        ("exprt", {}, "there is no policy 'exprt': choose one of expert"),
        ("expert", {"gain": "1"}, "policy=expert has no option policy.gain"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(place, name, options, sentence):
    act = "    def act(self, o): ...\n"
    for file, text in {
        "broken.py": "x = 1\ny = x / 0\n",
        "blind.py": f"class Blind:\n    cameras = ('overhead',)\n{act}",
        "text.py": f"class Text:\n    cameras = 'front'\n{act}",
        "idle.py": "class Idle: ...\n",
        "needy.py": f"class Needy:\n    def __init__(self, speed: float): ...\n{act}",
        "two.py": f"class One:\n{act}class Two:\n{act}",
    }.items():
        (place / file).write_text(text, "utf-8")
    with pytest.raises(OptionError, match=sentence):
        PolicyCfg(name, options=options).check()


def test_a_constructor_that_fails_says_where(place):
    (place / "fails.py").write_text(
        "class Fails:\n    def __init__(self): raise OSError('no weights')\n    def act(self, o): ...\n",
        "utf-8",
    )
    with pytest.raises(OptionError, match=r"cannot be made: OSError: no weights \(.*fails.py:2\)"):
        made("fails.py")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.zeros((2, 3)), r"actions of shape \[2, 1, 3\] for 2 environments and 7 channels; it must be \[2, T, 7\]"),
        (np.zeros((1, 4, 7)), r"shape \[1, 4, 7\]"),
        ("left", "act gave str, not an array"),
        (Decision(torch.zeros(2, 1, 7), [None]), "1 groundings for 2 environments"),
    ],
)  # fmt: skip
def test_a_decision_of_another_shape_is_one_sentence(place, given, sentence):
    policy = made("reach.py")
    policy._policy.act = lambda observation: given
    with pytest.raises(OptionError, match=sentence):
        policy.act(seen(2))


def test_one_step_is_a_chunk_of_one(place):
    policy = made("reach.py")
    policy._policy.act = lambda observation: np.ones((2, 7))
    assert policy.act(seen(2)).actions.shape == (2, 1, 7)


def test_its_source_and_the_files_that_options_name_are_bound_to_a_run(place):
    (place / "w.bin").write_bytes(b"1")
    cfg = PolicyCfg("reach.py", options={"weights": "w.bin"})
    before = cfg.provenance()
    assert set(before["policy"]["files"]) == {"reach.py", "policy.weights"}
    cfg.require(before)
    (place / "w.bin").write_bytes(b"22")
    with pytest.raises(OptionError, match=r"is another one on .*policy.weights"):
        cfg.require(before)


def test_of_a_package_every_module_counts(place):
    package = place / "reaching"
    package.mkdir()
    (package / "__init__.py").write_text("", "utf-8")
    (package / "gains.py").write_text("GAIN = 1\n", "utf-8")
    (package / "reach.py").write_text("from .gains import GAIN\n" + textwrap.dedent(REACH).lstrip().replace(
        "from __future__ import annotations\n", ""), "utf-8")  # fmt: skip
    files = PolicyCfg("reaching.reach:Reach").provenance()["policy"]["files"]
    assert set(files) == {"reaching/__init__.py", "reaching/gains.py", "reaching/reach.py"}


def test_options_of_a_class_are_kept_and_name_no_folder_twice(place):
    options = parse_options(
        EvalOptions, ["policy=reach.py:Reach", "policy.gain=0.5", "physics=newton_mjwarp", "device=cpu"]
    )
    options.resolve()
    assert options.config("eval")["policy_options"] == {"gain": "0.5"}
    assert options.out == "runs/pick_place-reach.py_Reach-newton_mjwarp-seed0"


def test_the_command_line_says_it_in_one_sentence(place, capsys):
    assert main(["eval", "policy=reach.py", "policy.gian=1"]) == 2
    assert "did you mean policy.gain=?" in capsys.readouterr().err


SEEING = """
from policy import CameraInput, ObservationSpec, StateInput

class Seeing:
    observation_spec = ObservationSpec(
        cameras=(CameraInput("image", source="CAMERA", width=32, height=32),),
        state=(StateInput("joint_pos", "deg"), StateInput("gripper", "open")), state_dim=DIM,
        prompt="do: {instruction}",
    )

    def act(self, observation):
        self.seen = observation
        import torch
        return torch.zeros(len(observation.env_ids), 7)
"""


def test_a_policy_sees_what_it_declares(place):
    (place / "seeing.py").write_text(SEEING.replace("CAMERA", "front").replace("DIM", "8"), "utf-8")
    cfg = PolicyCfg("seeing.py")
    cfg.check()
    assert cfg.cameras == ("front",)
    assert cfg.provenance()["policy"]["observation_spec"]["state_dim"] == 8
    policy = make_policy(cfg, 2, DELTA_EEF, "cpu", 64)
    assert cfg.conversions(64)[:2] == [
        "front -> image: renamed",
        "image: 64 x 64 -> 32 x 32 px, stretch, bilinear",
    ]
    shown = replace(
        seen(2),
        images={"front": torch.full((2, 64, 64, 3), 9, dtype=torch.uint8)},
        instruction=["go", "stay"],
        joint_pos=torch.full((2, 7), 1.0),
        ee_pose=torch.tensor([[0.0, 0, 0, 0, 0, 0, 1]] * 2),
        gripper_width=torch.full((2,), 0.04),
    )
    policy.act(shown)
    inner = policy._policy.seen
    assert inner.images["image"].shape == (2, 32, 32, 3)
    assert list(inner.instruction) == ["do: go", "do: stay"]
    np.testing.assert_allclose(inner.state, [[57.29578] * 7 + [0.5]] * 2, rtol=1e-6)


CALIBRATED = SEEING.replace("width=32, height=32", "width=32, height=32, calibrated=True")


def test_a_policy_that_asks_for_it_is_told_the_calibration_of_its_own_picture(place):
    (place / "seeing.py").write_text(CALIBRATED.replace("CAMERA", "front").replace("DIM", "8"), "utf-8")
    policy = make_policy(PolicyCfg("seeing.py"), 2, DELTA_EEF, "cpu", 64)
    k = torch.tensor([[100.0, 0.0, 30.0], [0.0, 100.0, 34.0], [0.0, 0.0, 1.0]]).repeat(2, 1, 1)
    pose = torch.tensor([[1.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0]] * 2)
    shown = replace(
        seen(2),
        images={"front": torch.zeros(2, 64, 64, 3, dtype=torch.uint8)},
        joint_pos=torch.zeros(2, 7),
        ee_pose=pose,
        calibration={"front": Calibration(k, torch.zeros(2), pose, "base")},
    )
    policy.act(shown)
    (name, told), *others = policy._policy.seen.calibration.items()
    assert (name, others) == ("image", [])
    np.testing.assert_allclose(told.intrinsics[1], [[50, 0, 15], [0, 50, 17], [0, 0, 1]])
    assert (told.extrinsics is pose, told.frame) == (True, "base")


@pytest.mark.parametrize(
    ("camera", "dim", "sentence"),
    [("overhead", "8", "looks through camera overhead"), ("front", "9", "takes 9 numbers, with franka it gets 8")],
)  # fmt: skip
def test_a_policy_that_takes_what_there_is_not_is_one_sentence(place, camera, dim, sentence):
    (place / "odd.py").write_text(SEEING.replace("CAMERA", camera).replace("DIM", dim), "utf-8")
    with pytest.raises(OptionError, match=sentence):
        PolicyCfg("odd.py").check()
