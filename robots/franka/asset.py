"""The Panda as USD, built from the URDF and meshes that the ``example-robot-data`` package ships."""

from __future__ import annotations

from pathlib import Path

from robots.descriptions import description_folder
from robots.franka.spec import PANDA
from robots.simulated import asset
from robots.surfaces import SURFACE_FRICTION

EFFORTS = dict(zip(PANDA.arm_joints, PANDA.limits.torque, strict=True)) | dict.fromkeys(
    PANDA.finger_joints, PANDA.gripper_force
)
"""Greatest effort of each drive [N m or N]."""


def usd_path() -> Path:
    """The Panda's USD file, built on the first call."""
    return _asset_folder() / "panda.usdc"


def material_colors() -> dict[str, tuple[float, float, float]]:
    """Linear colour of each visual material of the asset, by the material's name."""
    return asset.read_colors(_asset_folder())


def _asset_folder() -> Path:
    description = description_folder("panda_description")
    meshes = sorted((description / "meshes").rglob("*.*"))
    return asset.built("panda", [_urdf(), *meshes, Path(__file__)], (PANDA, SURFACE_FRICTION), _build)


def _urdf() -> Path:
    return description_folder("panda_description") / "urdf" / "panda.urdf"


def _build(folder: Path) -> None:
    urdf = _urdf()
    stage = asset.convert(urdf, folder, urdf.parents[3])
    asset.complete(stage, EFFORTS, SURFACE_FRICTION)
    stage.Save()
    asset.write_colors(stage, folder)
