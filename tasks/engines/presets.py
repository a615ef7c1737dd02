"""Three physics engines and two renderers as Isaac Lab presets: ``physics=NAME renderer=NAME``.

The numbers are the ones under which a Panda grasps reliably at 20 Hz control on each engine; they are kept together
so that a reader can compare them.
"""

from __future__ import annotations

from isaaclab.utils import configclass
from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg, NewtonCollisionPipelineCfg, NewtonShapeCfg
from isaaclab_newton.renderers import NewtonWarpRendererCfg
from isaaclab_ov.physics import OvPhysxCfg
from isaaclab_physx.physics import PhysxCfg
from isaaclab_physx.renderers import IsaacRtxRendererCfg
from isaaclab_tasks.utils import PresetCfg

from tasks.tabletop.action_spaces import CONTROL_HZ

PHYSICS_DT = 0.01
"""Physics step [s]."""
DECIMATION = round(1 / (CONTROL_HZ * PHYSICS_DT))
"""Physics steps per control step."""

NEWTON_SUBSTEPS = 2
"""MuJoCo-Warp needs 5 ms to hold a grasp; at 10 ms a third of the objects slip out."""


@configclass
class PhysicsPresets(PresetCfg):
    """Physics engine."""

    # Enhanced determinism: what one environment does never depends on its neighbours, bit for bit, at no measured cost.
    ovphysx: OvPhysxCfg = OvPhysxCfg(enable_enhanced_determinism=True)
    newton_mjwarp: NewtonCfg = NewtonCfg(
        solver_cfg=MJWarpSolverCfg(
            solver="newton",
            integrator="implicitfast",
            # An elliptic cone: with the pyramidal one a third of the grasps slip.
            cone="elliptic",
            impratio=10.0,
            iterations=20,
            ls_iterations=50,
            # Too small a buffer drops contacts and objects fly off.
            njmax=1200,
            nconmax=400,
            use_mujoco_contacts=False,
        ),
        num_substeps=NEWTON_SUBSTEPS,
        # Contacts anew at every substep: stiff ones oscillate on what was true one before.
        collision_decimation=1,
        use_cuda_graph=False,
        collision_cfg=NewtonCollisionPipelineCfg(),
        default_shape_cfg=NewtonShapeCfg(),
    )
    isaacsim_physx: PhysxCfg = PhysxCfg(enable_enhanced_determinism=True)
    default: OvPhysxCfg = ovphysx


@configclass
class RendererPresets(PresetCfg):
    """Renderer of the cameras."""

    newton_warp: NewtonWarpRendererCfg = NewtonWarpRendererCfg(
        class_type="tasks.engines.delayed_renderer:DelayedWarpRenderer",
        enable_shadows=True,
        colorize_instance_segmentation=False,
        depth_clipping_behavior="zero",
    )
    isaac_rtx: IsaacRtxRendererCfg = IsaacRtxRendererCfg(
        colorize_instance_segmentation=False, depth_clipping_behavior="zero"
    )
    default: NewtonWarpRendererCfg = newton_warp


ENGINES = {"OvPhysxCfg": "ovphysx", "NewtonCfg": "newton_mjwarp", "PhysxCfg": "isaacsim_physx"}
"""Class of a physics configuration -> name of its preset."""


def engine_name(cfg) -> str:
    """Name of the physics preset that a resolved environment configuration holds."""
    return ENGINES[type(cfg.sim.physics).__name__]
