"""A message that repeats another one is read as it would be alone, and what does not is never taken for one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from policy.action import ActionSpec
from policy.serve import openpi
from policy.serve.errors import ProtocolError
from policy.serve.server.openpi import OpenpiSpoken, asked_in
from policy.serve.server.repeats import ENOUGH
from policy.serve.server.rows import Reader
from tasks.tabletop.action_spaces import action_specs

SPEC: ActionSpec = action_specs("franka")["delta_eef"]
READER = Reader("openpi", ("front", "wrist"), 7, 0.08, SPEC)


def message(seed=0, prompt="put", **changed):
    rng = np.random.default_rng(seed)
    sent = {f"observation/{name}": rng.integers(0, 256, (12, 9, 3), np.uint8) for name in ("front", "wrist")}
    sizes = {"joint_pos": 7, "joint_vel": 7, "ee_pose": 7, "gripper_width": 1}
    sent |= {f"observation/{name}": rng.normal(size=n).astype(np.float32) for name, n in sizes.items()}
    return sent | {"prompt": prompt} | {key.replace("__", "/"): value for key, value in changed.items()}


def alone(sent):
    """What a message asks, read without a past."""
    return READER.row(asked_in(openpi.decode_request(openpi.encode(sent)), "prompt"))


def next_row(spoken, sent):
    """What it asks on a connection, and whether that was known at sight."""
    turn = spoken.turn(bytearray(openpi.encode(sent)))
    if turn.rows:
        return turn.rows[0], True
    row = READER.row(turn.questions[0])
    turn.learn(row)
    return row, False


def assert_same(row, expected):
    assert row.instruction == expected.instruction
    assert (row.lacks, row.own) == (expected.lacks, expected.own)
    for found, wanted in ((row.images, expected.images), (row.measured, expected.measured)):
        assert list(found) == list(wanted)
        for name in wanted:
            assert found[name].dtype == wanted[name].dtype
            np.testing.assert_array_equal(found[name], wanted[name])
            assert found[name].flags.aligned


def test_the_numbers_are_those_of_the_message_at_hand():
    spoken = OpenpiSpoken({})
    for seed in range(4):
        row, repeats = next_row(spoken, message(seed))
        assert repeats is (seed > 0)
        assert_same(row, alone(message(seed)))


CHANGES = [
    {"prompt": "pat"},
    {"prompt": "push it"},
    {"observation__extra": np.ones(3, np.float32)},
    {"observation__ee_pose": np.ones(7)},
    {"observation__joint_pos": np.full(7, np.nan, np.float32)},
    {"observation__front": np.zeros((9, 12, 3), np.uint8)},
    {"time": 1.5},
    {"mode": "slow"},
]


@given(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=12))
def test_whatever_changes_between_messages_is_seen(changes):
    spoken = OpenpiSpoken({})
    for seed, changed in enumerate(changes):
        row, _ = next_row(spoken, message(seed, **changed))
        assert_same(row, alone(message(seed, **changed)))


def test_what_is_checked_is_checked_again_where_it_differs():
    spoken = OpenpiSpoken({})
    next_row(spoken, message(0))
    whole = openpi.encode(message(1))
    assert spoken.turn(whole).rows
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 0x15
        assert said_of(spoken.turn, damaged) == said_of(OpenpiSpoken({}).turn, damaged)


def said_of(turn, data):
    """What is made of a message: its numbers, or the refusal."""
    try:
        made = turn(data)
        row = made.rows[0] if made.rows else READER.row(made.questions[0])
    except ProtocolError as refusal:
        return str(refusal)
    arrays = row.images | row.measured
    return (
        row.instruction,
        row.lacks,
        {name: (a.shape, a.dtype.str, a.tobytes()) for name, a in arrays.items()},
    )


def test_two_cameras_with_equal_pictures_stay_two():
    spoken = OpenpiSpoken({})
    picture = np.zeros((12, 9, 3), np.uint8)
    next_row(spoken, message(0, observation__front=picture, observation__wrist=picture))
    row, repeats = next_row(spoken, message(1))
    assert repeats
    assert_same(row, alone(message(1)))


def test_a_client_that_never_repeats_is_not_learnt_from_for_ever():
    spoken = OpenpiSpoken({})
    for at in range(ENOUGH + 1):
        next_row(spoken, message(at, prompt=f"{at:03}"))
    next_row(spoken, message(0, prompt="same"))
    _, repeats = next_row(spoken, message(1, prompt="same"))
    assert not repeats
