"""The direction in which claimed contacts close the fingers, told apart as a gripper tells it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from policy.smart_resize import Resize
from tests.workbench.data.made_up import made_up_episode
from workbench.data.projection import project_frames
from workbench.training.grasp_yaw import as_good, grasp_yaw

SIDE = 224
INTRINSICS = np.array(((300.0, 0, 160), (0, 310.0, 120), (0, 0, 1)))


def episode_of(name, yaw, distortion=-0.1):
    """A body of the pool at a turn of 0.3, held at ``yaw`` in its frame, seen obliquely by a bent lens."""
    made = made_up_episode(0)
    bodies = (replace(made.bodies[0], slot=name), *made.bodies[1:])
    pose = made.body_pose.copy()
    pose[:, 0] = [0.5, 0.05, 0.02, *Rotation.from_euler("z", 0.3).as_quat()]
    across = np.array((np.cos(yaw), np.sin(yaw), 0))
    contact = np.stack((0.025 * across, -0.025 * across))
    axes = Rotation.from_euler("xyz", (np.pi - 0.6, 0.15, 0.9)).as_matrix()
    at = np.array((0.5, 0.05, 0.02)) - 0.7 * axes[:, 2]
    frames = len(made.frame_steps)
    camera = replace(
        made.cameras["front"], width=320, height=240, intrinsics=INTRINSICS, distortion=distortion,
        position=np.tile(at, (frames, 1)), rotation=np.tile(axes, (frames, 1, 1)),
    )  # fmt: skip
    made = replace(
        made, bodies=bodies, body_pose=pose, grasp=np.stack((np.zeros(3), across)), contact=contact,
        cameras={"front": camera},
    )  # fmt: skip
    return replace(made, cameras={"front": replace(camera, contact=seen(made, 0.0, frames))})


def seen(episode, turn, frames=1):
    """Pixels ``[F, 2, 2]`` of the camera where the contacts are, were the hand turned by ``turn`` [rad] more."""
    camera = episode.cameras["front"]
    pose = episode.body_pose[0, 0]
    points = (
        Rotation.from_euler("z", turn).apply(Rotation.from_quat(pose[3:]).apply(episode.contact)) + pose[:3]
    )
    one = project_frames(
        points[:, None], camera.position[:1], camera.rotation[:1], camera.intrinsics, camera.distortion
    )
    return np.tile(one.reshape(1, 2, 2), (frames, 1, 1))


def error(episode, turn, swapped=False):
    claimed = Resize((320, 240), (SIDE, SIDE)).to_seen(seen(episode, turn)[0])
    return grasp_yaw(episode, "front", 0, SIDE).error(claimed[::-1] if swapped else claimed)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("turn", [-90, -60, -10, 0, 7, 30, 89])
def test_the_error_is_the_angle_on_the_table_whichever_finger_comes_first(turn, swapped):
    """A brick can be held in one direction; the oblique view and the bent lens make no difference."""
    brick = episode_of("brick_small", np.pi / 2)
    assert error(brick, np.radians(turn), swapped) == pytest.approx(abs(turn), abs=0.05)


@pytest.mark.parametrize(("turn", "expected"), [(0, 0), (90, 0), (45, 45), (30, 30), (80, 10)])
def test_of_a_cube_both_directions_are_right(turn, expected):
    assert error(episode_of("cube_small", 0.0), np.radians(turn)) == pytest.approx(expected, abs=0.05)


def test_of_a_hexagon_all_three_directions_are_right():
    hexagon = episode_of("hexagon_small", np.pi / 6)
    assert error(hexagon, np.radians(60)) == pytest.approx(0, abs=0.05)
    assert error(hexagon, np.radians(-30)) == pytest.approx(30, abs=0.05)


def test_of_what_is_round_nothing_is_judged():
    for name in ("cylinder_large", "cone_small", "dome_small"):
        assert as_good(name, np.array((1.0, 0, 0))) is None
        assert grasp_yaw(episode_of(name, 0.0), "front", 0, SIDE) is None


def test_what_is_no_pair_of_points_has_no_direction():
    yaw = grasp_yaw(episode_of("brick_small", 0.0), "front", 0, SIDE)
    for claimed in (np.full((2, 2), np.nan), np.full((2, 2), 100.0), np.zeros((1, 2))):
        assert np.isnan(yaw.error(claimed))
