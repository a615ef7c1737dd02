"""What becomes of commands on their way to the drives, and that nominally nothing does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.tabletop.action_spaces import DELTA_JOINTS, MAX_DELAY
from tasks.tabletop.command_path import NOISE_STEPS, CommandPath
from tests.tasks.tabletop.commands import DIM, HOME, STEPS, WIDE, executed, path_of, quick, seeds, walk

pytestmark = pytest.mark.usefixtures("one_thread")
probabilities = st.floats(0.0, 0.9)


def some_actions(seed, steps=STEPS, n=1):
    """Actions ``[T, N, A]``: any motion, and a hand that opens and closes."""
    rng = np.random.default_rng(seed)
    arm = rng.uniform(-0.05, 0.05, (steps, n, DIM - 1))
    grip = rng.choice([-1.0, 1.0], (steps, n, 1))
    return torch.tensor(np.concatenate((arm, grip), 2), dtype=torch.float32)


# -- nominal


@given(seeds)
@quick
def test_nominal_commands_pass_unchanged_to_the_last_bit(seed):
    path, actions, commands = path_of(3, seed), some_actions(seed, n=3), walk(seed, n=3)
    for action, command in zip(actions, commands, strict=True):
        assert torch.equal(path.receive(action), action)
        targets = path.targets(command)
        assert torch.equal(targets[:, :7], command)


def test_an_episode_begins_where_the_arm_stands_with_an_open_hand():
    path = path_of(2)
    still = torch.zeros(2, DIM)
    still[:, -1] = 1.0
    assert torch.equal(path.receive(still), still)
    targets = path.targets(HOME.expand(2, 7))
    assert torch.equal(targets[:, :7], HOME.expand(2, 7))
    assert targets[:, 7:].eq(WIDE).all()


@given(seeds)
@quick
def test_the_hand_is_told_in_the_channel_and_by_the_sign_that_the_spec_states(seed):
    *arm, gripper = DELTA_JOINTS.channels
    other = replace(DELTA_JOINTS, channels=(gripper, *arm), gripper_sign="+1 closes")
    own, theirs = path_of(command_loss=0.3, gripper_blocking=0.1), CommandPath(1, other)
    for name in ("command_loss", "gripper_blocking"):
        theirs.set(name, [0], own[name].tolist())
    theirs.begin([0], [0])
    theirs.reset(torch.arange(1), HOME[None])
    for action in some_actions(seed):
        said = own.receive(action)
        turned = theirs.receive(torch.cat((-action[:, -1:], action[:, :-1]), 1))
        assert torch.equal(turned, torch.cat((-said[:, -1:], said[:, :-1]), 1))
        assert torch.equal(own.targets(HOME[None]), theirs.targets(HOME[None]))


# -- time


@given(seeds, st.integers(0, MAX_DELAY))
@quick
def test_a_delay_shifts_all_of_an_action_by_exactly_so_many_steps(seed, delay):
    actions = some_actions(seed)
    late = executed(path_of(seed=seed, action_delay=delay), actions)
    assert torch.equal(late[delay:], actions[: STEPS - delay])
    assert late[:delay, 0, :-1].eq(0).all(), "the arm must rest until the first action arrives"
    assert late[:delay, 0, -1].eq(1).all(), "and the hand stay open"


@given(seeds, probabilities, probabilities)
@quick
def test_what_comes_too_late_for_its_step_is_made_up_for_and_not_lost(seed, jitter, repeat):
    actions = some_actions(seed)
    path = path_of(seed=seed, command_jitter=jitter, command_repeat=repeat)
    on_time = path_of(seed=seed, command_repeat=repeat)
    done, due = executed(path, actions).cumsum(0), executed(on_time, actions).cumsum(0)
    waiting = path._late
    torch.testing.assert_close(done[-1, :, :-1] + waiting, due[-1, :, :-1], atol=1e-5, rtol=0)


def test_a_late_action_is_executed_with_the_next_one_that_is_on_time():
    path = path_of(command_jitter=0.4)
    ones = torch.ones(STEPS, 1, DIM)
    moved = executed(path, ones)[:, 0, 0]
    misses = (moved == 0).float().mean()
    assert 0.1 < misses < 0.7
    chance = path._chance[0, :STEPS, 0] < 0.4
    waiting = 0.0
    for step in range(STEPS):
        # Of two that miss in a row the first goes when the second misses: no action waits for more than one step.
        expected = waiting if chance[step] else 1.0 + waiting
        waiting = 1.0 if chance[step] else 0.0
        assert moved[step] == expected, f"step {step}"


# -- how much is executed


@given(seeds, probabilities)
@quick
def test_a_lost_action_moves_nothing_and_the_hand_keeps_its_last_command(seed, loss):
    actions = some_actions(seed)
    done = executed(path_of(seed=seed, command_loss=loss), actions)
    moved = done[:, 0, :-1].ne(0).any(1)
    assert torch.equal(done[moved], actions[moved]), "what is not lost passes unchanged"
    held = 1.0
    for step in range(STEPS):
        held = float(actions[step, 0, -1]) if moved[step] else held
        assert done[step, 0, -1] == held, f"step {step}"


@pytest.mark.parametrize(
    ("name", "value", "factor"),
    [
        ("command_loss", 0.3, 0.7),
        ("command_repeat", 0.3, 1.3),
        ("command_jitter", 0.3, 1.0),
        ("control_rate", 0.8, 0.8),
        ("control_rate", 1.25, 1.25),
    ],
)
def test_motion_is_scaled_by_what_the_setting_says(name, value, factor):
    n, steps = 40, 500
    done = executed(path_of(n, **{name: value}), torch.ones(steps, n, DIM))
    share = done[..., 0].mean()
    assert share == pytest.approx(factor, abs=4 * 0.46 / (n * steps) ** 0.5)  # four standard deviations


def test_an_action_is_executed_twice_at_most_for_a_repeat():
    done = executed(path_of(8, command_repeat=0.5), torch.ones(200, 8, DIM))[..., 0]
    assert set(done.unique().tolist()) == {1.0, 2.0}


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.95, 1.0, 1.1, 1.25, 2.0])
def test_a_controllers_clock_executes_so_many_actions_of_each_hundred(rate):
    """To the last one, over a long episode: rounding must not make it run away."""
    done = executed(path_of(control_rate=rate), torch.ones(1000, 1, DIM))[:, 0, 0]
    for start in range(0, 1000, 100):
        assert done[start : start + 100].sum() == pytest.approx(100 * rate, abs=1.01)
    assert done.sum() == pytest.approx(1000 * rate, abs=1.01)
    assert done.diff().abs().max() <= 1, "ticks come as evenly as they can"


@pytest.mark.parametrize(("rate", "pattern"), [(0.9, [0] + [1] * 9), (1.05, [1] * 19 + [2])])
def test_a_clocks_pattern_repeats_without_slipping(rate, pattern):
    """These rates are no binary fractions, and their sums come out a little short of the tick."""
    done = executed(path_of(control_rate=rate), torch.ones(300, 1, DIM))[:, 0, 0].int().tolist()
    assert done == (pattern * 100)[:300]


def test_settings_of_motion_do_not_touch_the_hands_command():
    """Executing a command twice closes the hand no more than once."""
    for name, value in (("command_repeat", 0.8), ("control_rate", 2.0)):
        done = executed(path_of(**{name: value}), some_actions(1))
        assert set(done[..., -1].unique().tolist()) <= {-1.0, 1.0}, name


@pytest.mark.parametrize("setting", ["command_loss", "command_jitter"])
def test_a_command_to_the_hand_survives_being_lost(setting):
    """It is sent again with every action."""
    actions = torch.zeros(200, 20, DIM)
    actions[..., -1] = 1.0
    actions[50:, :, -1] = -1.0
    done = executed(path_of(20, **{setting: 0.5}), actions)[..., -1]
    assert done[:50].eq(1).all()
    assert done[-1].eq(-1).all()
    closed = (done[50:] < 0).int().argmax(0)
    assert closed.float().mean() == pytest.approx(1.0, abs=0.9)  # geometric, half of the steps heard


# -- rows and episodes

SETTINGS = {
    "action_delay": 2,
    "command_jitter": 0.2,
    "command_loss": 0.2,
    "command_repeat": 0.2,
    "control_rate": 0.93,
    "command_resolution": 0.003,
    "backlash": 0.004,
    "encoder_bias": [0.01, -0.02, 0.03, 0.0, 0.01, 0.02, -0.01],
    "gripper_speed": 0.03,
    "smoothing": 0.08,
    "gripper_blocking": 0.2,
}


def both(path, actions, commands):
    """Everything that comes out ``[T, N, A + 9]``."""
    return torch.stack(
        [torch.cat((path.receive(a), path.targets(c)), 1) for a, c in zip(actions, commands, strict=True)]
    )


def test_the_settings_are_all_looked_at_here():
    assert SETTINGS.keys() == path_of().names


@given(seeds, st.sampled_from(list(SETTINGS)))
@quick
def test_rows_are_independent_to_the_last_bit(seed, name):
    """Row 1 has everything at once, rows 0 and 2 one setting or none; each does what it does alone."""
    actions, commands = some_actions(seed, n=3), walk(seed, n=3)
    path = CommandPath(3, DELTA_JOINTS)
    for setting, value in SETTINGS.items():
        path.set(setting, [1], [value])
    path.set(name, [2], [SETTINGS[name]])
    path.begin(range(3), [seed, seed + 1, seed + 2])
    path.reset(torch.arange(3), HOME.expand(3, 7))
    together = both(path, actions, commands)
    for row, values in enumerate(({}, SETTINGS, {name: SETTINGS[name]})):
        alone = both(path_of(1, seed + row, **values), actions[:, row : row + 1], commands[:, row : row + 1])
        assert torch.equal(together[:, row], alone[:, 0]), f"row {row}"


@given(seeds, seeds)
@quick
def test_a_new_episode_forgets_everything_that_was_under_way(before, seed):
    path = path_of(2, before, **SETTINGS)
    both(path, some_actions(before, 37, 2), walk(before, 37, 2))
    path.begin([1], [seed])
    path.reset(torch.tensor([1]), HOME[None])
    actions, commands = some_actions(seed, n=2), walk(seed, n=2)
    again = both(path, actions, commands)
    fresh = both(path_of(1, seed, **SETTINGS), actions[:, 1:], commands[:, 1:])
    assert torch.equal(again[:, 1], fresh[:, 0])


def test_an_episode_that_begins_elsewhere_disturbs_nothing_here():
    actions, commands = some_actions(3, n=2), walk(3, n=2)
    path, whole = path_of(2, 5, **SETTINGS), both(path_of(2, 5, **SETTINGS), actions, commands)
    first = both(path, actions[:20], commands[:20])
    path.begin([1], [99])
    path.reset(torch.tensor([1]), HOME[None])
    rest = both(path, actions[20:], commands[20:])
    assert torch.equal(torch.cat((first, rest))[:, 0], whole[:, 0])


def test_the_seed_of_the_episode_alone_decides_what_is_lost():
    actions = some_actions(0, n=3)
    path = CommandPath(3, DELTA_JOINTS)
    path.set("command_loss", range(3), [0.3] * 3)
    path.begin(range(3), [7, 8, 7])
    path.reset(torch.arange(3), HOME.expand(3, 7))
    kept = executed(path, actions)[..., :-1].ne(0).any(2)
    assert torch.equal(kept[:, 0], kept[:, 2])
    assert not torch.equal(kept[:, 0], kept[:, 1])


def test_an_episode_longer_than_its_random_numbers_goes_on():
    done = executed(path_of(command_loss=0.5), torch.ones(NOISE_STEPS + 50, 1, DIM))[:, 0, 0]
    assert torch.equal(done[NOISE_STEPS:], done[:50])
