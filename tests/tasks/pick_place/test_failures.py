"""Every failure has a reason, broken physics too, and rows do not touch each other."""

import math

import pytest
import torch

from tasks.pick_place.failures import FAILURE_REASONS
from tasks.tabletop.tracking import LIFT_HEIGHT, REACH_DISTANCE
from tests.tasks.pick_place.world import (
    BOWL,
    BRICK,
    CUBE,
    HALF,
    PLACES,
    PLATE,
    SETTLE,
    SPARE,
    World,
    delivered,
)

pytestmark = pytest.mark.usefixtures("one_thread")


# -- failure


def wrong_object_in_place():
    world = World().pick_up(BRICK).let_go()
    world.into(BRICK, BOWL)
    return world.step()


def both_in_place():
    world = World().pick_up(BRICK).let_go()
    world.into(BRICK, BOWL)
    world.step().pick_up(CUBE).let_go()
    return world.step()


def other_object_lifted():
    world = World()
    world.state.tool[0] = world.state.pose[0, CUBE, :3]
    world.step().pick_up(BRICK).let_go().move(BRICK, (*PLACES[BRICK], 0.02))
    return world.step()


def touched():
    world = World()
    world.state.tool[0] = world.state.pose[0, CUBE, :3]
    return world.step()


def barely_lifted():
    world = touched()
    world.move(CUBE, (*PLACES[CUBE], HALF + LIFT_HEIGHT - 0.001))
    return world.step()


def in_the_plate():
    world = World().pick_up().let_go()
    world.into(CUBE, PLATE)
    return world.step(3 * SETTLE)


def on_the_table():
    world = World().pick_up().let_go()
    world.move(CUBE, (0.5, 0.0, HALF))
    return world.step()


def off_the_table():
    world = World().pick_up().let_go()
    world.move(CUBE, (1.5, 0.0, -0.3))
    return world.step()


def fast():
    world = World()
    world.state.velocity[0, BRICK, 0] = 11.0
    return world.step()


FAILURES = {
    "nothing happened": (lambda: World().step(), "never_reached"),
    "the tool came close, but not close enough": (
        lambda: near(REACH_DISTANCE + 0.001),
        "never_reached",
    ),
    "the tool touched it": (touched, "missed_grasp"),
    "it was lifted less than counts": (barely_lifted, "missed_grasp"),
    "another object lies in the bowl": (wrong_object_in_place, "wrong_object"),
    "another object lies in the bowl, the right one was lifted": (both_in_place, "wrong_object"),
    "only another object was lifted": (other_object_lifted, "wrong_object"),
    "it lies in the other receptacle": (in_the_plate, "wrong_place"),
    "it lies on the table": (on_the_table, "dropped"),
    "it fell off the table": (off_the_table, "dropped"),
    "it is still in the hand": (lambda: World().pick_up(), "timeout"),
    "it is in place, not settled": (lambda: delivered().step(SETTLE - 1), "timeout"),
    "a body moves too fast": (fast, "unstable_physics"),
}


def near(distance):
    world = World()
    world.state.tool[0] = world.state.pose[0, CUBE, :3] + torch.tensor((0.0, 0.0, distance))
    return world.step()


@pytest.mark.parametrize(("happened", "reason"), FAILURES.values(), ids=FAILURES)
def test_the_reason_of_a_failure(happened, reason):
    assert happened().reason() == reason


def test_every_reason_can_occur():
    assert {reason for _, reason in FAILURES.values()} == set(FAILURE_REASONS)


def test_an_object_off_the_table_ends_the_episode():
    assert bool(off_the_table().progress.finished[0])
    assert not bool(on_the_table().progress.finished[0])


# -- broken physics

NOT_FINITE = {
    "the object's position": lambda s: s.pose[0, CUBE, 0],
    "another body's orientation": lambda s: s.pose[0, BRICK, 5],
    "a body's velocity": lambda s: s.velocity[0, CUBE, 1],
    "a joint's velocity": lambda s: s.joint_vel[0, 3],
    "the tool's position": lambda s: s.tool[0, 2],
    "the tool's rotation": lambda s: s.tool_rotation[0, 1, 1],
    "a finger's position": lambda s: s.fingers[0, 1],
}


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("number", NOT_FINITE.values(), ids=NOT_FINITE)
def test_a_number_that_is_not_finite_is_broken_physics(number, value):
    """ "a state was not finite": whichever it was."""
    world = delivered().step(SETTLE - 1)
    number(world.state).fill_(value)
    world.step(3)
    assert world.reason() == "unstable_physics"
    assert world.succeeded == [False], "an episode with broken physics succeeded"
    assert bool(world.progress.finished[0])


def test_broken_physics_is_remembered():
    world = delivered()
    world.state.velocity[0, BRICK, 0] = 11.0
    world.step()
    world.state.velocity[0, BRICK, 0] = 0.0
    world.step(3 * SETTLE)
    assert (world.succeeded, world.reason()) == ([False], "unstable_physics")


def test_bodies_that_the_episode_does_not_use_may_do_what_they_like():
    """They fall for ever below the floor."""
    world = delivered()
    world.state.pose[0, SPARE] = math.nan
    world.state.velocity[0, SPARE, 2] = -100.0
    assert world.step(SETTLE).succeeded == [True]


# -- rows


def test_rows_do_not_touch_each_other():
    world = World(4)
    for row in (1, 2):
        world.pick_up(row=row).let_go(row)
    world.into(CUBE, BOWL, row=1)
    world.into(CUBE, PLATE, row=2)
    world.state.pose[3, CUBE, 0] = math.nan
    world.step(SETTLE)
    assert world.succeeded == [False, True, False, False]
    assert world.progress.finished.tolist() == [False, True, False, True]
    assert [world.reason(row) for row in range(4)] == [
        "never_reached",
        None,
        "wrong_place",
        "unstable_physics",
    ]


def test_rows_may_have_different_targets():
    world = World(2)
    world.progress.begin(1, BRICK, PLATE, [BOWL, CUBE, PLATE, BRICK])
    for row in range(2):
        world.pick_up(BRICK, row).let_go(row)
        world.into(BRICK, PLATE, row)
    assert world.step(SETTLE).succeeded == [False, True]


def test_an_episode_begins_with_nothing_of_the_one_before():
    world = World(2)
    for row in range(2):
        world.progress.displaced(row, 1.0)
    world.pick_up(row=0).pick_up(BRICK, row=1).pick_up(row=1)
    for row in range(2):
        world.let_go(row).into(CUBE, BOWL, row)
        world.progress.add_falling(row, SPARE)
        world.move(SPARE, (0.5, 0.0, 0.02), row)
    world.step(SETTLE - 1)
    world.begin(0)
    world.step()
    assert world.succeeded == [False, True]
    fresh = World()
    for name, value in vars(fresh.progress).items():
        if isinstance(value, torch.Tensor) and value.shape[:1] == (1,):
            world.begin(1)
            same = torch.equal(getattr(world.progress, name)[1], value[0])
            assert same, f"{name} of the last episode is still there"
