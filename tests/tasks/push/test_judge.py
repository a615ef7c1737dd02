"""The judge of pushing: what counts as beside the landmark, and why episodes fail."""

import pytest
import torch

from robots.registry import robot
from tasks.push.failures import FAILURE_REASONS
from tasks.push.judge import NEAR, PushJudge
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.judge import State
from tasks.tabletop.tracking import SETTLE_S
from tasks.tabletop.workspace import PARKING, pool

DT = 0.05
SLOTS = list(pool().values())
ROW = {slot.name: k for k, slot in enumerate(SLOTS)}
CUBE, PLATE, CONE = ROW["cube_small"], ROW["plate"], ROW["cone_small"]
START, LANDMARK, OTHER = (0.40, 0.0), (0.60, 0.0), (0.45, 0.15)
BESIDE = LANDMARK[0] - SLOTS[PLATE].radius - 0.0225
"""x of the cube when its front touches the plate [m]."""
DOWN = torch.tensor([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
"""Axes of a hand that points down."""


class World:
    """One scene, moved by hand."""

    def __init__(self):
        self.judge = PushJudge(BodyTable(SLOTS), 1, DT)
        pose = torch.zeros(1, len(SLOTS), 7)
        pose[..., :3], pose[..., 6] = torch.tensor(PARKING), 1.0
        joints = len(robot().spec.arm_joints)
        velocity = torch.zeros(1, len(SLOTS), 6)
        self.state = State(
            pose,
            velocity,
            torch.tensor([[0.3, 0.0, 0.4]]),
            DOWN[None],
            torch.zeros(1, 2),
            torch.zeros(1, joints),
        )
        for body, spot in ((CUBE, START), (PLATE, LANDMARK), (CONE, OTHER)):
            self.put(body, *spot)
        self.judge.begin(0, CUBE, PLATE, [CUBE, PLATE, CONE])
        self.look()

    def put(self, body, x, y, raised=0.0):
        self.state.pose[0, body, :3] = torch.tensor((x, y, SLOTS[body].height / 2 + raised))

    def look(self, steps=1):
        for _ in range(steps):
            self.judge.update(self.state)

    def push(self, body, x, y, raised=0.0):
        """Touch a body from behind, move it there, and take the hand away."""
        at = self.state.pose[0, body, :2]
        self.state.tool[0] = torch.tensor((float(at[0]) - SLOTS[body].radius - 0.002, float(at[1]), 0.02))
        self.look()
        self.put(body, x, y, raised)
        self.state.tool[0, :2] = torch.tensor((x - SLOTS[body].radius - 0.002, y))
        self.look()
        self.state.tool[0] = torch.tensor((0.3, 0.0, 0.4))
        self.look(round(SETTLE_S / DT) + 1)

    @property
    def verdict(self):
        return bool(self.judge.succeeded[0]), self.judge.failure_reason(0)


@pytest.mark.parametrize(("gap", "succeeds"), [(0.0, True), (0.9 * NEAR, True), (1.1 * NEAR, False)])
def test_a_push_succeeds_when_the_footprints_are_near(gap, succeeds):
    world = World()
    world.push(CUBE, BESIDE - gap, 0.0)
    assert world.verdict == (succeeds, None if succeeds else "missed")


def test_it_must_have_been_pushed_there_by_the_hand():
    world = World()
    world.put(CUBE, BESIDE, 0.0)
    world.look(30)
    assert world.verdict == (False, "never_reached")


def test_being_shoved_by_something_else_does_not_count_until_the_hand_comes_again():
    world = World()
    world.push(CUBE, 0.45, 0.0)
    world.judge.displaced(0)
    world.put(CUBE, BESIDE, 0.0)
    world.look(30)
    assert world.verdict == (False, "timeout")


def test_it_must_be_let_go():
    world = World()
    world.state.tool[0] = torch.tensor((START[0] - SLOTS[CUBE].radius - 0.002, 0.0, 0.02))
    world.look()
    world.put(CUBE, BESIDE, 0.0)
    world.state.tool[0, 0] = BESIDE - 0.0225 - 0.010
    world.look(30)
    assert world.verdict == (False, "timeout")


def test_an_object_that_was_lifted_fails_even_if_it_ends_up_there():
    world = World()
    world.push(CUBE, 0.45, 0.0)
    world.state.tool[0] = torch.tensor((0.45, 0.0, 0.08))
    world.put(CUBE, 0.45, 0.0, raised=0.05)
    world.look()
    world.push(CUBE, BESIDE, 0.0)
    assert world.verdict == (False, "lifted")


def test_on_the_landmark_is_not_beside_it():
    world = World()
    world.push(CUBE, *LANDMARK, raised=0.012)
    assert world.verdict == (False, "missed")


def test_another_object_in_its_stead_is_the_wrong_one():
    world = World()
    world.push(CONE, 0.55, 0.12)
    assert world.verdict == (False, "wrong_object")


def test_bumping_into_another_object_on_the_way_does_no_harm():
    world = World()
    world.push(CONE, 0.45, 0.19)
    world.push(CUBE, BESIDE, 0.0)
    assert world.verdict == (True, None)


def test_a_body_that_flies_is_not_to_be_believed():
    world = World()
    world.state.velocity[0, CONE, 0] = 50.0
    world.look()
    assert world.verdict == (False, "unstable_physics")
    assert FAILURE_REASONS[0] == "unstable_physics"


def test_an_episode_begins_anew():
    world = World()
    world.push(CUBE, BESIDE, 0.0)
    world.put(CUBE, *START)
    world.judge.begin(0, CUBE, PLATE, [CUBE, PLATE, CONE])
    world.look()
    assert world.verdict == (False, "never_reached")
    assert not bool(world.judge.in_place[0])
