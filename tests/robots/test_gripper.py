"""How far things are from the Franka Hand, against its description."""

from xml.etree import ElementTree

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial.transform import Rotation

from robots.descriptions import description_folder
from robots.franka import PANDA
from robots.franka.gripper import hand_distance

DESCRIPTION = description_folder("panda_description")


def boxes_of_the_description(width):
    """The fingers' collision boxes in the hand's frame, from the URDF, and the bounding box of the palm's mesh."""
    root = ElementTree.parse(DESCRIPTION / "urdf" / "panda.urdf").getroot()
    found = [trimesh.load(DESCRIPTION / "meshes" / "collision" / "hand.stl", force="mesh").bounding_box]
    for side, name in ((1.0, "panda_leftfinger"), (-1.0, "panda_rightfinger")):
        for collision in root.find(f"link[@name='{name}']").iter("collision"):
            size = [float(v) for v in collision.find("geometry/box").get("size").split()]
            origin = collision.find("origin")
            turn = Rotation.from_euler("xyz", [float(v) for v in origin.get("rpy", "0 0 0").split()])
            box = trimesh.creation.box(size)
            box.apply_transform(_matrix(turn, origin))
            box.apply_translation((0.0, side * width / 2, 0.0584))
            found.append(box)
    return found


def _matrix(turn, origin):
    transform = np.eye(4)
    transform[:3, :3] = turn.as_matrix()
    transform[:3, 3] = [float(v) for v in origin.get("xyz").split()]
    return transform


def placed(points, seed):
    """Points of the hand's frame ``[S, 3]`` and the hand's tool pose after one rigid motion."""
    turn = Rotation.random(random_state=seed)
    at = np.random.default_rng(seed).uniform(-0.5, 0.5, 3)
    tool = turn.apply(PANDA.tool_offset) + at
    return turn.apply(points) + at, tool, turn.as_matrix()


def distance(points, tool, rotation, left, right=None):
    fingers = np.array((left, left if right is None else right)) / 2
    args = (points[None], tool[None], rotation[None], fingers[None])
    return float(hand_distance(*(torch.tensor(a, dtype=torch.float64) for a in args))[0])


@pytest.mark.parametrize("width", [0.0, 0.03, 0.08])
def test_distances_are_those_to_the_shapes_of_the_description(width):
    rng = np.random.default_rng(3)
    points = rng.uniform((-0.03, -0.08, 0.092), (0.03, 0.08, 0.17), (200, 3))
    true = np.min(
        [-trimesh.proximity.signed_distance(m, points) for m in boxes_of_the_description(width)], axis=0
    ).clip(0.0)
    found = np.array([distance(*placed(p[None], k), width) for k, p in enumerate(points)])
    np.testing.assert_allclose(found, true, atol=5e-5)


def test_the_least_distance_of_all_points_counts():
    points = np.array([(0.0, 0.0, 0.3), (0.0, 0.0, 0.2), (0.5, 0.0, 0.0)])
    tip = 0.0584 + 0.04525 + 0.00925
    assert distance(*placed(points, 1), 0.0) == pytest.approx(0.2 - tip, abs=1e-4)


@pytest.mark.parametrize("width", [0.02, 0.05, 0.0704])
def test_what_fills_the_gap_between_the_fingers_touches_them(width):
    grid = np.linspace(-width / 2, width / 2, 15)
    block = np.array([(0.0, y, 0.1034) for y in grid])
    assert distance(*placed(block, 2), width) < 2e-4
    assert distance(*placed(block, 2), width + 0.01) == pytest.approx(0.005, abs=2e-4)


def test_each_finger_stands_where_it_is():
    """An object held off the middle: the fingers are not at half their distance each."""
    block = np.array([(0.0, y, 0.1034) for y in (-0.01, 0.03)])
    assert distance(*placed(block, 4), 0.06, 0.02) < 2e-4
    assert distance(*placed(block, 4), 0.07, 0.03) == pytest.approx(0.005, abs=2e-4)
    apart = np.array([(0.0, 0.035, 0.1034)])
    assert distance(*placed(apart, 4), 0.08, 0.0) == pytest.approx(0.005, abs=2e-4), (
        "the left one is at 40 mm"
    )


def test_rows_are_independent():
    rng = np.random.default_rng(0)
    points = torch.tensor(rng.uniform(-0.1, 0.2, (7, 5, 3)), dtype=torch.float32)
    tool = torch.tensor(rng.uniform(-0.1, 0.1, (7, 3)), dtype=torch.float32)
    rotation = torch.tensor(Rotation.random(7, random_state=0).as_matrix(), dtype=torch.float32)
    width = torch.linspace(0.0, 0.04, 7)[:, None].repeat(1, 2)
    together = hand_distance(points, tool, rotation, width)
    for i in range(7):
        alone = hand_distance(points[i : i + 1], tool[i : i + 1], rotation[i : i + 1], width[i : i + 1])
        assert torch.equal(alone[0], together[i])
