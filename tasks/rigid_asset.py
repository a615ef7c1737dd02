"""USD files of the task's rigid bodies, built once and cached by content.

A file holds the visible mesh with one material (whose colour is written per environment at run time), a convex
collider a part, friction (objects' is written at run time), and mass with the inertia of a solid of even density.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import trimesh

from robots.asset_cache import cached, hash_files
from robots.surfaces import SURFACE_FRICTION
from tasks.shapes import Body

MATERIAL = "material"
"""Name of the material prim below the body's root."""


def usd_path(body: Body, scale: float) -> Path:
    """USD file of a body at a scale, built on the first call."""
    digest = hashlib.sha256(hash_files([Path(__file__)]).encode())
    for mesh in (*body.parts, body.visual):
        digest.update(
            np.ascontiguousarray(mesh.vertices).tobytes() + np.ascontiguousarray(mesh.faces).tobytes()
        )
    digest.update(f"{body.mass} {scale} {SURFACE_FRICTION}".encode())
    name = f"{body.name}-{scale:g}"
    return cached(name, digest.hexdigest(), lambda folder: _build(body, scale, folder)) / "body.usda"


def mass_properties(body: Body, scale: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Mass [kg], centre of mass ``[3]`` [m] and inertia about it ``[3, 3]`` [kg m^2], body axes.

    Mass grows with volume. Parts that overlap count once each, which shifts the inertia of a cross by a few percent.
    """
    solids = [part.copy().apply_scale(scale) for part in body.parts]
    mass = body.mass * scale**3
    volume = sum(solid.volume for solid in solids)
    centre = sum(solid.volume * solid.center_mass for solid in solids) / volume
    inertia = np.zeros((3, 3))
    for solid in solids:
        lever = solid.center_mass - centre
        share = mass * solid.volume / volume
        density = mass / volume
        inertia += solid.moment_inertia * density + share * (
            lever @ lever * np.eye(3) - np.outer(lever, lever)
        )
    return mass, centre, inertia


def _build(body: Body, scale: float, folder: Path) -> None:
    from pxr import Gf, Sdf, Usd, UsdGeom, UsdPhysics, UsdShade

    stage = Usd.Stage.CreateNew(str(folder / "body.usda"))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = UsdGeom.Xform.Define(stage, "/body")
    stage.SetDefaultPrim(root.GetPrim())
    UsdPhysics.RigidBodyAPI.Apply(root.GetPrim())
    mass, centre, inertia = mass_properties(body, scale)
    moments, axes = np.linalg.eigh(inertia)
    if np.linalg.det(axes) < 0:
        axes[:, 0] *= -1
    w, x, y, z = trimesh.transformations.quaternion_from_matrix(
        np.block([[axes, np.zeros((3, 1))], [0, 0, 0, 1]])
    )
    physics = UsdPhysics.MassAPI.Apply(root.GetPrim())
    physics.CreateMassAttr(mass)
    physics.CreateCenterOfMassAttr(Gf.Vec3f(*centre.tolist()))
    physics.CreateDiagonalInertiaAttr(Gf.Vec3f(*moments.tolist()))
    physics.CreatePrincipalAxesAttr(Gf.Quatf(float(w), float(x), float(y), float(z)))

    material = UsdShade.Material.Define(stage, f"/body/{MATERIAL}")
    shader = UsdShade.Shader.Define(stage, f"/body/{MATERIAL}/shader")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(0.5, 0.5, 0.5))
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")

    surface = UsdShade.Material.Define(stage, "/body/surface")
    friction = UsdPhysics.MaterialAPI.Apply(surface.GetPrim())
    friction.CreateStaticFrictionAttr(SURFACE_FRICTION)
    friction.CreateDynamicFrictionAttr(SURFACE_FRICTION)
    friction.CreateRestitutionAttr(0.0)

    visual = _define_mesh(stage, "/body/visual", body.visual, scale)
    UsdShade.MaterialBindingAPI.Apply(visual.GetPrim()).Bind(material)
    for i, part in enumerate(body.parts):
        collider = _define_mesh(stage, f"/body/collider_{i}", part, scale)
        collider.CreatePurposeAttr(UsdGeom.Tokens.guide)
        UsdPhysics.CollisionAPI.Apply(collider.GetPrim())
        approximation = UsdPhysics.MeshCollisionAPI.Apply(collider.GetPrim())
        approximation.CreateApproximationAttr(UsdPhysics.Tokens.convexHull)
        binding = UsdShade.MaterialBindingAPI.Apply(collider.GetPrim())
        binding.Bind(surface, UsdShade.Tokens.weakerThanDescendants, "physics")
    stage.Save()


def _define_mesh(stage, path: str, mesh: trimesh.Trimesh, scale: float):
    from pxr import UsdGeom, Vt

    prim = UsdGeom.Mesh.Define(stage, path)
    prim.CreatePointsAttr(Vt.Vec3fArray.FromNumpy((mesh.vertices * scale).astype(np.float32)))
    prim.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(mesh.faces), 3, np.int32)))
    prim.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(mesh.faces.astype(np.int32).ravel()))
    prim.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    return prim
