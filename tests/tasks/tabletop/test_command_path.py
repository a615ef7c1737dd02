"""What becomes of commands on their way to the drives, and that nominally nothing does."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robots.franka import PANDA
from tasks.tabletop.action_spaces import CONTROL_DT, DELTA_JOINTS, MAX_DELAY
from tasks.tabletop.command_path import NOISE_STEPS, CommandPath

pytestmark = pytest.mark.usefixtures("one_thread")

DIM = DELTA_JOINTS.dim
WIDE = PANDA.gripper_max_width / 2
HOME = torch.tensor(PANDA.home)
STEPS = 60

seeds = st.integers(0, 2**31 - 1)
probabilities = st.floats(0.0, 0.9)
quick = settings(max_examples=12, deadline=None)


def path_of(n=1, seed=0, **values):
    """``n`` paths that begin an episode, all with these settings."""
    path = CommandPath(n, DIM)
    for name, value in values.items():
        path.set(name, range(n), [value] * n)
    path.begin(range(n), [seed + row for row in range(n)])
    path.reset(torch.arange(n), HOME.expand(n, 7))
    return path


def some_actions(seed, steps=STEPS, n=1):
    """Actions ``[T, N, A]``: any motion, and a hand that opens and closes."""
    rng = np.random.default_rng(seed)
    arm = rng.uniform(-0.05, 0.05, (steps, n, DIM - 1))
    grip = rng.choice([-1.0, 1.0], (steps, n, 1))
    return torch.tensor(np.concatenate((arm, grip), 2), dtype=torch.float32)


def executed(path, actions):
    """What is executed ``[T, N, A]`` of what is sent."""
    return torch.stack([path.receive(action) for action in actions])


def driven(path, commands):
    """Drive targets ``[T, N, 9]`` of commanded angles ``[T, N, 7]``."""
    return torch.stack([path.targets(command) for command in commands])


def walk(seed, steps=STEPS, n=1, size=0.01):
    """Commanded joint angles ``[T, N, 7]`` that wander from home."""
    steps_ = torch.tensor(
        np.random.default_rng(seed).uniform(-size, size, (steps, n, 7)), dtype=torch.float32
    )
    return HOME + steps_.cumsum(0)


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


# -- drive targets


@given(seeds, st.floats(1e-4, 0.05))
@quick
def test_targets_are_rounded_to_the_resolution(seed, step):
    commands = walk(seed)
    targets = driven(path_of(command_resolution=step), commands)[..., :7].double()
    steps = targets / np.float32(step)
    torch.testing.assert_close(steps, steps.round(), atol=5e-3, rtol=0)
    assert (targets - commands.double()).abs().max() <= step / 2 + 1e-6


@given(seeds, st.floats(1e-3, 0.05), st.floats(0.002, 0.05))
@quick
def test_backlash_is_a_play_operator(seed, play, size):
    """The joint is never more than half the play from its motor, and rests while the motor moves inside the play."""
    commands = walk(seed, size=size)
    targets = driven(path_of(backlash=play), commands)[..., :7]
    assert (targets - commands).abs().max() <= play / 2 + 1e-6
    before, after = torch.cat((HOME.expand(1, 1, 7), targets[:-1])), targets
    inside = (commands - before).abs() < play / 2
    assert torch.equal(after[inside], before[inside]), "a joint was moved by a motor inside its play"
    pushed = ~inside
    gap = (commands - after)[pushed].abs()
    torch.testing.assert_close(gap, torch.full_like(gap, play / 2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("play", [0.003, 0.03])
def test_there_and_back_again_the_hysteresis_is_as_wide_as_the_play(play):
    way = torch.linspace(0, 0.2, 401)
    sweep = torch.cat((way, way.flip(0), way))[:, None, None] + HOME.expand(1, 7)
    targets = driven(path_of(backlash=play), sweep)[:, 0, 0] - HOME[0]
    down, up = targets[401:802].flip(0), targets[802:]
    middle = slice(100, 300)
    torch.testing.assert_close((down - up)[middle], torch.full((200,), play), atol=1e-6, rtol=0)


@given(seeds, st.lists(st.floats(-0.1, 0.1), min_size=7, max_size=7))
@quick
def test_drives_go_where_biased_encoders_read_what_was_commanded(seed, bias):
    path, commands = path_of(encoder_bias=bias), walk(seed)
    targets = driven(path, commands)[..., :7]
    read = targets + torch.tensor(bias)
    torch.testing.assert_close(read, commands, atol=1e-6, rtol=0)


def test_a_biased_arm_stands_still_at_first():
    """It begins where it is, and the command as its encoders read it."""
    bias = torch.full((1, 7), 0.05)
    path = path_of(encoder_bias=[0.05] * 7, backlash=0.01)
    path.reset(torch.arange(1), HOME[None] + bias)
    torch.testing.assert_close(path.targets(HOME[None] + bias)[:, :7], HOME[None], atol=1e-6, rtol=0)


# -- the hand


def hand(path, commands):
    """Finger positions ``[T]`` [m] for commands to the hand."""
    found = []
    for command in commands:
        action = torch.zeros(1, DIM)
        action[0, -1] = command
        path.receive(action)
        found.append(path.targets(HOME[None])[0, 7:].tolist())
    assert all(left == right for left, right in found), "the fingers must move alike"
    return np.array([left for left, _ in found])


@given(st.floats(0.004, 0.049))
@quick
def test_a_slow_finger_moves_at_its_speed_until_it_is_there(speed):
    path = path_of(gripper_speed=speed)
    reach = speed * CONTROL_DT
    needed = int(np.ceil(WIDE / reach - 1e-4))
    closing = hand(path, [-1.0] * (needed + 3))
    np.testing.assert_allclose(closing, np.maximum(WIDE - reach * np.arange(1, needed + 4), 0), atol=1e-6)
    opening = hand(path, [1.0] * (needed + 3))
    np.testing.assert_allclose(opening, np.minimum(reach * np.arange(1, needed + 4), WIDE), atol=1e-6)


def test_a_finger_turns_round_where_it_is():
    path = path_of(gripper_speed=0.04)
    found = hand(path, [-1.0, -1.0, -1.0, 1.0, 1.0])
    np.testing.assert_allclose(found, [0.038, 0.036, 0.034, 0.036, 0.038], atol=1e-6)


@pytest.mark.parametrize("asked", [{}, {"gripper_speed": 0.2}], ids=["nominal", "faster than the hand"])
def test_no_finger_is_sent_faster_than_the_hand_moves(asked):
    speed = np.abs(np.diff([WIDE, *hand(path_of(**asked), [-1.0] * 20)])).max() / CONTROL_DT
    assert 0.98 * PANDA.gripper_speed < speed <= PANDA.gripper_speed


@given(st.floats(0.01, 1.0))
@quick
def test_smoothed_targets_approach_a_step_exponentially(tau):
    path = path_of(smoothing=tau)
    found = driven(path, (HOME + 0.1).expand(10, 1, 7))[:, 0, :7] - HOME
    expected = 0.1 * (1 - np.exp(-CONTROL_DT * np.arange(1, 11) / tau))
    np.testing.assert_allclose(found, np.repeat(expected[:, None], 7, 1), atol=2e-6)


def test_a_hand_that_blocks_holds_the_arm_and_itself_up_for_its_time():
    path = path_of(gripper_blocking=0.2)  # four steps
    actions = torch.full((10, 1, DIM), 0.01)
    actions[:, :, -1] = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0])[:, None]
    found = executed(path, actions)[:, 0]
    assert found[:, 0].ne(0).tolist() == [True, True, False, False, False, False, True, True, True, True]
    assert found[:, -1].tolist() == [1.0] + [-1.0] * 8 + [1.0], "what it is told meanwhile is lost"


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
    path = CommandPath(3, DIM)
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
    path = CommandPath(3, DIM)
    path.set("command_loss", range(3), [0.3] * 3)
    path.begin(range(3), [7, 8, 7])
    path.reset(torch.arange(3), HOME.expand(3, 7))
    kept = executed(path, actions)[..., :-1].ne(0).any(2)
    assert torch.equal(kept[:, 0], kept[:, 2])
    assert not torch.equal(kept[:, 0], kept[:, 1])


def test_an_episode_longer_than_its_random_numbers_goes_on():
    done = executed(path_of(command_loss=0.5), torch.ones(NOISE_STEPS + 50, 1, DIM))[:, 0, 0]
    assert torch.equal(done[NOISE_STEPS:], done[:50])
