"""Contact of objects with everything else, the same on every physics engine: friction, bounce, distance.

A contact's coefficients are made of two surfaces', and engines disagree on how: PhysX averages them once one is written
at run time (what USD says about combining is lost then), MuJoCo takes the greater friction, or that of the geometry
with priority. So everything but the objects has friction `SURFACE_FRICTION` and restitution 0, and an object's are
chosen per engine such that the contact has what is wanted: ``2 mu - SURFACE_FRICTION`` and ``2 e`` under averaging,
``mu`` with priority. Between two objects PhysX then has more friction than MuJoCo.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import warp as wp

from robots.surfaces import SURFACE_FRICTION
from tasks.engines.presets import NEWTON_SUBSTEPS, PHYSICS_DT, engine_name
from tasks.tabletop.workspace import LEAST_FRICTION

IMPEDANCE = 0.999
"""MuJoCo's impedance ``d`` of a contact [1]: what share of the way to the wanted acceleration its force goes. A contact
that carries ``f`` at an effective mass ``m`` rests at a depth of ``d (1 - d) T^2 f / m``, with the time constant ``T``
(MuJoCo's documentation, "Solver parameters"). With MuJoCo's own 0.95 and 0.02 s, fingers sink into an object of 15 g by
a centimetre. Here they do by 0.24 mm, under the hand's full force of 70 N on two points."""
IMPEDANCE_AT_SURFACE = 0.95
"""The same where surfaces just touch, rising to `IMPEDANCE` over `TRANSITION`. A body under its own weight, where
``f / m`` is ``g``, so sinks in by 0.04 mm. With `IMPEDANCE` at all depths it would by a micrometre, which is what
positions round by: then contacts of what is stacked come and go, and it never rests."""
TRANSITION = 1e-4
"""Depth from which on impedance is `IMPEDANCE` [m]."""
TIME_CONSTANT = 2 * PHYSICS_DT / NEWTON_SUBSTEPS
"""``T`` [s]: two steps of the solver, the least that MuJoCo allows."""
MUJOCO_SOLREF = (TIME_CONSTANT, 1.0)
"""Time constant [s] and damping ratio [1] of contacts."""
MUJOCO_SOLIMP = (IMPEDANCE_AT_SURFACE, IMPEDANCE, TRANSITION, 0.5, 2.0)
"""Impedance at the surface and in depth [1], width of the transition [m], its middle and power [1]."""


def write_contact(
    env,
    asset,
    env_ids: torch.Tensor,
    body_ids: Sequence[int],
    friction: torch.Tensor,
    restitution: torch.Tensor,
    rest_offset: torch.Tensor,
) -> None:
    """Set how some bodies of a rigid body collection touch everything else.

    Args:
        env: the Isaac Lab environment.
        asset: the collection.
        env_ids: environments ``[n]``.
        body_ids: bodies ``[k]`` of the collection.
        friction: friction of their contacts ``[n]`` [1], at least `LEAST_FRICTION`.
        restitution: restitution of their contacts ``[n]`` [1], at most 0.5; must be 0 on Newton.
        rest_offset: distance at which they come to rest ``[n]`` [m].
    """
    if bool((friction < LEAST_FRICTION).any()):
        raise ValueError(
            f"friction of {float(friction.min()):.3f} is below {LEAST_FRICTION}, the least that can be set"
        )
    bodies = torch.as_tensor(list(body_ids), dtype=torch.long)
    ids = env_ids.cpu()
    friction, restitution, rest_offset = friction.cpu(), restitution.cpu(), rest_offset.cpu()
    if engine_name(env.cfg) == "newton_mjwarp":
        if bool((restitution > 0).any()):
            raise ValueError("MuJoCo's contacts have no coefficient of restitution")
        _write_newton(env, asset, ids, bodies, friction, rest_offset)
        return
    material = torch.stack((2 * friction - SURFACE_FRICTION,) * 2 + (2 * restitution,), -1)  # [n, 3]
    rows = bodies[:, None] * asset.num_instances + ids[None]  # [k, n], bodies outermost
    write = _write_ovphysx if engine_name(env.cfg) == "ovphysx" else _write_isaacsim
    write(asset, rows, material, rest_offset)


def _write_newton(env, asset, env_ids, bodies, friction, rest_offset) -> None:
    from newton import ModelFlags

    manager = env.sim.physics_manager
    model = manager.get_model()
    chosen = _newton_shapes(asset, model)[env_ids[:, None], bodies[None]]  # [n, k, S]
    margin = _newton_margins(asset, model)
    for array, wanted in ((wp.to_torch(model.shape_material_mu), friction), (margin, rest_offset)):
        array[chosen[chosen >= 0].to(array.device)] = (
            wanted[:, None, None].expand(chosen.shape)[chosen >= 0].to(array.device)
        )
    # The solver takes shapes' properties from the model, margins of 0 among them; then come the margins themselves.
    solver = manager._solver
    solver.notify_model_changed(ModelFlags.SHAPE_PROPERTIES)
    shape = wp.to_torch(solver.mjc_geom_to_newton_shape).long()  # [N, G], -1 where a geometry is no shape
    held = wp.to_torch(solver.mjw_model.geom_margin)
    held[:] = torch.where(shape >= 0, margin[shape.clamp(min=0)], held)


def _newton_margins(asset, model) -> torch.Tensor:
    """Each shape's rest offset [m], of all environments, kept where collision detection does not see it.

    MuJoCo's solver is to hold surfaces apart by it. Newton's collision detection is not to know: told of a margin of
    0.1 mm or more, it no longer widens shapes where it looks for overlap, and finds one point at a distance of 0 in
    place of four where surfaces just touch. Objects that come down through that height never rest.
    """
    cached = getattr(asset, "_workbench_margins", None)
    if cached is None or cached[0] is not model:
        cached = (model, wp.to_torch(model.shape_margin).clone())
        asset._workbench_margins = cached
    return cached[1]


def _write_ovphysx(asset, rows, material, rest_offset) -> None:
    from isaaclab_ov import tensor_types

    view = asset.root_view
    indices = wp.from_torch(rows.flatten().to(torch.int32))
    kind = tensor_types.RIGID_BODY_SHAPE_FRICTION_AND_RESTITUTION
    materials = wp.to_torch(view.get_attribute(kind))  # [B * N, S, 3]
    materials[rows] = material[None, :, None]
    view.set_attribute(kind, wp.from_torch(materials.contiguous(), dtype=wp.float32), indices=indices)
    kind = tensor_types.RIGID_BODY_REST_OFFSET
    offsets = wp.to_torch(view.get_attribute(kind))  # [B * N, S]
    if bool((offsets[rows] != rest_offset[None, :, None]).any()):
        offsets[rows] = rest_offset[None, :, None]
        view.set_attribute(kind, wp.from_torch(offsets.contiguous(), dtype=wp.float32), indices=indices)


def _write_isaacsim(asset, rows, material, rest_offset) -> None:
    indices = wp.from_torch(rows.flatten().to(torch.int32))
    materials = wp.to_torch(asset.root_view.get_material_properties())
    materials[rows] = material[None, :, None]
    asset.root_view.set_material_properties(wp.from_torch(materials), indices)
    offsets = wp.to_torch(asset.root_view.get_rest_offsets())
    offsets[rows] = rest_offset[None, :, None]
    asset.root_view.set_rest_offsets(wp.from_torch(offsets), indices)


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
