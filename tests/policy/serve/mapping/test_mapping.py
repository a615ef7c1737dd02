"""Mapping files: those that ship fit the tasks, others are read strictly."""

import json

import numpy as np
import pytest

from policy.m1.strict import ConfigError
from policy.serve.client.translation import split, taken
from policy.serve.mapping.actions import problems
from policy.serve.mapping.mapping import WireCamera, load_mapping, shipped
from policy.serve.mapping.statistics import Statistics
from tasks.tabletop.action_spaces import ACTION_SPECS
from workbench.rollout.policies import observation_offer


@pytest.mark.parametrize("name", shipped())
def test_a_mapping_that_ships_fits_the_franka(name):
    mapping = load_mapping(name)
    assert mapping.problems(observation_offer(224)) == []
    assert [n for n, spec in ACTION_SPECS.items() if not problems(mapping.actions, spec)], (
        "no action space takes it"
    )


def test_the_published_policies_ship():
    wanted = {"m1-widowx", "m1-google-robot", "m1-libero", "m1-franka", "openpi-droid", "openpi-libero"}
    assert wanted | {"gr00t-droid", "gr00t-libero", "starvla-libero"} <= set(shipped())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dialect: openpi", "lacks actions"),
        ("dialect: openpi\nactions: {arm: joint_delta}\ncamera: []", "has no key camera; its keys are"),
        ("dialect: openpi\nactions: {arm: wheels}", "actions.arm must be one of as_task"),
        ("dialect: openpi\nactions: {arm: joint_delta, gripper: {open: 1, closed: 1}}", "open and closed are the same"),
        ("dialect: openpi\nactions: {arm: joint_delta, chunk: 4, execute_steps: 5}", "5 steps of a chunk of 4"),
        ("dialect: m1\nactions: {arm: joint_delta, normalisation: {scheme: min_max, first: [0], second: [1]}}", "1 n"),
        ("dialect: [", "is not valid YAML"),
        ("- 1", "must be a mapping"),
        ("dialect: m1\nactions: {arm: joint_delta}\nstate: {s: [{quantity: pose, form: m}]}", "no quantity 'pose'"),
    ],
)  # fmt: skip
def test_what_is_none_is_one_sentence(tmp_path, text, sentence):
    (tmp_path / "m.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=sentence):
        load_mapping(str(tmp_path / "m.yaml"))


def test_a_mapping_that_is_not_there_says_which_ship():
    with pytest.raises(ConfigError, match=r"there is no mapping 'openpi-droit'.*m1-franka"):
        load_mapping("openpi-droit")


@pytest.mark.parametrize("dim", [7, 8])
def test_statistics_are_those_of_the_file_and_the_gripper_is_the_last_number(tmp_path, dim):
    """InternVLA-M1's own client cuts index 6 at a half, which of 8 numbers is a joint."""
    low, high = np.linspace(-0.5, -0.1, dim), np.linspace(0.2, 0.9, dim)
    rows = {"q01": list(low), "q99": list(high), "min": list(low - 1), "max": list(high + 1)}
    rows |= {"mean": list(low), "std": list(high), "mask": [True] * (dim - 1) + [False]}
    file = tmp_path / "dataset_statistics.json"
    file.write_text(json.dumps({"franka": {"action": rows}, "other": {"action": {}}}), "utf-8")
    x = np.linspace(-1.2, 1.2, dim)[None]
    x[0, -1] = 0.7
    for scheme, expected in {
        "q01_q99": low + (np.clip(x, -1, 1) + 1) / 2 * (high - low),
        "min_max": low - 1 + (np.clip(x, -1, 1) + 1) / 2 * (high - low + 2),
        "mean_std": x * high + low,
    }.items():
        statistics = Statistics(scheme, key="franka").from_file(file)
        physical = statistics.physical(x)
        np.testing.assert_allclose(physical[0, :-1], expected[0, :-1], rtol=1e-12)
        assert physical[0, -1] == 0.7
        inside = np.clip(x, -1, 1) if scheme != "mean_std" else x
        np.testing.assert_allclose(
            statistics.normalised(physical), np.where(np.arange(dim) < dim - 1, inside, x)
        )
    with pytest.raises(ConfigError, match="several entries"):
        Statistics("q01_q99").from_file(file)
    with pytest.raises(ConfigError, match="no entry 'bridge'; they have franka, other"):
        Statistics("q01_q99", key="bridge").from_file(file)
    with pytest.raises(ConfigError, match="no row q01"):
        Statistics("q01_q99", key="other").from_file(file)


def test_a_mapping_without_its_statistics_says_what_is_missing():
    with pytest.raises(ConfigError, match=r"policy.statistics=dataset_statistics.json"):
        load_mapping("m1-franka").with_statistics(None)


def test_a_turned_picture_stands_on_its_head():
    image = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    turned = taken(WireCamera("a", turn=180), image)
    assert (turned[0, 0, 0] == image[0, 1, 3]).all()
    assert (taken(WireCamera("a"), image) == image).all()


def test_names_separated_by_commas_share_a_vector():
    assert {k: v.tolist() for k, v in split({"x, y": np.array([1.0, 2.0]), "z": np.array([3.0])}).items()} == {
        "x": [1.0], "y": [2.0], "z": [3.0],
    }  # fmt: skip
