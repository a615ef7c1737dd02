"""Stacking: scenes whose base is an object, and what counts as standing on it."""

import pytest
import torch

from domain_rand import draw_episode, load_set
from domain_rand.sets import FactorSetError
from robots.registry import robot
from tasks.episode import EpisodeSpec
from tasks.language import StackPhrasing, phrase
from tasks.language.resolve import read
from tasks.stack.judge import StackJudge
from tasks.stack.task import BASES
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.composition import random_scene, scene_facts
from tasks.tabletop.judge import State
from tasks.tabletop.scene import Placement, Scene
from tasks.tabletop.tracking import SETTLE_S
from tasks.tabletop.workspace import PARKING, pool

DT = 0.05
SLOTS = list(pool().values())
ROW = {slot.name: k for k, slot in enumerate(SLOTS)}
CUBE, BRICK, CONE = ROW["cube_small"], ROW["brick_large"], ROW["cone_small"]
TOP = SLOTS[BRICK].height
DOWN = torch.tensor([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
SCENES = [random_scene(EpisodeSpec("stack", index, 2)) for index in range(60)]


def test_the_base_is_an_object_whose_shape_nothing_else_has():
    for scene in SCENES:
        assert scene.receptacle.slot in BASES
        noun = pool()[scene.receptacle.slot].body.noun
        assert [pool()[p.slot].body.noun for p in scene.placements].count(noun) == 1, scene


def test_the_instruction_names_both_and_a_reader_finds_them():
    for scene in SCENES:
        facts = scene_facts(scene)
        for template in range(StackPhrasing.LIMITS["paraphrase"] + 1):
            said = read(phrase(facts, StackPhrasing(paraphrase=template)), facts)
            assert set(said.objects) == {frozenset({0}), frozenset({1})}
    cube, brick = (
        Placement("cube_small", "red", 0.4, 0.0, 0.0),
        Placement("brick_large", "blue", 0.6, 0.0, 0.0),
    )
    assert Scene(cube, brick, task="stack").instruction == "put the red cube on the blue brick"


def test_bases_and_targets_are_those_of_the_task_in_every_set():
    spec = EpisodeSpec("stack", 3, 0)
    episode = draw_episode(spec, load_set("heavy", task="stack"))
    assert episode.scene.receptacle.slot in BASES
    with pytest.raises(
        FactorSetError, match=r"scene\.receptacle .* 'plate' cannot be applied; possible is options"
    ):
        load_set("mild", {"scene.receptacle": {"value": "plate"}}, "stack")
    with pytest.raises(FactorSetError, match=r"scene\.receptacle .* 'brick_large' cannot be applied"):
        load_set("mild", {"scene.receptacle": {"value": "brick_large"}}, "pick_place")


def test_a_bowl_is_no_base():
    cube, bowl = Placement("cube_small", "red", 0.4, 0.0, 0.0), Placement("bowl", "blue", 0.6, 0.0, 0.0)
    with pytest.raises(ValueError, match="its base one of brick_large, hexagon_large"):
        Scene(cube, bowl, task="stack")


class World:
    """One scene, moved by hand."""

    def __init__(self):
        self.judge = StackJudge(BodyTable(SLOTS), 1, DT)
        pose = torch.zeros(1, len(SLOTS), 7)
        pose[..., :3], pose[..., 6] = torch.tensor(PARKING), 1.0
        joints = torch.zeros(1, len(robot().spec.arm_joints))
        tool = torch.tensor([[0.3, 0.0, 0.4]])
        self.state = State(
            pose, torch.zeros(1, len(SLOTS), 6), tool, DOWN[None], torch.zeros(1, 2) + 0.04, joints
        )
        for body, spot in ((CUBE, (0.40, 0.0)), (BRICK, (0.60, 0.0)), (CONE, (0.45, 0.15))):
            self.put(body, *spot)
        self.judge.begin(0, CUBE, BRICK, [CUBE, BRICK, CONE])
        self.look()

    def put(self, body, x, y, base=0.0):
        self.state.pose[0, body, :3] = torch.tensor((x, y, base + SLOTS[body].height / 2))

    def look(self, steps=1):
        for _ in range(steps):
            self.judge.update(self.state)

    def carry(self, body, x, y, base):
        """Grasp a body, lift it, set it down there, and take the hand away."""
        self.state.tool[0] = self.state.pose[0, body, :3]
        self.look()
        self.put(body, x, y, 0.15)
        self.state.tool[0] = self.state.pose[0, body, :3]
        self.look()
        self.put(body, x, y, base)
        self.state.tool[0] = torch.tensor((0.3, 0.0, 0.4))
        self.look(round(SETTLE_S / DT) + 1)

    @property
    def verdict(self):
        return bool(self.judge.succeeded[0]), self.judge.failure_reason(0)


@pytest.mark.parametrize(
    ("x", "y", "base", "succeeds"),
    [
        (0.60, 0.0, TOP, True),
        (0.63, 0.01, TOP, True),
        (0.60, 0.03, TOP, False),
        (0.60, 0.0, TOP + 0.01, False),
        (0.60, 0.0, 0.0, False),
        (0.52, 0.0, 0.0, False),
    ],
    ids=["in the middle", "off the middle", "over the edge", "in the air", "inside", "beside"],
)
def test_it_stands_on_its_base_or_not(x, y, base, succeeds):
    world = World()
    world.carry(CUBE, x, y, base)
    assert world.verdict == (succeeds, None if succeeds else "dropped")


def test_a_base_that_lies_on_its_side_is_none():
    world = World()
    world.state.pose[0, BRICK, 3:] = torch.tensor((2**-0.5, 0.0, 0.0, 2**-0.5))
    world.carry(CUBE, 0.60, 0.0, SLOTS[BRICK].height)
    assert world.verdict == (False, "dropped")


def test_the_wrong_object_on_the_base_is_not_it():
    world = World()
    world.carry(CONE, 0.60, 0.0, TOP)
    assert world.verdict == (False, "wrong_object")


def test_an_object_that_nobody_brought_does_not_count():
    world = World()
    world.put(CUBE, 0.60, 0.0, TOP)
    world.look(30)
    assert world.verdict == (False, "never_reached")
