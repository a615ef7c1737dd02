"""What the judge says of objects that real physics has laid down, or that a real hand holds, on both engines."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from robots.franka import PANDA
from robots.franka.kinematics import forward, inverse
from tasks.tabletop.scene import Placement, Scene
from tests.tasks.mesh_containment import Placed
from workbench.rollout.simulation import launch_tabletop
from workbench.rollout.simulation_cfg import SimulationCfg

pytestmark = [pytest.mark.sim, pytest.mark.slow]

AT = (0.5, 0.0)
"""Where the receptacle stands [m]."""
FLOOR = 0.006
"""Height of every receptacle's floor over the table [m]."""
OTHERS = (Placement("cube_small", "green", 0.37, -0.16, 0.0),)
CASES = {
    # target, receptacle, its lowest point over the floor and its origin from the receptacle's [m], how it is turned
    "flat on the plate": ("cross_large", "plate", 0.01, (0.0, 0.0), (), True),
    "flat in the bowl": ("brick_large", "bowl", 0.01, (0.0, 0.0), (), True),
    "flat in the tray": ("l_block_large", "tray", 0.01, (0.0, 0.0), (), True),
    "standing in the tray's corner": ("brick_small", "tray", 0.005, (0.050, 0.036), ("y", 90), True),
    "on its side in the bowl": ("cylinder_large", "bowl", 0.01, (0.0, 0.0), ("y", 90), True),
    "at the edge of the plate": ("cube_large", "plate", 0.01, (0.03, 0.0), (), True),
    "on the tray's wall": ("brick_large", "tray", 0.0165, (0.0, 0.057), (), None),
    "half over the tray's wall": ("brick_large", "tray", 0.0165, (0.0, 0.075), (), False),
    "over the rim of the bowl": ("brick_large", "bowl", 0.034, (0.068, 0.0), (), None),
    "beside the plate": ("cube_large", "plate", -0.005, (0.11, 0.0), (), False),
    "stacked in the plate": ("cube_large", "plate", 0.046, (0.0, 0.0), (), False),
    "stacked in the tray": ("hexagon_small", "tray", 0.046, (0.0, 0.0), (), False),
}
"""None where physics decides; the meshes are asked in every case."""
N = len(CASES)


def scene_of(target, receptacle):
    return Scene(Placement(target, "red", 0.64, 0.17, 0.0), Placement(receptacle, "blue", *AT, 0.0), OTHERS)


@pytest.fixture(scope="module", params=["ovphysx", pytest.param("newton_mjwarp", marks=pytest.mark.long)])
def env(request):
    with launch_tabletop(SimulationCfg(N, request.param, "cpu", action_space="delta_joints")) as environment:
        yield environment


def begin(env, scenes):
    for row, scene in enumerate(scenes):
        env.assign(row, scene)
    env.reset()
    env.commit(range(N), range(N))


def idle(env, steps, gripper=1.0):
    action = torch.zeros(N, 8)
    action[:, 7] = gripper
    for _ in range(steps):
        env.episode_length_buf[:] = 0
        env.step(action)


def test_what_physics_has_laid_down_is_judged_as_its_meshes_say(env):
    begin(env, [scene_of(target, receptacle) for target, receptacle, *_ in CASES.values()])
    pose = env.body_pose_on_table
    for row, (name, (target, _, over, at, turn, _)) in enumerate(CASES.items()):
        slot, turn = (
            env.slots[target],
            Rotation.from_euler(*turn, degrees=True) if turn else Rotation.identity(),
        )
        lowest = turn.apply(slot.body.vertices * slot.scale)[:, 2].min()
        where = (AT[0] + at[0], AT[1] + at[1], FLOOR + over - lowest, *turn.as_quat())
        pose[row, env.slot_index[target]] = torch.tensor(where)
        if "stacked" in name:
            pose[row, env.slot_index["cube_small"], :3] = torch.tensor((*AT, FLOOR + 0.0225))
    env.write_body_poses(torch.arange(N), pose)
    idle(env, 24)
    pose, said = env.body_pose_on_table.numpy().astype(float), env.progress.in_place.tolist()
    assert env.body_velocity[torch.arange(N), env.progress.target, :3].norm(dim=1).max() < 0.05, "not settled"
    for row, (name, (target, receptacle, *_, expected)) in enumerate(CASES.items()):
        slot = env.slots[target]
        of = [pose[row, [env.slot_index[body]]] for body in (target, receptacle)]
        true = Placed(slot.body.name, slot.scale, of[0], receptacle, of[1])
        where = (
            f"{name}: {np.round(1e3 * (of[0] - of[1])[0, :3], 1)} mm, lowest {1e3 * true.lowest[0]:.1f} mm"
        )
        assert not true.doubtful[0], where
        assert said[row] == true.inside[0], where
        if expected is not None:
            assert said[row] == expected, where


DIAGONAL = np.array((0.062, 0.022)) * 1.1
"""Across a large cross, from a corner to the one opposite: 72.4 mm [m]."""


def test_what_the_hand_still_holds_is_no_success(env):
    """Over the floor of the tray: wide as it is, it is neither released nor dropped. Gently, so that it is at rest."""
    begin(env, [scene_of("cross_large", "tray")] * N)
    env.set("gripper_force", range(N), np.linspace(2.0, 5.0, N).tolist())
    env.commit(range(N), range(N))
    over = torch.linspace(0.001, 0.025, N)
    half = env.slots["cross_large"].height / 2
    tool = torch.stack((torch.full((N,), AT[0]), torch.full((N,), AT[1]), FLOOR + half + over), 1)
    home = torch.tensor(PANDA.home).repeat(N, 1)
    _, down, _ = forward(home)
    quarter = torch.tensor(((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    posture = inverse(tool, quarter @ down, home, iterations=50)
    ids = torch.arange(N)
    env.command.begin(ids, posture)
    env.write_joints(ids, posture, torch.full((N,), float(np.hypot(*DIAGONAL)) + 0.001))
    pose, k = env.body_pose_on_table, env.slot_index["cross_large"]
    # The fingers close along x.
    turn = Rotation.from_euler("z", -np.arctan2(*DIAGONAL[::-1]))
    pose[:, k] = torch.cat((tool, torch.tensor(turn.as_quat()).float().expand(N, 4)), 1)
    env.write_body_poses(ids, pose)
    idle(env, 16, gripper=-1.0)
    assert (env.gripper_width > 0.06).all(), (
        "the hand does not hold it; softer contacts give way by millimetres"
    )
    assert env.progress.succeeded.sum() == 0
    assert env.progress.reached.all()
    assert {env.progress.failure_reason(row) for row in range(N)} <= {"missed_grasp", "timeout"}
    assert env.progress.in_place.any(), "a little over the floor would do, were it not held"
    env.set("gripper_force", range(N), [PANDA.gripper_force] * N)
    env.dynamics.commit(range(N), {"gripper_force"})
    env.command.begin(ids, home)
    env.write_joints(ids, home)
    idle(env, 16)
    assert env.progress.in_place.all()
    assert env.progress.succeeded.all(), "the hand is open and far away"
