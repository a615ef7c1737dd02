"""What the robot reports of itself: nominally the truth, otherwise wrong in the way that a setting says."""

import functools
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from robots.franka import PANDA
from robots.franka.kinematics import forward
from tasks.tabletop.action_spaces import CONTROL_DT
from tasks.tabletop.sensing import MAX_STATE_DELAY, Sensing

pytestmark = pytest.mark.usefixtures("one_thread")

HOME = torch.tensor(PANDA.home)
P_LEAST = 1e-4

seeds = st.integers(0, 2**31 - 1)
quick = settings(max_examples=8, deadline=None)


def states(seed, steps, n=1):
    """Joint positions, velocities ``[T, N, 7]`` and finger distances ``[T, N]`` of a moving arm."""
    rng = np.random.default_rng(seed)
    position = HOME + torch.tensor(rng.uniform(-0.02, 0.02, (steps, n, 7)).cumsum(0), dtype=torch.float32)
    velocity = torch.tensor(rng.normal(size=(steps, n, 7)), dtype=torch.float32)
    width = torch.tensor(rng.uniform(0, 0.08, (steps, n)), dtype=torch.float32)
    return position, velocity, width


def sensing_of(n=1, seed=0, **values):
    """Sensors of ``n`` robots, all with these settings, whose episodes have the seeds from ``seed`` on."""
    sensing = Sensing(n)
    for name, value in values.items():
        sensing.set(name, range(n), [value] * n)
    sensing.begin(range(n), range(seed, seed + n))
    return sensing


def reports(sensing, truth, bias=None):
    """What is told of a run: the state at the start and after every step."""
    position, velocity, width = truth
    n = position.shape[1]
    bias = torch.zeros(n, 7) if bias is None else bias
    sensing.reset(torch.arange(n), position[0], velocity[0], width[0])
    told = [sensing.measure(bias)]
    for state in zip(position[1:], velocity[1:], width[1:], strict=True):
        sensing.remember(*state)
        told.append(sensing.measure(bias))
    return {name: torch.stack([asdict(m)[name] for m in told]) for name in asdict(told[0])}


def resting(steps, n=1):
    return HOME.expand(steps, n, 7), torch.zeros(steps, n, 7), torch.full((steps, n), 0.08)


# -- nominal


@given(seeds)
@quick
def test_nominal_sensors_tell_the_truth_to_the_last_bit(seed):
    truth = states(seed, 8, 3)
    told = reports(sensing_of(3, seed), truth)
    assert torch.equal(told["joint_pos"], truth[0])
    assert torch.equal(told["joint_vel"], truth[1])
    assert torch.equal(told["gripper_width"], truth[2])
    for step in range(8):
        position, rotation, _ = forward(truth[0][step])
        assert torch.equal(told["ee_position"][step], position)
        assert torch.equal(told["ee_rotation"][step], rotation)


def test_asking_twice_gets_the_same_answer():
    sensing = sensing_of(joint_noise=0.01, ee_noise=0.01)
    reports(sensing, resting(5))
    first, second = (asdict(sensing.measure(torch.zeros(1, 7))) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


# -- delay


@given(seeds, st.integers(0, MAX_STATE_DELAY))
@quick
def test_everything_is_reported_late_by_exactly_the_delay(seed, delay):
    steps = 25
    truth = states(seed, steps)
    told = reports(sensing_of(state_delay=delay), truth)
    for name, true in zip(("joint_pos", "joint_vel", "gripper_width"), truth, strict=True):
        assert torch.equal(told[name][delay:], true[: steps - delay]), name
        assert torch.equal(told[name][:delay], true[:1].expand_as(true[:delay])), (
            "before, it reports the start"
        )
    position, _, _ = forward(told["joint_pos"][:, 0])
    torch.testing.assert_close(told["ee_position"][:, 0], position, atol=1e-6, rtol=0)


# -- systematic errors


@given(seeds, st.lists(st.floats(-0.1, 0.1), min_size=7, max_size=7))
@quick
def test_biased_encoders_read_too_much_and_the_tool_is_reported_where_they_put_it(seed, bias):
    truth, bias = states(seed, 5), torch.tensor([bias])
    told = reports(sensing_of(), truth, bias)
    assert torch.equal(told["joint_pos"], truth[0] + bias)
    position, _, _ = forward(truth[0][:, 0] + bias)
    torch.testing.assert_close(told["ee_position"][:, 0], position, atol=1e-6, rtol=0)


@given(seeds, st.floats(1e-4, 0.05))
@quick
def test_drift_grows_at_its_rate_up_or_down_joint_by_joint(seed, rate):
    steps = 30
    error = (reports(sensing_of(seed=seed, joint_drift=rate), resting(steps))["joint_pos"] - HOME)[:, 0]
    expected = rate * CONTROL_DT * torch.arange(steps)[:, None].expand(steps, 7)
    torch.testing.assert_close(error.abs(), expected, atol=2e-6, rtol=1e-4)
    assert (error[1:].sign() == error[-1].sign()).all(), "it keeps its direction throughout an episode"


def test_joints_drift_either_way():
    error = reports(sensing_of(100, joint_drift=0.01), resting(3, 100))["joint_pos"][-1] - HOME
    assert stats.binomtest(int((error > 0).sum()), 700).pvalue > P_LEAST


@given(st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=3))
@quick
def test_the_tools_bias_is_added_to_its_position_and_nothing_else(bias):
    plain, off = reports(sensing_of(), states(1, 6)), reports(sensing_of(ee_bias=bias), states(1, 6))
    assert torch.equal(off["ee_position"], plain["ee_position"] + torch.tensor(bias))
    for name in ("joint_pos", "joint_vel", "gripper_width", "ee_rotation"):
        assert torch.equal(off[name], plain[name]), name


# -- noise

NOISES = {
    "joint_noise": "joint_pos",
    "joint_velocity_noise": "joint_vel",
    "ee_noise": "ee_position",
    "gripper_noise": "gripper_width",
}


@functools.cache
def noise(name, sigma, steps=250, n=1):
    """Reported minus true of an arm at rest, one column a component ``[T * N, k]``."""
    told = reports(sensing_of(n, **{name: sigma}), resting(steps, n))[NOISES[name]]
    truth = {
        "joint_pos": HOME,
        "joint_vel": torch.zeros(7),
        "ee_position": forward(HOME[None])[0][0],
        "gripper_width": torch.tensor(0.08),
    }
    return (told - truth[NOISES[name]]).view(steps * n, -1).numpy()


@pytest.mark.parametrize("name", NOISES)
def test_noise_is_normal_with_the_stated_spread(name):
    errors = noise(name, 0.01, 40, 25)
    assert stats.kstest(errors.ravel(), stats.norm(0, 0.01).cdf).pvalue > P_LEAST


@pytest.mark.parametrize("name", NOISES)
def test_noise_is_new_at_each_step_and_of_each_component(name):
    errors = noise(name, 0.01)
    bound = 4.5 / len(errors) ** 0.5
    for column in errors.T:
        assert abs(np.corrcoef(column[:-1], column[1:])[0, 1]) < bound, "it remembers the step before"
    correlation = np.corrcoef(errors.T) if errors.shape[1] > 1 else np.ones((1, 1))
    assert np.abs(correlation - np.eye(len(correlation))).max() < bound, "components err together"


@pytest.mark.parametrize("name", NOISES)
def test_noise_scales_with_its_setting(name):
    np.testing.assert_allclose(noise(name, 0.02, 20), 2 * noise(name, 0.01, 20), atol=1e-6)


def test_kinds_of_noise_are_independent_of_each_other():
    errors = np.concatenate([noise(name, 0.01) for name in NOISES], 1)
    assert errors.shape[1] == 7 + 7 + 3 + 1
    assert np.abs(np.corrcoef(errors.T) - np.eye(18)).max() < 5 / 250**0.5


def test_the_tool_is_reported_where_the_reported_joints_put_it():
    """But for noise of its own: a policy that computes its tool from its joints gets the same."""
    told = reports(sensing_of(joint_noise=0.01, joint_drift=0.02), states(4, 30))
    position, rotation, _ = forward(told["joint_pos"][:, 0])
    torch.testing.assert_close(told["ee_position"][:, 0], position, atol=1e-6, rtol=0)
    torch.testing.assert_close(told["ee_rotation"][:, 0], rotation, atol=1e-6, rtol=0)


# -- rows and episodes

SETTINGS = {
    "joint_noise": 0.01,
    "joint_velocity_noise": 0.1,
    "joint_drift": 0.02,
    "ee_noise": 0.01,
    "ee_bias": [0.01, -0.02, 0.03],
    "gripper_noise": 0.002,
    "state_delay": 3,
}


def assert_same(first, second, row, other=0):
    for name in first:
        if name.startswith("ee_"):  # batched kinematics rounds by batch size
            torch.testing.assert_close(first[name][:, row], second[name][:, other], atol=1e-6, rtol=0)
        else:
            assert torch.equal(first[name][:, row], second[name][:, other]), f"{name} of row {row}"


def test_the_settings_are_all_looked_at_here():
    assert SETTINGS.keys() == sensing_of().names


@given(seeds)
@quick
def test_rows_are_independent(seed):
    truth = states(seed, 12, 3)
    sensing = Sensing(3)
    for name, value in SETTINGS.items():
        sensing.set(name, [1], [value])
    sensing.begin(range(3), [seed, seed + 1, seed + 2])
    together = reports(sensing, truth)
    for row, values in enumerate(({}, SETTINGS, {})):
        alone = reports(sensing_of(1, seed + row, **values), [value[:, row : row + 1] for value in truth])
        assert_same(together, alone, row)


@given(seeds, seeds)
@quick
def test_a_new_episode_remembers_nothing_of_the_last(before, seed):
    sensing = sensing_of(1, before, **SETTINGS)
    reports(sensing, states(before, 17))
    sensing.begin([0], [seed])
    assert_same(
        reports(sensing, states(seed, 12)), reports(sensing_of(1, seed, **SETTINGS), states(seed, 12)), 0
    )


def test_an_episode_that_begins_elsewhere_disturbs_nothing_here():
    truth = states(2, 20, 2)
    whole = reports(sensing_of(2, 5, **SETTINGS), truth)
    sensing = sensing_of(2, 5, **SETTINGS)
    first = reports(sensing, [value[:10] for value in truth])
    sensing.begin([1], [99])
    sensing.reset(torch.tensor([1]), HOME[None], torch.zeros(1, 7), torch.zeros(1))
    told = []
    for state in zip(*(value[10:] for value in truth), strict=True):
        sensing.remember(*state)
        told.append(sensing.measure(torch.zeros(2, 7)).joint_pos)
    assert torch.equal(torch.cat((first["joint_pos"], torch.stack(told)))[:, 0], whole["joint_pos"][:, 0])


def test_the_seed_of_the_episode_alone_decides_the_noise():
    sensing = Sensing(3)
    for name, value in SETTINGS.items():
        sensing.set(name, range(3), [value] * 3)
    sensing.begin(range(3), [7, 8, 7])
    told = reports(sensing, resting(10, 3))
    assert_same(told, told, 0, 2)
    assert not torch.equal(told["joint_pos"][:, 0], told["joint_pos"][:, 1])
