"""What a policy makes of real against simulated pictures, on one that answers by the colour that it sees."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from policy.contract import Decision
from policy.grounding import GRASP, Grounding, Point
from robots.registry import robot
from tools.planted_pictures import pairs
from workbench.visual_gap.policy_gap import policy_distances
from workbench.visual_gap.real_frames import RealFrames

PANDA = robot("franka")


class SeesRed:
    """Moves by the mean of red, and means to grasp where the reddest pixel is."""

    name, cameras, privileged, execute_steps = "sees_red", ("front",), False, 1
    action_spec = SimpleNamespace(channels=[SimpleNamespace(name="dx", unit="m")])

    def reset(self, env_ids, seeds):
        self.seeds = list(seeds)

    def act(self, observation):
        image = observation.images["front"].float()
        level = image[..., 0].mean((1, 2)) / 255
        claims = []
        for picture in image:
            red = picture[..., 0] - picture[..., 1]
            v, u = np.unravel_index(int(red.argmax()), red.shape)
            claims.append(
                Grounding("front", (red.shape[1], red.shape[0]), points=(Point(GRASP, (float(u), float(v))),))
            )
        return Decision(level[:, None, None].expand(-1, 4, 1), claims)


def asked(one, policy=None):
    count = len(one.real)
    states = RealFrames(
        "front", "drawn", one.real, np.tile(PANDA.spec.home, (count, 1)), np.full(count, 0.08),
        body_pose=np.zeros((count, 0, 7)),
    )  # fmt: skip
    return {
        d.what: d
        for d in policy_distances(
            policy or SeesRed(), {"front": one}, states, ["put it there"] * count, PANDA
        )
    }


def test_equal_pictures_get_equal_answers():
    one = pairs()
    found = asked(type(one)(**{**vars(one), "real": one.simulated}))

    assert all(d.real == 0 and d.interval == (0, 0) for d in found.values())


def test_what_the_policy_answers_differs_by_what_it_sees():
    one = pairs(gain=(0.5, 1.0, 1.0))

    found = asked(one)

    difference = (one.real[..., 0].mean((1, 2)) - one.simulated[..., 0].mean((1, 2))) / 255
    assert found["action dx, over its chunk"].real == pytest.approx(np.median(np.abs(difference)), rel=1e-4)
    assert found["action dx, over its chunk"].share > 1
    assert "where it means to grasp" in found


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"privileged": True}, "sees the simulator"), ({"cameras": ("wrist",)}, "camera wrist")],
)
def test_a_policy_that_cannot_be_asked_is_a_sentence(change, sentence):
    policy = SeesRed()
    for name, value in change.items():
        setattr(policy, name, value)
    with pytest.raises(ValueError, match=sentence):
        asked(pairs(), policy)


def test_torch_is_not_left_in_another_mode():
    asked(pairs())
    assert torch.is_grad_enabled()
