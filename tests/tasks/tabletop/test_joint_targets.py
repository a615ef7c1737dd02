"""Joint targets and fingers: rounding, play, bias, speed, smoothing and a hand that blocks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robots.franka import PANDA
from tasks.tabletop.action_spaces import CONTROL_DT
from tests.tasks.tabletop.commands import DIM, HOME, WIDE, executed, path_of, quick, seeds, walk

pytestmark = pytest.mark.usefixtures("one_thread")


def driven(path, commands):
    """Drive targets ``[T, N, 9]`` of commanded angles ``[T, N, 7]``."""
    return torch.stack([path.targets(command) for command in commands])


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
