"""A checkpoint as a policy of the bench: found, or refused in one sentence."""

import json

import pytest

from policy.action_bounds import CLIP_TO_ROBOT
from policy.contract import takes_committed
from policy.m1.checkpoint import CONFIG_FILE, save_checkpoint
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS
from tests.policy.m1.tiny import tiny_model
from workbench.cli.main import main
from workbench.cli.options import OptionError, parse_options
from workbench.data.generate.options import GenerateOptions
from workbench.evaluation.options import EvalOptions
from workbench.rollout.policies import (
    PolicyCfg,
    check_checkpoint,
    checkpoint_provenance,
    make_policy,
)
from workbench.rollout.policy_names import M1_MINI
from workbench.runs.differences import differences


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m1") / "checkpoint"
    save_checkpoint(tiny_model(), folder)
    return folder


def test_a_checkpoint_acts_with_its_own_spec_and_cameras(checkpoint):
    spec = tiny_model().config.action_spec
    policy = make_policy(PolicyCfg("m1", str(checkpoint), 3), 2, spec, "cpu")
    assert policy.cameras == check_checkpoint(str(checkpoint)) == ("front", "wrist")
    assert policy.action_spec == spec
    assert policy.ground_every == 3


def test_the_checkpoint_that_ships_acts_within_the_robots_bounds_and_says_how():
    cfg = PolicyCfg("m1", M1_MINI)
    declared = cfg.provenance()["checkpoint"]["action_bounds"]
    assert declared["name"] == CLIP_TO_ROBOT
    assert declared["channels"]["drot_z"] == {"own": [-0.25, 0.25], "robot": [-0.125, 0.125]}
    policy = make_policy(cfg, 1, DELTA_EEF, "cpu")
    assert policy.action_spec.channels == DELTA_EEF.channels
    assert takes_committed(policy), "execute=real_time is for it"
    assert make_policy(cfg, 1, DELTA_JOINTS, "cpu").action_spec.mismatches(DELTA_JOINTS)


def test_options_of_a_run_name_the_checkpoint_only_where_there_is_one(checkpoint):
    options = EvalOptions(policy="m1", checkpoint=str(checkpoint), physics="newton_mjwarp", device="cpu")
    options.resolve()
    assert options.config("eval")["checkpoint"] == str(checkpoint)
    assert options.policy_cfg.cameras == ("front", "wrist")
    expert = EvalOptions(physics="newton_mjwarp", device="cpu")
    expert.resolve()
    assert "checkpoint" not in expert.config("eval")
    assert expert.policy_cfg.cameras == ()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["policy=m1", "checkpoint=nowhere"], "nowhere is no checkpoint"),
        (["checkpoint=nowhere"], "is for policy=m1, not policy=expert"),
    ],
)
def test_wrong_checkpoints_get_one_sentence(words, sentence, capsys):
    assert main(["eval", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_a_checkpoint_for_other_cameras_is_refused(checkpoint, tmp_path):
    content = json.loads((checkpoint / CONFIG_FILE).read_text())
    content["model"]["images"]["views"] = ["front", "overhead"]
    (tmp_path / CONFIG_FILE).write_text(json.dumps(content))
    with pytest.raises(OptionError, match="looks through camera overhead"):
        check_checkpoint(str(tmp_path))


def test_demonstrations_cannot_be_planned_by_a_policy_that_sees():
    with pytest.raises(OptionError, match="planned without cameras"):
        GenerateOptions(policy="m1").resolve()


def test_other_weights_have_another_fingerprint_and_the_same_other_files(checkpoint, tmp_path):
    save_checkpoint(tiny_model(seed=1), tmp_path / "other")
    one, other = (checkpoint_provenance(str(folder)) for folder in (checkpoint, tmp_path / "other"))
    assert one == checkpoint_provenance(str(checkpoint))
    assert one["ends"] != other["ends"]
    assert [d.key for d in differences(one["files"], other["files"])] == ["model.safetensors"]
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= one["files"].keys()


def test_a_worker_refuses_another_checkpoint_of_the_same_name(checkpoint, tmp_path):
    acting = PolicyCfg("m1", str(checkpoint)).provenance()
    PolicyCfg("m1", str(checkpoint)).require(acting)
    PolicyCfg("expert").require(PolicyCfg("expert").provenance())  # a policy without one
    save_checkpoint(tiny_model(seed=1), tmp_path / "other")
    with pytest.raises(
        OptionError, match=r"is another one on .* than where the command was given: model\.safe"
    ):
        PolicyCfg("m1", str(tmp_path / "other")).require(acting)


def test_a_checkpoint_without_its_weights_is_not_whole(tmp_path):
    save_checkpoint(tiny_model(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(OptionError, match=r"has no model.safetensors: it is not whole"):
        check_checkpoint(str(tmp_path))


def test_weights_cut_short_are_one_sentence(tmp_path):
    save_checkpoint(tiny_model(), tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(OptionError, match=r"model.safetensors cannot be read"):
        make_policy(PolicyCfg("m1", str(tmp_path)), 1, None, "cpu")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("robot=so_arm",),
            "robot=so_arm do: .*delta_eef of so_arm has 6 channels, delta_eef of franka has 7",
        ),
        (("action_space=delta_joints",), "robot=franka do: .*delta_joints has 8 channels, delta_eef has 7"),
    ],
)
def test_a_checkpoint_of_another_robot_or_action_space_is_refused_before_a_simulator_starts(words, said):
    options = parse_options(EvalOptions, ("policy=m1", *words))
    with pytest.raises(OptionError, match=said):
        options.resolve()
