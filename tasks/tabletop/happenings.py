"""What disturbs an episode, done to the simulated scene such that it is no deed of the policy and never does its task.

The named object is moved, and another one falls, only to places that are free of everything, receptacles and hand
included; the judge is told of whatever moves the named object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from tasks.tabletop.disturbances import PUSH_S, Happening
from tasks.tabletop.dropped import dropped
from tasks.tabletop.spots import Obstacle, first_free, way_out
from tasks.tabletop.workspace import composed, on_table

if TYPE_CHECKING:
    from tasks.tabletop.env import TabletopEnv

DROP_HEIGHT = 0.12
"""From where a distractor falls in mid-episode, at full size [m]."""
IN_HAND = 0.06
"""Distance of the named object from the tool up to which it is left where it is, at full size [m]: the hand may hold
it."""
PALM_REACH = 0.11
"""Radius of a circle about the tool that holds the hand, seen from above, at full size [m]: the Panda's palm is 0.104 m
long each way."""


def note_pushes(env: TabletopEnv) -> None:
    """Tell the judge whom a push begins to move, and how fast it may become by that."""
    force = env.disturbances.object_force.norm(dim=1)
    for row in force.nonzero()[:, 0].tolist():
        mass = float(env.dynamics.masses[row, env.progress.target[row]])
        env.progress.displaced(row, float(force[row]) * PUSH_S / mass)


def let_happen(env: TabletopEnv, happening: Happening) -> None:
    """Move the named object, or drop another one, in one environment."""
    row = happening.row
    ids = torch.tensor([row], device=env.device)
    pose, tool = env.body_pose_on_table[row], env.tool_on_table[0][row]
    moved = []
    if happening.move_target is not None:
        moved += _move_target(env, row, happening.move_target, pose, tool)
    if happening.drop_at:
        moved += _drop(env, row, happening.drop_at, pose, tool)
    if moved:
        velocity = env.bodies.data.body_com_vel_w.torch[ids].clone()
        velocity[0, moved] = 0.0
        env.write_body_poses(ids, pose[None])
        env.bodies.write_body_com_velocity_to_sim_index(body_velocities=velocity, env_ids=ids)


def _move_target(
    env: TabletopEnv, row: int, way: tuple[float, float], pose: torch.Tensor, tool: torch.Tensor
) -> list[int]:
    """Displace the named object in ``pose`` ``[B, 7]``; which bodies that moves.

    It waits until the object is out of the hand, and does not happen to one that lies where it belongs.
    """
    body = int(env.progress.target[row])
    if float((pose[body, :3] - tool).norm()) < IN_HAND * _scale(env):
        env.disturbances.postpone_move(row)
        return []
    if bool(env.progress.in_place[row]) or bool(env.progress.lost[row]):
        return []
    x, y, z = pose[body, :3].tolist()
    reach = env.robot_model.gripper.open_reach
    obstacles = _obstacles(env, row, body, pose, tool, z, reach)
    spot = way_out(composed((x, y), env.robot_model.workspace), way, _radius(env, body), obstacles)
    if spot is None:
        return []
    pose[body, :2] = torch.tensor(on_table(spot, env.robot_model.workspace), device=pose.device)
    env.progress.displaced(row)
    return [body]


def _drop(
    env: TabletopEnv,
    row: int,
    shares: tuple[tuple[float, float], ...],
    pose: torch.Tensor,
    tool: torch.Tensor,
) -> list[int]:
    """Let another object fall in ``pose`` ``[B, 7]``; which bodies that moves."""
    scene = env.scenes[row]
    assert scene is not None, "nothing happens before an episode has begun"
    body = env.slot_index[dropped(scene)[0]]
    height, reach = DROP_HEIGHT * _scale(env), PALM_REACH * _scale(env)
    spot = first_free(shares, _radius(env, body), _obstacles(env, row, body, pose, tool, height, reach))
    if spot is None:
        return []
    spot = on_table(spot, env.robot_model.workspace)
    pose[body] = torch.tensor((*spot, height, 0.0, 0.0, 0.0, 1.0), device=pose.device)
    env.progress.add_falling(row, body)
    return [body]


def _scale(env: TabletopEnv) -> float:
    return env.robot_model.workspace.scale


def _radius(env: TabletopEnv, body: int) -> float:
    """Of a body in the composed scene [m]."""
    return env.progress.bodies.slots[body].radius / _scale(env)


def _obstacles(
    env: TabletopEnv,
    row: int,
    body: int,
    pose: torch.Tensor,
    tool: torch.Tensor,
    height: float,
    reach: float,
) -> list[Obstacle]:
    """What a body at this height [m] must keep off: all others, and the hand, of this reach [m], if it is that low.

    Given in the composed scene.
    """
    workspace = env.robot_model.workspace
    others = [i for i in env.progress.active[row].nonzero()[:, 0].tolist() if i != body]
    found = [
        Obstacle(*composed((float(pose[i, 0]), float(pose[i, 1])), workspace), _radius(env, i))
        for i in others
    ]
    if float(tool[2]) < height + 2 * _radius(env, body) * workspace.scale:
        at = composed((float(tool[0]), float(tool[1])), workspace)
        found.append(Obstacle(*at, reach / workspace.scale))
    return found
