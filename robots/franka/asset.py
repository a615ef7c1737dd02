"""The Panda as USD, built from the URDF and meshes that the ``example-robot-data`` package ships.

The converter keeps visual meshes with their colours; it leaves out what simulation needs, which is added here:
drives on every joint (PhysX ignores gains where USD has no drive), convex collision shapes, and fingers that are
driven one by one (their coupling is in the gripper action, which commands both alike).
Imports of USD happen inside functions: reading a robot's limits must not load a simulator.
"""

from __future__ import annotations

import hashlib
import json
import sysconfig
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from robots.asset_cache import cached, hash_files
from robots.franka.spec import PANDA, SURFACE_FRICTION

if TYPE_CHECKING:
    from pxr import Usd, UsdPhysics, UsdShade

ROS_PACKAGE = "example-robot-data"
COLORS = "material_colors.json"
"""File of the asset's folder that holds the colours of its materials."""


def usd_path() -> Path:
    """The Panda's USD file, built on the first call."""
    return _asset_folder() / "panda.usdc"


def material_colors() -> dict[str, tuple[float, float, float]]:
    """Linear colour of each visual material of the asset, by the material's name."""
    colors = json.loads((_asset_folder() / COLORS).read_text("utf-8"))
    return {name: tuple(color) for name, color in colors.items()}


def _asset_folder() -> Path:
    package = _package_folder()
    description = package / "robots" / "panda_description"
    sources = [description / "urdf" / "panda.urdf", *sorted((description / "meshes").rglob("*.*"))]
    parts = (
        hash_files([*sources, Path(__file__)])
        + version("urdf-usd-converter")
        + repr((PANDA, SURFACE_FRICTION))
    )
    key = hashlib.sha256(parts.encode()).hexdigest()
    return cached("panda", key, lambda folder: _build(package, sources[0], folder))


def _package_folder() -> Path:
    folder = Path(sysconfig.get_paths()["purelib"]) / "cmeel.prefix" / "share" / ROS_PACKAGE
    if not folder.is_dir():
        raise FileNotFoundError(f"the package {ROS_PACKAGE} is not installed: no folder {folder}")
    return folder


def _build(package: Path, urdf: Path, folder: Path) -> None:
    import urdf_usd_converter
    import usdex.core
    from pxr import Usd, UsdGeom, UsdPhysics, UsdShade

    # The converter tells of every mesh, and warns of line sets that no simulator needs.
    usdex.core.activateDiagnosticsDelegate()
    usdex.core.setDiagnosticsLevel(usdex.core.DiagnosticsLevel.eError)
    converter = urdf_usd_converter.Converter(
        layer_structure=False, scene=False, ros_packages=[{"name": ROS_PACKAGE, "path": str(package)}]
    )
    stage = Usd.Stage.Open(str(converter.convert(urdf, folder).path))
    # The converter pins the base with a joint of its own; Isaac Lab adds one at spawn, and two confuse PhysX.
    stage.RemovePrim("/panda/Physics/root_joint")
    surface = _friction_material(stage, "/panda/Physics/surface", SURFACE_FRICTION)
    for prim in stage.Traverse():
        if prim.IsA(UsdPhysics.RevoluteJoint):
            _add_drive(UsdPhysics.DriveAPI.Apply(prim, "angular"), _torque_limit(prim.GetName()))
        elif prim.IsA(UsdPhysics.PrismaticJoint):
            prim.RemoveAppliedSchema("NewtonMimicAPI")
            prim.RemoveProperty("newton:mimicJoint")
            _add_drive(UsdPhysics.DriveAPI.Apply(prim, "linear"), PANDA.gripper_force)
        if prim.IsA(UsdShade.Material):
            prim.SetInstanceable(False)  # its colour is written at run time
        if prim.HasAPI(UsdPhysics.CollisionAPI):
            if prim.IsA(UsdGeom.Mesh):
                UsdPhysics.MeshCollisionAPI.Apply(prim).CreateApproximationAttr(UsdPhysics.Tokens.convexHull)
            _bind_physics_material(prim, surface)
    stage.Save()
    (folder / COLORS).write_text(json.dumps(_material_colors(stage)), "utf-8")


def _material_colors(stage: Usd.Stage) -> dict[str, list[float]]:
    from pxr import UsdShade

    found = {}
    for prim in stage.Traverse():
        color = UsdShade.Material(prim).GetInput("diffuseColor") if prim.IsA(UsdShade.Material) else None
        if color:
            found[prim.GetName()] = [float(c) for c in color.Get()]
    return found


def _torque_limit(joint: str) -> float:
    return dict(zip(PANDA.arm_joints, PANDA.limits.torque, strict=True))[joint]


def _add_drive(drive: UsdPhysics.DriveAPI, max_force: float) -> None:
    """A force drive with no gains yet: Isaac Lab's actuators set them, but only where a drive exists."""
    drive.CreateTypeAttr("force")
    drive.CreateStiffnessAttr(0.0)
    drive.CreateDampingAttr(0.0)
    drive.CreateMaxForceAttr(max_force)


def _friction_material(stage: Usd.Stage, path: str, friction: float) -> UsdShade.Material:
    from pxr import UsdPhysics, UsdShade

    material = UsdShade.Material.Define(stage, path)
    physics = UsdPhysics.MaterialAPI.Apply(material.GetPrim())
    physics.CreateStaticFrictionAttr(friction)
    physics.CreateDynamicFrictionAttr(friction)
    physics.CreateRestitutionAttr(0.0)
    return material


def _bind_physics_material(prim: Usd.Prim, material: UsdShade.Material) -> None:
    from pxr import UsdShade

    UsdShade.MaterialBindingAPI.Apply(prim).Bind(material, UsdShade.Tokens.weakerThanDescendants, "physics")
