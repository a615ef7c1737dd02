"""The tabletop environment as Isaac Lab configuration: scene, actions, observations, terminations."""

from __future__ import annotations

import isaaclab.envs.mdp as mdp
import isaaclab.sim as sim_utils
import torch
from isaaclab.assets import (
    ArticulationCfg,
    AssetBaseCfg,
    RigidObjectCfg,
    RigidObjectCollectionCfg,
    VisualMaterialCfg,
)
from isaaclab.envs import ManagerBasedRLEnvCfg
from isaaclab.managers import (
    EventTermCfg,
    ObservationGroupCfg,
    ObservationTermCfg,
    RewardTermCfg,
    TerminationTermCfg,
)
from isaaclab.scene import InteractiveSceneCfg
from isaaclab.sensors import CameraCfg
from isaaclab.sim import SimulationCfg
from isaaclab.sim.schemas import UsdPhysicsCollisionCfg, UsdPhysicsRigidBodyCfg
from isaaclab.sim.spawners.materials import RigidBodyMaterialBaseCfg
from isaaclab.utils import configclass
from isaaclab_newton.sim.schemas import MujocoCollisionCfg
from isaaclab_physx.sim.schemas import PhysxCollisionCfg, PhysxRigidBodyCfg
from scipy.spatial.transform import Rotation

from robots.protocol import CameraMount, RobotModel
from robots.registry import DEFAULT as DEFAULT_ROBOT
from robots.registry import robot
from robots.surfaces import SURFACE_FRICTION
from tasks.camera_spec import CameraSpec
from tasks.cameras import look_at
from tasks.engines.contact import MUJOCO_SOLIMP, MUJOCO_SOLREF
from tasks.engines.presets import DECIMATION, PHYSICS_DT, PhysicsPresets, RendererPresets
from tasks.registry import DEFAULT
from tasks.rigid_asset import MATERIAL, usd_path
from tasks.tabletop import terms
from tasks.tabletop.actions import EndEffectorDeltaActionCfg, JointDeltaActionCfg
from tasks.tabletop.workspace import (
    FLOOR_Z,
    IMAGE_SIZE,
    PARKING,
    ROOM_COLOR,
    TABLE_CENTER,
    TABLE_COLOR,
    TABLE_SIZE,
    WALL_X,
    Slot,
    cameras_of,
    on_table,
    pool,
)

SHADING = ("rgb_hdr", "albedo", "normals")
"""What a renderer must draw beside the image so that light and textures can be changed in it."""
FLOOR_SIZE, WALL_SIZE = (6.0, 6.0, 0.02), (0.02, 6.0, 4.0)
"""[m]"""
CLIPPING = (0.01, 20.0)
"""Near and far plane of the cameras [m]."""


def slot_cfg(slot: Slot, index: int) -> RigidObjectCfg:
    """One body of the pool, spawned at its own place in the parking area."""
    return RigidObjectCfg(
        prim_path="{ENV_REGEX_NS}/Body_" + slot.name,
        spawn=sim_utils.UsdFileCfg(
            usd_path=str(usd_path(slot.body, slot.scale)),
            rigid_props=[
                UsdPhysicsRigidBodyCfg(),
                PhysxRigidBodyCfg(
                    sleep_threshold=0.0,
                    max_depenetration_velocity=1.0,
                    angular_damping=0.5,
                    solver_position_iteration_count=8,
                    solver_velocity_iteration_count=1,
                ),
            ],
            collision_props={
                "/collider_.*": [
                    UsdPhysicsCollisionCfg(),
                    PhysxCollisionCfg(contact_offset=0.005, rest_offset=0.0),
                    # An object's own friction counts in its contacts: see tasks/engines/contact.py.
                    MujocoCollisionCfg(
                        condim=4,
                        priority=0 if slot.is_receptacle else 1,
                        solref=MUJOCO_SOLREF,
                        solimp=MUJOCO_SOLIMP,
                    ),
                ]
            },
            semantic_tags=[("class", slot.name)],
        ),
        init_state=RigidObjectCfg.InitialStateCfg(pos=(PARKING[0] + 0.3 * index, PARKING[1], PARKING[2])),
    )


def box_cfg(prim: str, size: tuple, pos: tuple, color: tuple, collides: bool) -> AssetBaseCfg:
    """A fixed box of the room."""
    return AssetBaseCfg(
        prim_path="{ENV_REGEX_NS}/" + prim,
        init_state=AssetBaseCfg.InitialStateCfg(pos=pos),
        spawn=sim_utils.CuboidCfg(
            size=size,
            collision_props=[
                UsdPhysicsCollisionCfg(),
                MujocoCollisionCfg(solref=MUJOCO_SOLREF, solimp=MUJOCO_SOLIMP),
            ]
            if collides
            else None,
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=color),
            physics_material=RigidBodyMaterialBaseCfg(
                static_friction=SURFACE_FRICTION, dynamic_friction=SURFACE_FRICTION
            ),
            semantic_tags=[("class", prim.lower())],
        ),
    )


def camera_cfg(
    spec: CameraSpec, renderer, overscan: float = 1.0, shading: bool = False, model: RobotModel | None = None
) -> CameraCfg:
    """An Isaac Lab camera with the calibration of ``spec``.

    Args:
        spec: the camera.
        renderer: its renderer's configuration.
        overscan: nominal over rendered focal length: more is drawn than the camera sees, for lenses that see more.
        shading: whether to draw what is needed to light the scene anew.
        model: the robot that carries it; None: the default one.
    """
    aperture = 20.955
    spawn = sim_utils.PinholeCameraCfg(
        focal_length=spec.focal_px / overscan / spec.width * aperture,
        horizontal_aperture=aperture,
        clipping_range=CLIPPING,
    )
    if spec.eye is not None:
        axes = look_at(torch.tensor([spec.eye]), torch.tensor([spec.target]))[0].numpy()
        path, position = "{ENV_REGEX_NS}/Camera_" + spec.name, spec.eye
    else:
        model = model or robot()
        mount: CameraMount = model.wrist_camera
        axes, position = mount.axes, mount.position
        path = "{ENV_REGEX_NS}/Robot/" + model.link_paths[mount.link] + "/Camera_" + spec.name
    rotation = tuple(Rotation.from_matrix(axes).as_quat().tolist())
    return CameraCfg(
        prim_path=path,
        offset=CameraCfg.OffsetCfg(pos=position, rot=rotation, convention="ros"),
        update_period=0.0,
        width=spec.width,
        height=spec.height,
        data_types=["rgb", "distance_to_image_plane", "instance_segmentation", *(SHADING if shading else ())],
        spawn=spawn,
        renderer_cfg=renderer,
        update_latest_camera_pose=True,
    )


@configclass
class SceneCfg(InteractiveSceneCfg):
    """Robot, table, room, the pool of bodies, two cameras; `fill` puts them there."""

    robot: ArticulationCfg | None = None
    table: AssetBaseCfg | None = None
    floor: AssetBaseCfg | None = None
    wall: AssetBaseCfg | None = None
    bodies: RigidObjectCollectionCfg | None = None
    front: CameraCfg | None = None
    wrist: CameraCfg | None = None

    def fill(self, model: RobotModel) -> None:
        """Everything but the cameras, as large as this robot's workspace."""
        size, place = model.workspace.scale, model.workspace
        self.robot = model.articulation("{ENV_REGEX_NS}/Robot")
        table, floor, wall = (
            tuple(size * side for side in sides) for sides in (TABLE_SIZE, FLOOR_SIZE, WALL_SIZE)
        )
        top = (*on_table(TABLE_CENTER, place), -table[2] / 2)
        self.table = box_cfg("Table", table, top, color=TABLE_COLOR, collides=True)
        below = (*on_table((0.0, 0.0), place), size * FLOOR_Z)
        self.floor = box_cfg("Floor", floor, below, color=ROOM_COLOR, collides=False)
        behind = (*on_table((WALL_X, 0.0), place), size * 1.0)
        self.wall = box_cfg("Wall", wall, behind, color=ROOM_COLOR, collides=False)
        self.bodies = RigidObjectCollectionCfg(
            rigid_objects={slot.name: slot_cfg(slot, i) for i, slot in enumerate(pool(size).values())}
        )
        for name in ("table", "floor", "wall"):
            path = getattr(self, name).prim_path + "/geometry/material"
            setattr(self, f"{name}_material", VisualMaterialCfg(prim_path=path, spawn=None))
        for name, body in self.bodies.rigid_objects.items():
            path = f"{body.prim_path}/{MATERIAL}"
            setattr(self, f"{name}_material", VisualMaterialCfg(prim_path=path, spawn=None))
        for name in model.material_colors():
            path = "{ENV_REGEX_NS}/Robot/Materials/" + name
            setattr(self, f"robot_{name}_material", VisualMaterialCfg(prim_path=path, spawn=None))


@configclass
class ActionsCfg:
    """One term: the action space."""

    command = EndEffectorDeltaActionCfg(asset_name="robot")


@configclass
class ObservationsCfg:
    """What reinforcement-learning wrappers of Isaac Lab see; the bench reads the environment directly."""

    @configclass
    class PolicyCfg(ObservationGroupCfg):
        """Proprioception."""

        joint_pos = ObservationTermCfg(func=mdp.joint_pos)
        joint_vel = ObservationTermCfg(func=terms.joint_vel)

    policy: PolicyCfg = PolicyCfg()


@configclass
class EventsCfg:
    """What happens at a reset."""

    begin_episode = EventTermCfg(func=terms.begin_episodes, mode="reset")


@configclass
class RewardsCfg:
    """A sparse reward."""

    success = RewardTermCfg(func=terms.success, weight=1.0)


@configclass
class TerminationsCfg:
    """Time only: success is a condition that the bench judges, not an end that it trusts."""

    time_out = TerminationTermCfg(func=mdp.time_out, time_out=True)


@configclass
class TabletopEnvCfg(ManagerBasedRLEnvCfg):
    """A robot at a table, and a task."""

    scene: SceneCfg = SceneCfg(num_envs=16, env_spacing=4.0, replicate_physics=True)
    actions: ActionsCfg = ActionsCfg()
    observations: ObservationsCfg = ObservationsCfg()
    events: EventsCfg = EventsCfg()
    rewards: RewardsCfg = RewardsCfg()
    terminations: TerminationsCfg = TerminationsCfg()
    renderer: RendererPresets = RendererPresets()
    task: str = DEFAULT
    """Name of the task (`tasks.registry`)."""
    robot: str = DEFAULT_ROBOT
    """Name of the robot (`robots.registry`)."""
    image_size: int = IMAGE_SIZE
    """Width and height of the camera images [px]."""
    overscan: dict[str, float] = {}
    """Nominal over rendered focal length by camera, 1 where it is left out."""
    shading: bool = False
    """Whether light and textures vary, which needs more outputs of the renderer."""

    def __post_init__(self):
        self.decimation = DECIMATION
        self.episode_length_s = 15.0
        self.sim = SimulationCfg(
            dt=PHYSICS_DT, device="cpu", render_interval=DECIMATION, physics=PhysicsPresets()
        )
        model = robot(self.robot)
        self.scene.fill(model)
        for spec in cameras_of(model, self.image_size):
            scale = self.overscan.get(spec.name, 1.0)
            setattr(self.scene, spec.name, camera_cfg(spec, RendererPresets(), scale, self.shading, model))


@configclass
class TabletopJointsEnvCfg(TabletopEnvCfg):
    """The same task with relative joint actions."""

    def __post_init__(self):
        super().__post_init__()
        self.actions.command = JointDeltaActionCfg(asset_name="robot")
