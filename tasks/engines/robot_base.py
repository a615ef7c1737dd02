"""Standing a fixed-base robot somewhere else, per environment, on every physics engine."""

from __future__ import annotations

import torch
import warp as wp

from tasks.engines.presets import engine_name


def write_robot_base(env, robot, env_ids: torch.Tensor, pose: torch.Tensor) -> None:
    """Put the bases of some environments' robots at world poses ``[n, 7]`` (position [m], quaternion x y z w)."""
    if engine_name(env.cfg) != "newton_mjwarp":
        robot.write_root_link_pose_to_sim_index(root_pose=pose, env_ids=env_ids)
        return
    # Isaac Lab writes the articulation's root here, which a base welded to the world does not follow; the weld does.
    from newton import ModelFlags

    manager = env.sim.physics_manager
    model = manager.get_model()
    frames = wp.to_torch(model.joint_X_p)
    frames[_welds(robot, model)[env_ids.cpu()].to(frames.device)] = pose.to(frames.device)
    manager.add_model_change(ModelFlags.JOINT_PROPERTIES)


def _welds(robot, model) -> torch.Tensor:
    """Row of the joint that welds each environment's robot to the world ``[N]``; found once per model by name."""
    cached = getattr(robot, "_workbench_welds", None)
    if cached is not None and cached[0] is model:
        return cached[1]
    name = robot.cfg.prim_path.rsplit("/", 1)[1]
    parents = model.joint_parent.numpy()
    rows = {}
    for joint, label in enumerate(model.joint_label):
        parts = label.split("/")
        if name in parts and parents[joint] < 0:
            world = parts[parts.index(name) - 1]
            rows[int(world.removeprefix("env_"))] = joint
    welds = torch.tensor([rows[env] for env in range(robot.num_instances)])
    robot._workbench_welds = (model, welds)
    return welds
