"""From a description of the ``example-robot-data`` package to USD that engines can simulate.

The converter keeps visual meshes with their colours; it leaves out what simulation needs, which is added here: drives
on every joint (PhysX ignores gains where USD has no drive), convex collision shapes, and joints that are driven one by
one (their coupling is in the gripper action). Imports of USD happen inside functions: reading a robot's limits must
not load a simulator.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from robots.asset_cache import cached, hash_files

ROS_PACKAGE = "example-robot-data"
COLORS = "material_colors.json"
"""File of the asset's folder that holds the colours of its materials."""


def built(name: str, sources: Sequence[Path], numbers: object, build: Callable[[Path], None]) -> Path:
    """Folder of an asset, built unless it is there: its key is all that goes in.

    Args:
        name: of the asset.
        sources: files of the description and of the code that builds it.
        numbers: what else goes in; anything with a `repr` that says all of it.
        build: writes into the folder that it is given.
    """
    parts = hash_files([*sources, Path(__file__)]) + version("urdf-usd-converter") + repr(numbers)
    return cached(name, hashlib.sha256(parts.encode()).hexdigest(), build)


def read_colors(folder: Path) -> dict[str, tuple[float, float, float]]:
    """Linear colour of each visual material of an asset in this folder, by the material's name."""
    colors = json.loads((folder / COLORS).read_text("utf-8"))
    return {name: tuple(color) for name, color in colors.items()}


def convert(urdf: Path, folder: Path, package: Path) -> Any:
    """The opened USD stage of a description; ``package`` is the folder that ``package://`` paths begin in."""
    import urdf_usd_converter
    import usdex.core
    from pxr import Usd

    # The converter tells of every mesh, and warns of line sets that no simulator needs.
    usdex.core.activateDiagnosticsDelegate()
    usdex.core.setDiagnosticsLevel(usdex.core.DiagnosticsLevel.eError)
    converter = urdf_usd_converter.Converter(
        layer_structure=False, scene=False, ros_packages=[{"name": ROS_PACKAGE, "path": str(package)}]
    )
    stage = Usd.Stage.Open(str(converter.convert(urdf, folder).path))
    # The converter pins the base with a joint of its own; Isaac Lab adds one at spawn, and two confuse PhysX.
    stage.RemovePrim(stage.GetDefaultPrim().GetPath().AppendPath("Physics/root_joint"))
    return stage


def complete(stage: Any, efforts: Mapping[str, float], friction: float) -> None:
    """Add what simulation needs.

    Args:
        stage: from `convert`.
        efforts: greatest effort of each joint's drive [N m or N].
        friction: coefficient of all surfaces [1].
    """
    from pxr import UsdGeom, UsdPhysics, UsdShade

    root = stage.GetDefaultPrim().GetPath()
    surface = _friction_material(stage, root.AppendPath("Physics/surface"), friction)
    for prim in stage.Traverse():
        if prim.IsA(UsdPhysics.RevoluteJoint):
            _add_drive(UsdPhysics.DriveAPI.Apply(prim, "angular"), efforts[prim.GetName()])
        elif prim.IsA(UsdPhysics.PrismaticJoint):
            prim.RemoveAppliedSchema("NewtonMimicAPI")
            prim.RemoveProperty("newton:mimicJoint")
            _add_drive(UsdPhysics.DriveAPI.Apply(prim, "linear"), efforts[prim.GetName()])
        if prim.IsA(UsdShade.Material):
            prim.SetInstanceable(False)  # its colour is written at run time
        if prim.HasAPI(UsdPhysics.CollisionAPI):
            if prim.IsA(UsdGeom.Mesh):
                UsdPhysics.MeshCollisionAPI.Apply(prim).CreateApproximationAttr(UsdPhysics.Tokens.convexHull)
            UsdShade.MaterialBindingAPI.Apply(prim).Bind(
                surface, UsdShade.Tokens.weakerThanDescendants, "physics"
            )


def write_colors(stage: Any, folder: Path) -> None:
    """Keep the colours of the asset's materials where `read_colors` finds them."""
    from pxr import UsdShade

    found = {}
    for prim in stage.Traverse():
        color = UsdShade.Material(prim).GetInput("diffuseColor") if prim.IsA(UsdShade.Material) else None
        if color:
            found[prim.GetName()] = [float(c) for c in color.Get()]
    (folder / COLORS).write_text(json.dumps(found), "utf-8")


def _add_drive(drive: Any, max_force: float) -> None:
    """A force drive with no gains yet: Isaac Lab's actuators set them, but only where a drive exists."""
    drive.CreateTypeAttr("force")
    drive.CreateStiffnessAttr(0.0)
    drive.CreateDampingAttr(0.0)
    drive.CreateMaxForceAttr(max_force)


def _friction_material(stage: Any, path: Any, friction: float) -> Any:
    from pxr import UsdPhysics, UsdShade

    material = UsdShade.Material.Define(stage, path)
    physics = UsdPhysics.MaterialAPI.Apply(material.GetPrim())
    physics.CreateStaticFrictionAttr(friction)
    physics.CreateDynamicFrictionAttr(friction)
    physics.CreateRestitutionAttr(0.0)
    return material
