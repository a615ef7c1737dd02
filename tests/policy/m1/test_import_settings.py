"""What a published run's settings, statistics and training mixture come to, and which are refused."""

from dataclasses import replace

import pytest
import torch

from policy.m1.actions import decode_actions
from policy.m1.import_published import PublishedError, import_published
from policy.m1.mixtures import MIXTURES
from tests.policy.m1.importing import CHOICES, refused
from tests.policy.m1.published import (
    STATISTICS,
    config_with,
    published_tensors,
    write_run,
)
from tests.policy.m1.tiny import SPEC


def test_the_latest_checkpoint_is_taken_unless_a_step_is_named(qwen, tensors, tmp_path):
    write_run(tmp_path, tensors, step=9000)
    write_run(tmp_path, tensors, step=10000)
    assert import_published(tmp_path, qwen, CHOICES)[0].config.provenance.steps == 10000
    assert import_published(tmp_path, qwen, CHOICES, step=9000)[0].config.provenance.steps == 9000
    with pytest.raises(PublishedError, match="no checkpoint of step 1; it has"):
        import_published(tmp_path, qwen, CHOICES, step=1)


def test_libero_is_scaled_by_minimum_and_maximum(imported):
    """1 of a recorded translation is 0.05 m, of a rotation 0.5 rad."""
    spec = imported[0].config.action_spec
    assert spec.normalisation.scheme == "min_max"
    assert spec.normalisation.low[:6] == pytest.approx([-0.045, -0.04, -0.035, -0.15, -0.1, -0.125])
    assert spec.normalisation.high[3] == pytest.approx(0.175)
    assert imported[0].config.encoding.rotation == "rotation_vector"
    assert spec.gripper_sign == "+1 opens"


JOINTS = {
    **{key: [*values[:6], values[0], values[6]] for key, values in STATISTICS.items()},
    "mask": [True] * 6 + [False] * 2,
}


@pytest.fixture(scope="module")
def demo(qwen, tmp_path_factory):
    config = config_with(
        datasets__vla_data__data_mix="demo_sim_pick_place", framework__action_model__action_dim=8
    )
    run = write_run(tmp_path_factory.mktemp("demo"), published_tensors(8), config, JOINTS)
    return import_published(run, qwen, CHOICES)


def test_minimum_and_maximum_are_used_where_training_used_them(demo):
    spec = demo[0].config.action_spec
    assert spec.normalisation.scheme == "min_max"
    assert spec.normalisation.low[:7] == tuple(JOINTS["min"][:7])
    assert spec.normalisation.high[:7] == tuple(JOINTS["max"][:7])
    assert spec.control_hz == 30.0
    assert (spec.channels[0].unit, spec.channels[0].reference) == ("rad", "previous_command")


def test_joint_seven_is_a_joint_and_the_gripper_closes_at_one(demo):
    """The published code thresholds channel 6 of eight, a joint, and passes the gripper on as it is."""
    model, notes = demo
    config = model.config
    assert config.action_spec.index("gripper") == 7
    assert config.action_spec.gripper_sign == "+1 closes"
    own = torch.zeros(1, 1, 8)
    own[..., 6], own[..., 7] = 0.3, 0.9
    physical = decode_actions(own, config)[0, 0]
    low, high = JOINTS["min"][6], JOINTS["max"][6]
    assert physical[6] == pytest.approx(low + (0.3 + 1) / 2 * (high - low))
    assert physical[7] == 1.0
    own[..., 7] = 0.1
    assert decode_actions(own, config)[0, 0, 7] == -1.0
    assert any("is not that of training" in note for note in notes)


def test_a_mixture_of_robots_asks_which(qwen, tensors, tmp_path):
    config = config_with(datasets__vla_data__data_mix="bridge_rt_1")
    run = write_run(tmp_path, tensors, config, tag="oxe_rt1")
    assert "robot=oxe_bridge or oxe_rt1" in refused(run, qwen)
    model, _ = import_published(run, qwen, replace(CHOICES, robot="oxe_rt1"))
    assert model.config.action_spec.robot == "google_robot"
    assert model.config.encoding.rotation == "euler_xyz"
    assert "no action statistics of 'oxe_bridge'; it has oxe_rt1" in refused(
        run, qwen, replace(CHOICES, robot="oxe_bridge")
    )


def test_an_unknown_mixture_asks_for_an_action_spec(qwen, tensors, tmp_path):
    run = write_run(tmp_path, tensors, config_with(datasets__vla_data__data_mix="my_robot"))
    message = refused(run, qwen)
    assert all(name in message for name in MIXTURES)
    assert "action_spec=" in message
    assert "rotation=rotation_vector or rotation=euler_xyz" in refused(
        run, qwen, replace(CHOICES, action_spec=SPEC)
    )
    model, _ = import_published(run, qwen, replace(CHOICES, action_spec=SPEC, rotation="rotation_vector"))
    assert model.config.action_spec == SPEC
    assert model.config.encoding.rotation == "rotation_vector"


def test_a_rate_that_nothing_records_is_asked_for(qwen, tensors, tmp_path):
    config = config_with(datasets__vla_data__data_mix="custom_dataset")
    run = write_run(tmp_path, tensors, config, tag="new_embodiment")
    assert "control_hz=" in refused(run, qwen)
    model, notes = import_published(run, qwen, replace(CHOICES, control_hz=15.0))
    assert model.config.action_spec.control_hz == 15.0
    assert any("p' - R p" in note for note in notes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"framework__action_model__action_model_type": "DiT-XXL"}, "DiT-S, DiT-B, DiT-L"),
        ({"framework__action_model__action_dim": 8}, "has 7 channels"),
        ({"framework__action_model__future_action_window_size": 15}, "positions is [16, 48], not [24, 48]"),
        ({"framework__layer_qformer": {}}, "has no framework.layer_qformer.qformer_start_layer"),
        ({"framework__action_model__action_dim": "seven"}, "must be a whole number"),
        ({"datasets__vla_data__image_size": [224, 56]}, "must be square"),
        ({"datasets__vla_data__CoT_prompt": "Do it."}, "lacks {instruction}"),
    ],
)
def test_settings_that_do_not_fit_are_named(qwen, tensors, tmp_path, changes, words):
    assert words in refused(write_run(tmp_path, tensors, config_with(**changes)), qwen)


def test_statistics_that_do_not_fit_are_named(qwen, tensors, tmp_path):
    short = {**STATISTICS, "max": [1.0] * 6}
    assert "need 7 numbers 'max', not 6" in refused(write_run(tmp_path, tensors, statistics=short), qwen)
    flat = {**STATISTICS, "max": STATISTICS["min"]}
    assert "leave no channel of the arm a range" in refused(
        write_run(tmp_path, tensors, statistics=flat), qwen
    )
