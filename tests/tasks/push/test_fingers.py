"""Where the fingers are that push: at the object, over the table, on every robot."""

import math

import numpy as np
import pytest
import torch

from robots.registry import names, robot
from tasks.push.arrangement import HAND_REGION
from tasks.push.expert import OVER_Z, PUSH_Z, PushExpert
from tasks.push.fingers import closed_fingers
from tasks.tabletop.action_spaces import action_specs
from tasks.tabletop.workspace import OBJECT_REGION, on_table

N = 40


@pytest.fixture(params=names())
def model(request):
    return robot(request.param)


@pytest.fixture
def pushing(model):
    """As `hands_at` in the middle of the table."""
    spots, tool, rotation, _ = hands_at(model, OBJECT_REGION)
    return spots, tool, rotation


def hands_at(model, region):
    """Spots ``[N, 2]`` to push at with closed fingers, tools ``[N, 3]`` that do, their rotations, and the expert."""
    rng = np.random.default_rng(4)
    low, high = np.array(region).T
    spots = torch.tensor(
        [on_table(tuple(p), model.workspace) for p in rng.uniform(low, high, (N, 2))], dtype=torch.float32
    )
    expert, ids = PushExpert(N, action_specs(model.spec.name)["delta_eef"]), torch.arange(N)
    closing = torch.tensor(rng.uniform(-math.pi, math.pi, N), dtype=torch.float32)
    control = model.tool_control()
    at = torch.cat((spots, torch.zeros(N, 1)), 1)
    # Of both ways to hold the fingers across the push, the one that the wrist can turn to.
    other = control.grasp_turn(at, closing) > control.grasp_turn(at, closing - math.pi)
    expert.closing[:] = torch.where(other, closing - math.pi, closing)
    tool = expert._low(ids, spots, torch.zeros(N))
    return spots, tool, control.grasp_rotation(tool, expert.closing), expert


def gaps(model, points, tool, rotation):
    """Distance ``[N]`` of the nearest of ``points [N, S, 3]`` from the closed hand [m]."""
    closed = torch.from_numpy(model.gripper.joints_at(np.array([model.gripper.min_width]))).float()
    return model.hand().distance(points, tool, rotation, closed.expand(N, -1))


def test_the_fingers_and_not_the_tool_are_at_the_spot(model, pushing):
    spots, tool, rotation = pushing
    heights = torch.linspace(0.004, 0.02, 9)
    column = torch.cat((spots[:, None].expand(N, 9, 2), heights.expand(N, 9)[..., None]), 2)
    assert gaps(model, column, tool, rotation).max() < 0.003
    assert (tool[:, :2] - spots).norm(dim=1).max() == pytest.approx(
        abs(closed_fingers(model.spec.name).aside), abs=0.001
    )


def test_the_fingertips_are_over_the_table_and_below_every_object(model, pushing):
    spots, tool, rotation = pushing
    around = torch.stack(torch.meshgrid(*2 * [torch.linspace(-0.04, 0.04, 41)], indexing="ij"), -1).view(
        1, -1, 2
    )
    plane = torch.cat((spots[:, None] + around, torch.zeros(N, around.shape[1], 1)), 2)
    lowest = gaps(model, plane, tool, rotation)
    wanted = PUSH_Z * model.workspace.scale
    assert lowest.min() > 0.4 * wanted, "fingers would scrape over the table"
    assert lowest.max() < 2.5 * wanted, "fingers would pass over what they are to push"


def test_fingers_of_a_symmetric_hand_close_on_the_tool_and_a_single_jaw_closes_beside_it():
    assert closed_fingers("franka").aside == pytest.approx(0.0, abs=1e-6)
    assert closed_fingers("franka").half_thickness == pytest.approx(0.009, abs=0.0005)
    assert closed_fingers("so_arm").aside == pytest.approx(-0.0195, abs=0.002)


def test_the_arm_reaches_all_of_where_the_hand_comes_down_behind_an_object(model):
    spots, low, _, expert = hands_at(model, HAND_REGION)
    over = torch.full((N, 1), OVER_Z * model.workspace.scale)
    high = expert._with_fingers_at(torch.arange(N), torch.cat((spots, over), 1))
    home = torch.tensor(model.spec.home).repeat(N, 1)
    for tool in (low, high):
        rotation = model.tool_control().grasp_rotation(tool, expert.closing)
        joints, start = home, model.kinematics().forward(home)[0]
        for share in (*torch.linspace(0.05, 1.0, 20).tolist(), 1.0, 1.0):  # as it goes there, step by step
            joints = model.kinematics().inverse(start + share * (tool - start), rotation, joints)
        off = (model.kinematics().forward(joints)[0] - tool).norm(dim=1)
        assert off.max() < 0.003, f"{1e3 * off.max():.1f} mm at {tool[off.argmax()].tolist()}"
