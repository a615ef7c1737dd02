"""An arm alone in MuJoCo, from its URDF: no geometry, the hand locked, a position drive at each joint.

Its weight is held where the robot's own controller holds it; a payload is mass at the hand of which that controller
does not know, and may be negative where it knows of too much.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np

from robots.protocol import RobotModel
from workbench.identification.motion_log import LogError

STRIPPED = ("visual", "collision", "mimic", "safety_controller", "calibration", "dynamics")
"""Of links and joints: meshes cannot be loaded everywhere, and nothing touches anything here."""
LEAST_HAND_MASS = 0.05
"""Share of the hand's mass that is left, whatever payload is missing."""


def build(model: RobotModel, dt: float) -> Any:
    """The ``mujoco.MjModel`` at nominal values.

    Args:
        model: the robot; its URDF must be installed (FileNotFoundError) and say masses (LogError).
        dt: time step [s].
    """
    import mujoco

    urdf = model.urdf()
    spec = mujoco.MjSpec.from_string(_without_geometry(urdf, model.spec.arm_joints))
    spec.option.timestep = dt
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.disableflags = int(mujoco.mjtDisableBit.mjDSBL_CONTACT | mujoco.mjtDisableBit.mjDSBL_LIMIT)
    drives = model.arm_drives
    compensated = 1.0 if drives.gravity_compensated else 0.0
    for body in spec.bodies:
        body.gravcomp = compensated
    for name, kp, kd, armature, effort in zip(
        model.spec.arm_joints, drives.stiffness, drives.damping, drives.armature, drives.effort, strict=True
    ):
        joint = spec.joint(name)
        if joint is None:
            raise LogError(f"{urdf} has no joint {name!r}")
        joint.armature, joint.frictionloss = armature, 0.0
        actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.gaintype, actuator.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_AFFINE
        actuator.gainprm[:] = (kp, *(0.0,) * (len(actuator.gainprm) - 1))
        actuator.biasprm[:3] = (0.0, -kp, -kd)
        actuator.forcelimited, actuator.forcerange = True, (-effort, effort)
    try:
        return spec.compile()
    except ValueError as problem:
        raise LogError(f"{urdf} cannot be simulated: {' '.join(str(problem).split())}") from problem


def hand_body(built: Any, model: RobotModel) -> int:
    """Number of the body that carries a payload."""
    return int(built.body(model.spec.hand_body).id)


def _without_geometry(urdf: Path, arm_joints: tuple[str, ...]) -> str:
    root = ET.parse(urdf).getroot()
    for parent in root.iter():
        for child in [c for c in parent if c.tag in STRIPPED]:
            parent.remove(child)
    for child in [c for c in root if c.tag not in ("link", "joint")]:
        root.remove(child)
    for joint in root.findall("joint"):
        if joint.get("name") not in arm_joints:
            joint.set("type", "fixed")
    settings = ET.SubElement(root, "mujoco")
    ET.SubElement(
        settings,
        "compiler",
        fusestatic="false",
        discardvisual="false",
        balanceinertia="true",
        strippath="false",
    )
    return ET.tostring(root, encoding="unicode")


def set_values(built: Any, scratch: Any, nominal: Any, hand: int, row: dict[str, np.ndarray]) -> None:
    """Give a model the values of one candidate.

    Args:
        built: ``mujoco.MjModel`` that is changed.
        scratch: its ``mujoco.MjData``.
        nominal: the same model, unchanged.
        hand: its body that carries the payload.
        row: by name (`workbench.identification.parameters`), each ``[J]`` or a number, in physical units.
    """
    import mujoco

    kp, kd = row["stiffness"], row["damping"]
    built.actuator_gainprm[:, 0] = kp
    built.actuator_biasprm[:, 1] = -kp
    built.actuator_biasprm[:, 2] = -kd
    built.dof_frictionloss[:] = row["friction"]
    built.dof_damping[:] = row["viscous"]
    built.dof_armature[:] = row["armature"]
    factor = float(row["link_mass"])
    built.body_mass[:] = nominal.body_mass * factor
    built.body_inertia[:] = nominal.body_inertia * factor
    held = float(built.body_mass[hand])
    carried = max(held + float(row["payload"]), LEAST_HAND_MASS * held)
    built.body_mass[hand] = carried
    built.body_gravcomp[hand] = nominal.body_gravcomp[hand] * held / carried
    mujoco.mj_setConst(built, scratch)
