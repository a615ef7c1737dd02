"""The SO-ARM as USD, built from the URDF and meshes that the ``example-robot-data`` package ships."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from robots.descriptions import description_folder
from robots.simulated import asset
from robots.so_arm import hulls
from robots.so_arm.spec import SO_ARM, STALL_TORQUE
from robots.surfaces import SURFACE_FRICTION

EFFORTS = dict.fromkeys((*SO_ARM.arm_joints, *SO_ARM.finger_joints), STALL_TORQUE)
"""Greatest effort of each drive [N m]."""
LEFT_OUT = ("gripper_frame_link", "gripper_frame_joint")
"""A link without mass that no engine can move, and its joint."""


def usd_path() -> Path:
    """The SO-ARM's USD file, built on the first call."""
    return _asset_folder() / "so101_new_calib.usdc"


def material_colors() -> dict[str, tuple[float, float, float]]:
    """Linear colour of each visual material of the asset, by the material's name."""
    return asset.read_colors(_asset_folder())


def _description() -> Path:
    return description_folder("so_arm_description")


def _asset_folder() -> Path:
    meshes = sorted((_description() / "meshes" / "so101").glob("*.stl"))
    code = [Path(__file__), Path(hulls.__file__)]
    urdf = _description() / "urdf" / "so101.urdf"
    return asset.built("so_arm", [urdf, *meshes, *code], (SO_ARM, SURFACE_FRICTION), _build)


def _build(folder: Path) -> None:
    package = _description().parents[1]
    tree = ET.parse(_description() / "urdf" / "so101.urdf")
    root = tree.getroot()
    for child in list(root):
        if child.tag == "transmission" or child.get("name") in LEFT_OUT:
            root.remove(child)
    for link in root.iter("link"):
        for k, collision in enumerate(link.findall("collision")):
            _replace(link, collision, f"{link.get('name')}_{k}", package, folder)
    urdf = folder / "so101.urdf"
    tree.write(urdf, encoding="utf-8")
    stage = asset.convert(urdf, folder, package)
    asset.complete(stage, EFFORTS, SURFACE_FRICTION)
    stage.Save()
    asset.write_colors(stage, folder)


def _replace(link: ET.Element, collision: ET.Element, name: str, package: Path, folder: Path) -> None:
    """Put the convex pieces of a collision's mesh in its place, as files in ``folder``."""
    mesh, origin = collision.find("geometry/mesh"), collision.find("origin")
    assert mesh is not None, f"the collision shape {name} is no mesh"
    assert origin is not None, f"the collision shape {name} has no origin"
    source = package / mesh.attrib["filename"].removeprefix(f"package://{asset.ROS_PACKAGE}/")
    link.remove(collision)
    for k, piece in enumerate(hulls.pieces(source)):
        file = folder / f"{name}_{k}.stl"
        piece.export(file)
        made = ET.SubElement(link, "collision", name=f"{name}_{k}")
        ET.SubElement(made, "origin", origin.attrib)
        ET.SubElement(ET.SubElement(made, "geometry"), "mesh", filename=file.name)
