"""The live view of an evaluation: what its first environment does, and nothing of the others."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from policy.contract import Decision
from policy.grounding import Grounding, Point
from robots.action_spaces import DELTA_EEF
from robots.registry import robot
from workbench.evaluation import live
from workbench.evaluation.live import SimulatedView

SPEC = robot().action_spaces(20.0)[DELTA_EEF]
CLAIM = Grounding("front", (8, 8), points=(Point("grasp", (4.0, 4.0)),))


class Env:
    """Two environments, of which the second is elsewhere."""

    num_envs, action_spec, robot_model = 2, SPEC, robot()
    scenes = (SimpleNamespace(instruction="put it there"), SimpleNamespace(instruction="another one"))
    cameras = {"front": SimpleNamespace(width=8, height=8)}
    camera_position = {"front": torch.tensor([[1.0, 0, 1], [9.0, 9, 9]])}
    camera_rotation = {"front": torch.eye(3).repeat(2, 1, 1)}
    joint_pos = torch.tensor([robot().spec.home] * 2)
    joint_vel = torch.zeros(2, 7)

    def __init__(self):
        self.drawn = 0

    def tool(self):
        return torch.tensor([[0.5, 0.0, 0.2], [9.0, 9.0, 9.0]]), torch.eye(3).repeat(2, 1, 1)

    def calibration(self, name):
        return torch.eye(3).repeat(2, 1, 1), torch.zeros(2)

    def image(self, name, idle):
        assert idle == {1}
        self.drawn += 1
        return torch.full((2, 8, 8, 3), 7, dtype=torch.uint8)


class Drawn:
    """Takes what a `LiveView` would draw, or is too slow for it."""

    said, slow = "shown", False

    def __init__(self, name, where, cameras, plots):
        self.samples = []

    def show(self, sample):
        if not self.slow:
            self.samples.append(sample)
        return not self.slow

    def close(self):
        self.samples.append(None)


@pytest.fixture
def view(monkeypatch):
    monkeypatch.setattr(live, "LiveView", Drawn)
    return SimulatedView("run", "true", Env(), ("front",))


def decision(n):
    return Decision(torch.full((n, 2, SPEC.dim), 0.01), [CLAIM] * n)


def seen(value, n):
    return SimpleNamespace(images={"front": torch.full((n, 8, 8, 3), value, dtype=torch.uint8)})


def steps(view, count=2):
    for _ in range(count):
        view.stepped()


def test_what_the_policy_sees_says_and_means_to_do_is_shown(view):
    view.began([1, 0], [5, 4])
    view.decided([1, 0], seen(200, 2), decision(2), 0.03)
    steps(view, 4)
    first, second = view._view.samples
    assert first.events == ("episode 4: put it there",)
    assert first.begins
    assert not second.begins
    assert second.events == ()
    picture, track = first.pictures["front"]
    assert (picture == 200).all()
    assert track.position.tolist() == [[1.0, 0.0, 1.0]]
    assert first.grounding == CLAIM
    assert first.planned == pytest.approx(np.array([[0.51, 0.01, 0.21], [0.52, 0.02, 0.22]]))
    assert second.planned is None, "it is known already"
    assert set(first.plots) == set(live.PLOTTED)
    assert view._env.drawn == 0, "its policy's pictures are there"


def test_others_episodes_and_decisions_are_not_shown(view):
    view.began([1], [5])
    view.decided([1], seen(200, 1), decision(1), 0.03)
    steps(view)
    view.ended([SimpleNamespace(row=1, index=5, outcome=SimpleNamespace(success=True))])
    assert view._view.samples == []


def test_for_a_policy_that_sees_nothing_the_camera_is_asked(view):
    view.began([0], [0])
    steps(view)
    assert (view._view.samples[0].pictures["front"][0] == 7).all()
    assert view._env.drawn == 1


def test_what_could_not_be_drawn_is_said_with_the_next_sample_and_the_last_outcome_at_the_end(view):
    view._view.slow = True
    view.began([0], [3])
    steps(view)
    view._view.slow = False
    steps(view)
    assert view._view.samples[0].events == ("episode 3: put it there",)
    assert view._view.samples[0].begins
    lost = SimpleNamespace(success=False, failure_reason="dropped")
    view.ended([SimpleNamespace(row=0, index=3, outcome=lost)])
    steps(view)
    view.close()
    assert len(view._view.samples) == 3, "nothing more happens there until the next episode"
    assert view._view.samples[1].events == ("episode 3: failure: dropped",)
