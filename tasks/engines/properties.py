"""Physical properties per environment, written the way each engine wants them. One function a property."""

from __future__ import annotations

import torch
import warp as wp

ENGINES = {"OvPhysxCfg": "ovphysx", "NewtonCfg": "newton_mjwarp", "PhysxCfg": "isaacsim_physx"}
"""Class of the physics configuration -> name of the preset."""


def engine_name(env) -> str:
    """The physics preset that an environment runs on."""
    return ENGINES[type(env.cfg.sim.physics).__name__]


def write_friction(env, asset_name: str, env_ids: torch.Tensor, friction: torch.Tensor) -> None:
    """Set sliding friction of a rigid body collection.

    Args:
        env: the Isaac Lab environment.
        asset_name: name of the collection in the scene.
        env_ids: environments ``[n]``.
        friction: coefficient a body ``[n, B]`` [1].
    """
    asset = env.scene[asset_name]
    engine = engine_name(env)
    if engine == "newton_mjwarp":
        _write_friction_newton(env, asset, env_ids, friction)
    elif engine == "ovphysx":
        _write_friction_ovphysx(asset, env_ids, friction)
    else:
        _write_friction_physx(asset, env_ids, friction)


def _write_friction_newton(env, asset, env_ids, friction) -> None:
    from newton import ModelFlags

    manager = env.sim.physics_manager
    model = manager.get_model()
    mu = wp.to_torch(model.shape_material_mu)
    shapes = _newton_shapes(asset, model)  # [N, B, S], -1 where a body has fewer shapes
    chosen = shapes[env_ids.cpu()].to(mu.device)
    values = friction.to(mu.device)[..., None].expand(chosen.shape)
    mu[chosen[chosen >= 0]] = values[chosen >= 0]
    manager.add_model_change(ModelFlags.SHAPE_PROPERTIES)


def _newton_shapes(asset, model) -> torch.Tensor:
    """Rows of each body's shapes in the model ``[N, B, S]``, padded with -1; found once per model by name."""
    cached = getattr(asset, "_workbench_shapes", None)
    if cached is not None and cached[0] is model:
        return cached[1]
    names = {cfg.prim_path.rsplit("/", 1)[1]: k for k, cfg in enumerate(asset.cfg.rigid_objects.values())}
    rows: dict[tuple[int, int], list[int]] = {}
    for shape, body in enumerate(model.shape_body.numpy().tolist()):
        if body >= 0:
            *_, world, name = model.body_label[body].split("/")
            if name in names:
                rows.setdefault((int(world.removeprefix("env_")), names[name]), []).append(shape)
    shapes = torch.full((asset.num_instances, len(names), max(map(len, rows.values()))), -1)
    for (env, body), indices in rows.items():
        shapes[env, body, : len(indices)] = torch.tensor(indices)
    asset._workbench_shapes = (model, shapes)
    return shapes


def _write_friction_ovphysx(asset, env_ids, friction) -> None:
    from isaaclab_ov import tensor_types

    view, kind = asset.root_view, tensor_types.RIGID_BODY_SHAPE_FRICTION_AND_RESTITUTION
    materials = wp.to_torch(view.get_attribute(kind))  # [B * N, S, 3], bodies outermost
    num_envs = asset.num_instances
    rows = torch.arange(asset.num_bodies)[:, None] * num_envs + env_ids.cpu()[None, :]
    materials[rows, :, :2] = friction.cpu().T[:, :, None, None]
    indices = wp.from_torch(rows.flatten().to(torch.int32))
    view.set_attribute(kind, wp.from_torch(materials.contiguous(), dtype=wp.float32), indices=indices)


def _write_friction_physx(asset, env_ids, friction) -> None:
    view = asset.root_view
    materials = view.get_material_properties()
    num_envs = asset.num_instances
    rows = (torch.arange(asset.num_bodies)[:, None] * num_envs + env_ids.cpu()[None, :]).flatten()
    materials[rows, :, :2] = friction.cpu().T.flatten()[:, None, None]
    view.set_material_properties(materials, rows)
