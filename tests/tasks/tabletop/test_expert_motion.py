"""Tool motion that the arm can make: begun, held and ended within the limits, also when commands get lost."""

import numpy as np
import pytest
import torch

from robots.franka import PANDA
from robots.franka.kinematics import forward
from robots.motion_limiter import MotionLimiter
from tasks.tabletop.action_spaces import CONTROL_DT, DELTA_JOINTS
from tasks.tabletop.command_path import CommandPath
from tasks.tabletop.expert_motion import SPEED, ToolMotion
from tasks.tabletop.workspace import OBJECT_REGION

pytestmark = pytest.mark.usefixtures("one_thread")

N, STEPS = 24, 100
FAULTS = ("command_jitter", "command_loss", "command_repeat")


def goals(seed):
    """Places over the table ``[2, N, 3]`` [m] that are visited one after the other, and turns ``[2, N, 3]`` [rad]."""
    rng = np.random.default_rng(seed)
    (x0, x1), (y0, y1) = OBJECT_REGION
    places = rng.uniform((x0, y0, 0.02), (x1, y1, 0.25), (2, N, 3))
    turns = np.zeros((2, N, 3))
    turns[..., 2] = rng.uniform(-1.5, 1.5, (2, N))
    return torch.tensor(places).float(), torch.tensor(turns).float()


def travel(seed=0):
    """Actions ``[K, N, 8]`` in joints, tool positions ``[K, N, 3]`` and the goals of a motion through two places."""
    motion, ids = ToolMotion(N), torch.arange(N)
    motion.begin(ids, torch.tensor([PANDA.home]).repeat(N, 1))
    places, turns = goals(seed)
    actions, tool = [], []
    for place, turn in zip(places, turns, strict=True):
        for _ in range(STEPS):
            before = motion.joints.clone()
            moved = motion.step(ids, place - motion.position, turn, torch.full((N, 1), torch.inf))
            turn = turn - moved[:, 3:]  # about one axis, so that turns add up
            actions.append(torch.cat((motion.joints - before, torch.ones(N, 1)), 1))
            tool.append(motion.position.clone())
    return torch.stack(actions), torch.stack(tool), places


def touched(actions, **faults):
    """Share of steps that the limiter changes when the commands come by a way with these faults."""
    path, ids = CommandPath(N, DELTA_JOINTS), torch.arange(N)
    for name, value in faults.items():
        path.set(name, range(N), [value] * N)
    path.begin(range(N), range(N))
    command = torch.tensor([PANDA.home]).repeat(N, 1)
    path.reset(ids, command)
    limiter = MotionLimiter(PANDA.limits, CONTROL_DT, 0.01, N)
    limiter.begin(ids, command)
    count = 0
    for action in actions:
        command = command + path.receive(action)[:, :-1]
        limiter.follow(path.targets(command)[:, :7])
        count += int(limiter.touched.sum())
    return count / (len(actions) * N)


def test_a_motion_through_two_places_leaves_the_limiter_nothing_to_do():
    actions, _, _ = travel()
    assert touched(actions) == 0.0


@pytest.mark.parametrize("fault", FAULTS)
def test_lost_late_and_repeated_commands_stay_within_the_limits_too(fault):
    """At the greatest probability that `heavy` draws for each."""
    actions, _, _ = travel()
    assert touched(actions, **{fault: 0.1}) <= 0.01


def test_places_are_reached_and_the_tool_rests_there():
    _, tool, places = travel(1)
    for end, place in zip(tool[STEPS - 1 :: STEPS], places, strict=True):
        assert float((end - place).norm(dim=1).max()) < 1e-3
    assert float((tool[-1] - tool[-2]).norm(dim=1).max()) < 1e-4


def test_the_tool_does_not_go_past_a_place():
    _, tool, places = travel(2)
    start, _, _ = forward(torch.tensor([PANDA.home]))
    along = (places[0] - start) / (places[0] - start).norm(dim=1, keepdim=True)
    past = ((tool[:STEPS] - places[0]) * along).sum(-1)
    assert float(past.max()) < 2e-3, f"{1e3 * float(past.max()):.1f} mm past it"


def test_the_tool_is_no_faster_than_it_may_be():
    _, tool, _ = travel(3)
    speed = (tool[1:] - tool[:-1]).norm(dim=-1) / CONTROL_DT
    assert 0.5 * SPEED < float(speed.max()) <= SPEED * (1 + 1e-4)


@pytest.mark.parametrize("rows", [[5], [0, 11, 23], list(range(7))])
def test_a_row_does_not_depend_on_how_many_there_are(rows):
    places, turns = goals(4)
    found = []
    for chosen in (list(range(N)), rows):
        motion, ids = ToolMotion(len(chosen)), torch.arange(len(chosen))
        for _ in range(20):
            motion.step(
                ids, places[0, chosen] - motion.position, turns[0, chosen], torch.ones(len(chosen), 1)
            )
        found.append(motion.joints)
    assert torch.equal(found[0][rows], found[1])
