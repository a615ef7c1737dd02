"""The expert of pushing in a world without physics: it goes round the object, and pushes it straight."""

import functools

import pytest
import torch

from policy.contract import Policy
from policy.grounding import PLACE
from tasks.push.expert import OVER_Z, PUSHING, PushExpert
from tasks.push.judge import APART
from tasks.tabletop.action_spaces import CONTROL_DT, DELTA_EEF, DELTA_JOINTS
from tests.tasks.push.push_world import PushWorld
from tests.tasks.tabletop.toy_world import MAX_STEPS, ROW, SPACES, run, scenes

pytestmark = pytest.mark.usefixtures("one_thread")

N = 10


@functools.cache
def ran(space, n=N):
    """World, actions and tool positions, and the groundings that were reported at the first step."""
    spec = {s.name: s for s in (DELTA_EEF, DELTA_JOINTS)}[space]
    world, said = PushWorld(scenes(n, task="push"), spec), []
    actions, tool = run(
        world, PushExpert(n, spec), each_step=lambda decision: said.append(decision.grounding)
    )
    return world, actions, tool, said


def started(world):
    """Where the objects stood ``[N, 2]`` [m]."""
    return torch.tensor([(scene.target.x, scene.target.y) for scene in world.scenes])


@SPACES
def test_it_keeps_the_contract_of_a_policy(spec):
    expert = PushExpert(2, spec)
    assert isinstance(expert, Policy)
    assert expert.action_spec.mismatches(spec) == []
    assert expert.privileged


@SPACES
def test_it_does_every_scene_in_time(spec):
    world, actions, _, _ = ran(spec.name)
    failed = {
        world.scenes[i].instruction: world.progress.failure_reason(i)
        for i in range(world.n)
        if not world.progress.succeeded[i]
    }
    assert not failed
    assert len(actions) < 0.8 * MAX_STEPS, "no time is left for what real physics costs"


@SPACES
def test_actions_stay_inside_the_limits_of_their_spec_and_the_hand_stays_closed(spec):
    _, actions, _, _ = ran(spec.name)
    low, high = torch.tensor(spec.low).float(), torch.tensor(spec.high).float()
    assert (actions <= high + 1e-6).all()
    assert (actions >= low - 1e-6).all()
    assert spec.closes(actions).all()


def test_objects_end_up_beside_their_landmark_having_gone_straight():
    world, _, _, _ = ran(DELTA_EEF.name)
    rows = torch.arange(world.n)
    ended = world.pose[rows, world.progress.target, :2]
    landmark = world.pose[rows, world.progress.receptacle, :2]
    way, wanted = ended - started(world), landmark - started(world)
    assert (way.norm(dim=1) > APART / 2).all(), "there is some way to go"
    across = (way[:, 0] * wanted[:, 1] - way[:, 1] * wanted[:, 0]).abs() / wanted.norm(dim=1)
    assert across.max() < 0.02, f"{1e3 * across.max():.0f} mm beside the straight line"


def test_it_comes_down_behind_the_object_and_touches_nothing_on_its_way_there():
    world, _, tool, _ = ran(DELTA_EEF.name)
    origin, landmark = started(world), torch.tensor([(s.receptacle.x, s.receptacle.y) for s in world.scenes])
    direction = torch.nn.functional.normalize(landmark - origin, dim=1)
    for row in range(world.n):
        down = int((tool[:, row, 2] < 0.6 * OVER_Z).nonzero()[0, 0])
        behind = ((tool[down, row, :2] - origin[row]) * direction[row]).sum()
        assert behind < 0, f"scene {row}: it came down {1e3 * behind:.0f} mm before the object's middle"
    for scene, row in zip(world.scenes, range(world.n), strict=True):
        for other in scene.distractors:
            moved = world.pose[row, ROW[other.slot], :2] - torch.tensor((other.x, other.y))
            assert moved.norm() < 1e-4, f"{other.slot} was moved by {1e3 * moved.norm():.0f} mm"


def test_it_pushes_slowly():
    """Toward the landmark: it may draw back faster."""
    world, _, tool, _ = ran(DELTA_EEF.name)
    landmark = torch.tensor([(s.receptacle.x, s.receptacle.y) for s in world.scenes])
    direction = torch.nn.functional.normalize(landmark - started(world), dim=1)
    low = tool[1:, :, 2] < 0.03
    speed = ((tool[1:] - tool[:-1])[..., :2] * direction).sum(-1) / CONTROL_DT
    assert low.any()
    assert speed[low].max() < PUSHING + 1e-3


def test_it_says_where_the_object_will_be_and_its_way_there():
    world, _, _, said = ran(DELTA_EEF.name)
    rows = torch.arange(world.n)
    ended = world.pose[rows, world.progress.target, :3]
    for row, grounding in enumerate(said[0]):
        assert grounding is not None, "it reports at the first step"
        (place,) = grounding.points
        assert place.label == PLACE
        uv = world.view().pixels(ended[:, None])[row, 0]
        assert (uv - torch.tensor(place.uv)).norm() < 8.0
        assert len(grounding.trace) > 2


def test_one_that_misjudges_where_things_are_succeeds_less_often_in_the_same_time():
    exact, actions, _, _ = ran(DELTA_EEF.name)
    wrong = PushWorld(exact.scenes, DELTA_EEF)
    run(wrong, PushExpert(N, DELTA_EEF, grounding_error_px=12.0), steps=len(actions))
    assert int(wrong.progress.succeeded.sum()) < int(exact.progress.succeeded.sum()) - 3
    assert {wrong.progress.failure_reason(i) for i in range(N)} <= {
        None,
        "missed",
        "never_reached",
        "timeout",
    }


def test_its_delayed_actions_are_those_of_before():
    some = scenes(4, task="push")
    prompt, late = PushWorld(some, DELTA_EEF), PushWorld(some, DELTA_EEF)
    first, _ = run(prompt, PushExpert(4, DELTA_EEF), steps=3)
    second, _ = run(late, PushExpert(4, DELTA_EEF, latency_steps=2), steps=3)
    assert torch.equal(second[:2, :, :-1], torch.zeros(2, 4, DELTA_EEF.dim - 1))
    assert torch.allclose(second[2], first[0])
