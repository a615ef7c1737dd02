"""The expert in a toy world without physics: a tool that goes where it is sent, and objects that stick to it."""

import functools

import numpy as np
import pytest
import torch

from policy.contract import Policy
from robots.franka import PANDA
from robots.franka.kinematics import forward, rotation_vector
from robots.franka.spec import FINGERTIP
from robots.motion_limiter import MotionLimiter
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS
from tasks.tabletop.carry_expert import CARRY, LOWER
from tasks.tabletop.carry_expert import CarryExpert as Expert
from tasks.tabletop.scene import Placement, Scene
from tasks.tabletop.workspace import OBJECT_REGION
from tests.tasks.tabletop.toy_world import DT, MAX_STEPS, SPACES, ToyWorld, run, scenes

pytestmark = pytest.mark.usefixtures("one_thread")


def corner_scene(x, y, yaw):
    """A brick, which can be held in one direction only, and a plate in the middle."""
    return Scene(Placement("brick_large", "red", x, y, yaw), Placement("plate", "blue", 0.5, 0.0, 0.0))


@functools.cache
def ran(space, n=24):
    """The expert in ``n`` scenes: world, actions and tool positions, run once for all tests that look at them."""
    spec = {s.name: s for s in (DELTA_EEF, DELTA_JOINTS)}[space]
    world = ToyWorld(scenes(n), spec)
    return world, *run(world, Expert(n, spec))


@SPACES
def test_the_expert_keeps_the_contract_of_a_policy(spec):
    expert = Expert(2, spec)
    assert isinstance(expert, Policy)
    assert expert.action_spec.mismatches(spec) == []
    assert expert.privileged
    assert expert.cameras == ()


@SPACES
def test_the_expert_does_every_scene_in_time(spec):
    world, actions, _ = ran(spec.name)
    failed = {
        world.scenes[i].instruction: world.progress.failure_reason(i)
        for i in range(world.n)
        if not world.progress.succeeded[i]
    }
    assert not failed
    assert len(actions) < 0.8 * MAX_STEPS, "no time is left for what real physics costs"


@SPACES
def test_actions_stay_inside_the_limits_of_their_spec(spec):
    """What is clipped away is lost: relative actions would leave the arm beside where the expert thinks it is."""
    _, actions, _ = ran(spec.name)
    low, high = torch.tensor(spec.low).float(), torch.tensor(spec.high).float()
    share = torch.where(actions > 0, actions / high, actions / low).amax((0, 1))
    over = {c.name: round(float(s), 2) for c, s in zip(spec.channels, share, strict=True) if s > 1 + 1e-5}
    assert not over, f"channels and how far beyond their limit they go: {over}"


@SPACES
def test_objects_in_the_corners_are_reached_in_both_action_spaces(spec):
    """Near the base the arm is close to its limits of speed and angle."""
    (x0, x1), (y0, y1) = OBJECT_REGION
    turns = (-1.5, -0.75, 0.0, 0.75, 1.5)
    crossed = [corner_scene(x, y, yaw) for x in (x0, x1) for y in (y0, y1) for yaw in turns]
    world = ToyWorld(crossed, spec)
    actions, _ = run(world, Expert(world.n, spec), steps=200)
    low, high = torch.tensor(spec.low).float(), torch.tensor(spec.high).float()
    share = torch.where(actions > 0, actions / high, actions / low).amax((0, 1))
    over = {c.name: round(float(s), 2) for c, s in zip(spec.channels, share, strict=True) if s > 1 + 1e-5}
    failed = [
        (p.x, p.y, p.yaw)
        for p, ok in zip((s.target for s in crossed), world.progress.succeeded, strict=True)
        if not ok
    ]
    assert not failed, f"no success with the brick at x, y, yaw = {failed}; beyond their limits went {over}"
    assert not over, f"channels and how far beyond their limit they go: {over}"


def test_what_the_expert_asks_for_is_within_the_limits_of_the_arm():
    """The limiter has nothing to do, at no step of any scene."""
    world, actions, _ = ran(DELTA_JOINTS.name)
    limiter = MotionLimiter(PANDA.limits, DT, 0.01, world.n)
    command = torch.tensor([PANDA.home]).repeat(world.n, 1)
    limiter.begin(torch.arange(world.n), command)
    touched = torch.zeros(world.n, dtype=torch.long)
    for action in actions:
        command = command + action[:, :-1]
        limiter.follow(command)
        touched += limiter.touched
    assert not touched.any(), f"steps beyond the limits, of {len(actions)}: {touched.tolist()}"


def test_both_action_spaces_reach_the_same_places():
    _, _, eef = ran(DELTA_EEF.name)
    _, _, joints = ran(DELTA_JOINTS.name)
    steps = min(len(eef), len(joints))
    gap = (eef[:steps] - joints[:steps]).norm(dim=-1)
    assert gap.max() < 0.005, (
        f"the two are {1e3 * gap.max():.0f} mm apart at step {int(gap.amax(1).argmax())}"
    )


def test_the_tool_never_goes_into_the_table():
    _, _, tool = ran(DELTA_EEF.name)
    assert tool[..., 2].min() > FINGERTIP - 1e-4


def test_rows_do_not_touch_each_other():
    _, actions, _ = ran(DELTA_EEF.name)
    for row in (0, 11):
        world = ToyWorld(scenes(1, first=row))
        alone, _ = run(world, Expert(1), seeds=[row])
        torch.testing.assert_close(alone[:, 0], actions[: len(alone), row], atol=1e-4, rtol=0)


def test_a_row_that_begins_anew_does_what_it_would_do_at_first():
    expert = Expert(2, DELTA_EEF, grounding_error_px=4.0, latency_steps=2)
    world = ToyWorld(scenes(2))
    first, _ = run(world, expert, steps=30, seeds=[3, 4])
    run(ToyWorld(scenes(2, first=7)), expert, steps=60, seeds=[8, 9])
    again, _ = run(ToyWorld(scenes(2)), expert, steps=30, seeds=[3, 4])
    torch.testing.assert_close(again, first)


def test_the_hand_is_turned_by_a_quarter_at_most():
    """Joint 7 ends at 2.9 rad: a hand turned by more runs into it on one side."""
    turns = []
    world = ToyWorld(scenes(24))
    run(world, Expert(world.n), steps=60, each_step=lambda _: turns.append(world.rotation))
    _, home, _ = forward(torch.tensor([PANDA.home]))
    yaw = torch.stack([rotation_vector(r @ home.transpose(1, 2))[:, 2] for r in turns])
    assert yaw.abs().max() < np.pi / 2 + 0.02


# -- losing the object


def test_an_object_lost_on_the_way_is_picked_up_again():
    world, expert = ToyWorld(scenes(6)), Expert(6)
    lost = set()

    def slip(_):
        for row in range(world.n):
            if row not in lost and expert.phase[row] == CARRY and world.held[row] is not None:
                world.drop(row)
                lost.add(row)

    run(world, expert, each_step=slip)
    assert lost == set(range(6)), "the object was not carried: this test tests nothing"
    assert world.progress.succeeded.all()


def test_an_object_lost_over_the_receptacle_does_not_drag_the_arm_away():
    world, expert = ToyWorld(scenes(6)), Expert(6)
    lost = set()

    def slip(_):
        for row in range(world.n):
            if row not in lost and expert.phase[row] == LOWER and world.held[row] is not None:
                world.drop(row)
                world.pose[row, int(world.progress.target[row]), :2] += 0.03  # it bounces off the rim
                lost.add(row)

    _, tool = run(world, expert, each_step=slip)
    assert lost, "nothing was lowered: this test tests nothing"
    (x0, x1), (y0, y1) = OBJECT_REGION
    excess = torch.stack((x0 - tool[..., 0], tool[..., 0] - x1, y0 - tool[..., 1], tool[..., 1] - y1)).amax(
        (0, 1)
    )
    assert excess[sorted(lost)].max() < 0.1, f"the tool leaves the workspace by {excess.max():.2f} m"
