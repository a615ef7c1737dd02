"""Success and every reason of failure, from states made by hand."""

import math

import pytest
import torch

from tasks.pick_place.progress import (
    FAILURE_REASONS,
    LIFT_HEIGHT,
    MAX_TILT,
    REACH_DISTANCE,
    RELEASED_WIDTH,
    SETTLE_S,
    BodyTable,
    Progress,
    State,
)

BOWL, CUBE, PLATE, BRICK, SPARE = range(5)
DT = 0.05
SETTLE = round(SETTLE_S / DT)
FLOOR = 0.006  # [m] height of the surface that carries what lies in a receptacle
TABLE = BodyTable(
    height=torch.tensor((0.04, 0.05, 0.02, 0.04, 0.05)),
    half_diagonal=torch.tensor((0.1, 0.0433, 0.1, 0.047, 0.0433)),
    inner_radius=torch.tensor((0.05, 0.0, 0.06, 0.0, 0.0)),
    support_height=torch.tensor((FLOOR, 0.0, FLOOR, 0.0, 0.0)),
    is_receptacle=torch.tensor((True, False, True, False, False)),
)
PLACES = {BOWL: (0.6, 0.1), CUBE: (0.4, 0.0), PLATE: (0.6, -0.1), BRICK: (0.4, 0.15), SPARE: (0.0, 0.0)}
FAR, OPEN, GRIP = (0.3, 0.0, 0.4), 0.08, 0.05


class World:
    """``n`` environments whose states are set by hand; the cube is to go into the bowl, the spare body is unused."""

    def __init__(self, n=1):
        self.progress = Progress(TABLE, n, DT)
        pose = torch.zeros(n, 5, 7)
        pose[..., 6] = 1.0
        for body, place in PLACES.items():
            pose[:, body, :2] = torch.tensor(place)
            pose[:, body, 2] = TABLE.height[body] / 2
        pose[:, SPARE, 2] = -5.0
        self.state = State(
            pose, torch.zeros(n, 5, 6), torch.tensor([FAR] * n), torch.full((n,), OPEN), torch.zeros(n, 7)
        )
        for row in range(n):
            self.begin(row)

    def begin(self, row):
        self.progress.begin(row, CUBE, BOWL, [BOWL, CUBE, PLATE, BRICK])

    def move(self, body, xyz, row=0):
        self.state.pose[row, body, :3] = torch.tensor(xyz)

    def into(self, body, receptacle, row=0, height=0.03, sideways=0.0):
        """Put a body's origin ``height`` over the supporting surface of a receptacle."""
        x, y, z = self.state.pose[row, receptacle, :3].tolist()
        self.move(body, (x + sideways, y, z - float(TABLE.height[receptacle]) / 2 + FLOOR + height), row)

    def step(self, times=1):
        for _ in range(times):
            self.progress.update(self.state)
        return self

    def pick_up(self, body=CUBE, row=0):
        """Reach a body, close the hand and lift it."""
        self.state.tool[row] = self.state.pose[row, body, :3]
        self.state.gripper_width[row] = GRIP
        self.step()
        self.state.pose[row, body, 2] += 0.1
        self.state.tool[row] = self.state.pose[row, body, :3]
        return self.step()

    def let_go(self, row=0):
        self.state.gripper_width[row] = OPEN
        self.state.tool[row] = torch.tensor(FAR)
        return self

    @property
    def succeeded(self):
        return self.progress.succeeded.tolist()

    def reason(self, row=0):
        return self.progress.failure_reason(row)


def delivered():
    """The cube lies in the bowl, released, not yet looked at."""
    world = World().pick_up().let_go()
    world.into(CUBE, BOWL)
    return world


# -- success


def test_success_comes_when_the_object_has_settled_and_not_before():
    world = delivered().step(SETTLE - 1)
    assert world.succeeded == [False]
    assert not world.progress.finished[0]
    world.step()
    assert world.succeeded == [True]
    assert bool(world.progress.finished[0])
    assert world.reason() is None


BREAKS = {
    "moves": lambda w: w.state.velocity[0, CUBE, :3].fill_(0.02),
    "spins": lambda w: w.state.velocity[0, CUBE, 3:].fill_(0.5),
    "is grasped": lambda w: w.state.gripper_width.fill_(RELEASED_WIDTH),
    "is out of place": lambda w: w.move(CUBE, (0.4, 0.0, 0.025)),
    "is above the rim": lambda w: w.into(CUBE, BOWL, height=0.0433 + 0.021),
    "is under the floor of the bowl": lambda w: w.into(CUBE, BOWL, height=-0.001),
    "is beside the middle": lambda w: w.into(CUBE, BOWL, sideways=0.0501),
    "lies in a tilted bowl": lambda w: tilt(w, BOWL, MAX_TILT + 0.01),
}


def tilt(world, body, angle):
    world.state.pose[0, body, 3:] = torch.tensor((math.sin(angle / 2), 0.0, 0.0, math.cos(angle / 2)))


@pytest.mark.parametrize("spoil", BREAKS.values(), ids=BREAKS)
def test_each_condition_is_necessary(spoil):
    world = delivered()
    spoil(world)
    assert world.step(5 * SETTLE).succeeded == [False]


@pytest.mark.parametrize("spoil", BREAKS.values(), ids=BREAKS)
def test_one_bad_step_starts_the_settling_again(spoil):
    world, broken = delivered().step(SETTLE - 1), delivered()
    spoil(broken)
    world.progress.update(broken.state)
    assert world.step(SETTLE - 1).succeeded == [False], "the steps before the break were counted"
    assert world.step().succeeded == [True]


ALLOWED = {
    "rolls slowly": lambda w: w.state.velocity[0, CUBE, 0].fill_(0.019),
    "the bowl leans a little": lambda w: tilt(w, BOWL, MAX_TILT - 0.01),
    "another body moves": lambda w: w.state.velocity[0, BRICK].fill_(0.5),
    "lies on its corner": lambda w: w.into(CUBE, BOWL, height=0.0433),
    "lies near the edge": lambda w: w.into(CUBE, BOWL, sideways=0.049),
    "the bowl was pushed": lambda w: (w.move(BOWL, (0.5, 0.2, 0.02)), w.into(CUBE, BOWL)),
}


@pytest.mark.parametrize("bend", ALLOWED.values(), ids=ALLOWED)
def test_what_does_not_matter_does_not_prevent_success(bend):
    world = delivered()
    bend(world)
    assert world.step(SETTLE).succeeded == [True]


def test_settling_lasts_as_long_whatever_the_control_rate():
    for dt in (0.01, 0.02, 0.05, 0.1, 0.3):
        steps = Progress(TABLE, 1, dt).settle_steps
        assert steps * dt >= SETTLE_S - 1e-9
        assert (steps - 1) * dt < SETTLE_S, f"at {dt} s a step, settling takes {steps * dt} s"


def test_success_stays_success():
    world = delivered().step(SETTLE)
    world.move(CUBE, (0.4, 0.0, 0.025))
    assert world.step().succeeded == [True]


def test_an_object_that_was_pushed_in_counts_too():
    world = World()
    world.into(CUBE, BOWL)
    assert world.step(SETTLE).succeeded == [True]


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
    world.move(CUBE, (*PLACES[CUBE], 0.025 + LIFT_HEIGHT - 0.001))
    return world.step()


def in_the_plate():
    world = World().pick_up().let_go()
    world.into(CUBE, PLATE)
    return world.step(3 * SETTLE)


def on_the_table():
    world = World().pick_up().let_go()
    world.move(CUBE, (0.5, 0.0, 0.025))
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
    world.into(CUBE, BOWL, row=1)
    world.into(CUBE, PLATE, row=2)
    world.state.pose[3, CUBE, 0] = math.nan
    world.step(SETTLE)
    assert world.succeeded == [False, True, False, False]
    assert world.progress.finished.tolist() == [False, True, False, True]
    assert [world.reason(row) for row in range(4)] == [
        "never_reached",
        None,
        "never_reached",
        "unstable_physics",
    ]


def test_rows_may_have_different_targets():
    world = World(2)
    world.progress.begin(1, BRICK, PLATE, [BOWL, CUBE, PLATE, BRICK])
    for row in range(2):
        world.into(BRICK, PLATE, row)
    assert world.step(SETTLE).succeeded == [False, True]


def test_an_episode_begins_with_nothing_of_the_one_before():
    world = World(2).pick_up(row=0).pick_up(BRICK, row=1)
    for row in range(2):
        world.let_go(row).into(CUBE, BOWL, row)
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
