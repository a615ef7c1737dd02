"""Run by `test_physics`: what the dynamics factors do on one engine, measured. Prints one JSON object."""

from __future__ import annotations

import json
import sys

import torch


def slide(env, friction: torch.Tensor, speed: float, direction: float) -> torch.Tensor:
    """Distance that the brick slides on the table ``[N]`` [m] with each friction."""
    rows = list(range(env.num_envs))
    env.write_friction(rows, friction)
    start, ids = place_brick(env, x=0.5 - 0.15 * direction)
    velocity = torch.zeros(env.num_envs, len(env.slots), 6)
    velocity[:, env.slot_index["brick_large"], 0] = speed * direction
    env.bodies.write_body_com_velocity_to_sim_index(body_velocities=velocity, env_ids=ids)
    idle(env, 30)
    return (env.body_pose[:, env.slot_index["brick_large"], 0] - start).abs()


def place_brick(env, x: float):
    """Put the brick alone on the table, long side along x, and let it come to rest."""
    ids = torch.arange(env.num_envs)
    pose = env.body_pose
    brick = env.slot_index["brick_large"]
    pose[:, :, 2] = -3.0
    pose[:, :, 0] = torch.arange(len(env.slots)) * 0.5
    pose[:, brick] = torch.tensor([x, 0.0, env.slots["brick_large"].height / 2, 0, 0, 0, 1.0])
    env.write_body_poses(ids, pose)
    idle(env, 6)
    return env.body_pose[:, brick, 0].clone(), ids


def idle(env, steps: int) -> None:
    """Hold the arm still."""
    action = torch.zeros(env.num_envs, 7)
    action[:, 6] = 1.0
    for _ in range(steps):
        env.episode_length_buf[:] = 0
        env.step(action)


def pushed(env, mass_scale: torch.Tensor) -> torch.Tensor:
    """Speed of the freely falling cube ``[N]`` [m/s] that a sideways push of 0.5 N gives it in one step of 50 ms."""
    rows = list(range(env.num_envs))
    env.scale_masses(rows, mass_scale)
    cube = env.slot_index["cube_large"]
    ids = torch.arange(env.num_envs)
    pose = env.body_pose
    pose[:, cube] = torch.tensor([0.5, 0.0, 1.5, 0, 0, 0, 1.0])
    env.write_body_poses(ids, pose)
    force = torch.zeros(env.num_envs, len(env.slots), 3)
    force[:, cube, 1] = 0.5
    env.bodies.permanent_wrench_composer.set_forces_and_torques_index(
        forces=force, torques=torch.zeros_like(force)
    )
    idle(env, 1)
    env.bodies.permanent_wrench_composer.set_forces_and_torques_index(
        forces=torch.zeros_like(force), torques=torch.zeros_like(force)
    )
    return env.body_velocity[:, cube, 1]


def gain_response(env, scale: torch.Tensor) -> torch.Tensor:
    """Joint 4's way ``[N]`` [rad] in 100 ms after its target jumps by 0.1 rad."""
    rows = list(range(env.num_envs))
    env.scale_arm_gains(rows, scale)
    env.reset()
    env.scale_arm_gains(rows, scale)
    before = env.joint_pos[:, 3].clone()
    env.action_manager.get_term("command").command[:, 3] += 0.1
    target = torch.zeros(env.num_envs, 8)
    target[:, 7] = 1.0
    for _ in range(2):
        env.episode_length_buf[:] = 0
        env.step(target)
    return env.joint_pos[:, 3] - before


def main() -> int:
    """Measure on the engine named."""
    from workbench.pick_place import launch_pick_place

    physics = sys.argv[1]
    frictions = torch.tensor([0.3, 0.5, 0.8, 1.1])
    scales = torch.tensor([0.5, 1.0, 1.5, 2.0])
    with launch_pick_place(4, physics, "newton_warp", "cpu", "delta_eef", (), 32, 0) as env:
        env.reset()
        result = {
            "friction": frictions.tolist(),
            "slide_m": slide(env, frictions, 1.0, 1.0).tolist(),
            "mass_scale": scales.tolist(),
            "nominal_mass": float(env._mass[0, env.slot_index["cube_large"]]),
            "push_speed": pushed(env, scales).tolist(),
        }
    with launch_pick_place(4, physics, "newton_warp", "cpu", "delta_joints", (), 32, 0) as env:
        env.reset()
        result["gain_scale"] = scales.tolist()
        result["joint_4_rad"] = gain_response(env, scales).tolist()
    print("RESULT " + json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
