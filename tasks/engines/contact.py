"""Friction of objects, the same on every physics engine.

A contact's friction is made of two coefficients, and engines disagree on how: PhysX averages them once a coefficient is
written at run time (what USD says about combining is lost then), MuJoCo takes the greater, or that of the geometry
with priority. So everything but the objects has the coefficient `SURFACE_FRICTION`, and an object's is chosen per
engine such that the contact has the friction wanted: ``2 mu - SURFACE_FRICTION`` under averaging, ``mu`` with priority.
Between two objects PhysX then has more friction than MuJoCo (``2 mu - SURFACE_FRICTION`` against ``mu``).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import warp as wp

from robots.franka import SURFACE_FRICTION
from tasks.engines.presets import engine_name
from tasks.pick_place.workspace import LEAST_FRICTION


def write_friction(
    env, asset, env_ids: torch.Tensor, body_ids: Sequence[int], friction: torch.Tensor
) -> None:
    """Set the friction of contacts of some bodies of a rigid body collection.

    Args:
        env: the Isaac Lab environment.
        asset: the collection.
        env_ids: environments ``[n]``.
        body_ids: bodies ``[k]`` of the collection.
        friction: wanted friction of their contacts ``[n]`` [1], at least `LEAST_FRICTION`.
    """
    if bool((friction < LEAST_FRICTION).any()):
        raise ValueError(
            f"friction of {float(friction.min()):.3f} is below {LEAST_FRICTION}, the least that can be set"
        )
    bodies = torch.as_tensor(list(body_ids), dtype=torch.long)
    if engine_name(env.cfg) == "newton_mjwarp":
        _write_newton(env, asset, env_ids.cpu(), bodies, friction.cpu())
    else:
        coefficient = 2 * friction.cpu() - SURFACE_FRICTION
        rows = bodies[:, None] * asset.num_instances + env_ids.cpu()[None]  # bodies outermost
        write = _write_ovphysx if engine_name(env.cfg) == "ovphysx" else _write_isaacsim
        write(asset, rows, coefficient)


def _write_newton(env, asset, env_ids, bodies, friction) -> None:
    from newton import ModelFlags

    manager = env.sim.physics_manager
    model = manager.get_model()
    mu = wp.to_torch(model.shape_material_mu)
    chosen = _newton_shapes(asset, model)[env_ids[:, None], bodies[None]]  # [n, k, S]
    values = friction[:, None, None].expand(chosen.shape)
    mu[chosen[chosen >= 0].to(mu.device)] = values[chosen >= 0].to(mu.device)
    manager.add_model_change(ModelFlags.SHAPE_PROPERTIES)


def _write_ovphysx(asset, rows, coefficient) -> None:
    from isaaclab_ov import tensor_types

    view, kind = asset.root_view, tensor_types.RIGID_BODY_SHAPE_FRICTION_AND_RESTITUTION
    materials = wp.to_torch(view.get_attribute(kind))  # [B * N, S, 3]
    materials[rows, :, :2] = coefficient[None, :, None, None]
    indices = wp.from_torch(rows.flatten().to(torch.int32))
    view.set_attribute(kind, wp.from_torch(materials.contiguous(), dtype=wp.float32), indices=indices)


def _write_isaacsim(asset, rows, coefficient) -> None:
    materials = wp.to_torch(asset.root_view.get_material_properties())
    materials[rows, :, :2] = coefficient[None, :, None, None]
    asset.root_view.set_material_properties(
        wp.from_torch(materials), wp.from_torch(rows.flatten().to(torch.int32))
    )


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
