"""`SimulatedScene`: reading and writing the state of robot, bodies, cameras and colours, whatever the engine.

Frames: the *table*'s, in which scenes are composed; the robot *base*'s, x forward and z up, in which everything is told
to policies; they are the same unless a layout moves the robot.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from isaaclab.envs import ManagerBasedRLEnv
from isaaclab.utils.math import quat_from_matrix

from policy.action import ActionSpec
from robots.registry import robot
from tasks.camera_spec import CameraSpec
from tasks.engines.actor_order import add_bodies_in_order
from tasks.engines.delayed_renderer import DelayedWarpRenderer
from tasks.engines.host_memory import allow_no_cuda
from tasks.engines.presets import engine_name
from tasks.engines.robot_base import write_robot_base
from tasks.imaging.color import srgb_to_linear
from tasks.poses import compose, matrix, product, relative, rotate
from tasks.tabletop.imaging import Imaging
from tasks.tabletop.layout import Layout
from tasks.tabletop.workspace import PARKING, cameras_of, pool


class SimulatedScene(ManagerBasedRLEnv):
    """Handles on the simulated things, and their state as tensors over the ``N`` environments."""

    def __init__(self, cfg, render_mode: str | None = None, **kwargs) -> None:
        allow_no_cuda()
        self.robot_model = robot(cfg.robot)
        """Which robot it is."""
        self._kinematics, self._hand = self.robot_model.kinematics(), self.robot_model.hand()
        self.slots = pool(self.robot_model.workspace.scale)
        self.slot_index = {name: i for i, name in enumerate(self.slots)}
        self._joint_writes = 0
        self._tool: tuple[tuple[int, int], torch.Tensor, torch.Tensor] | None = None
        self.cameras: dict[str, CameraSpec] = {
            spec.name: spec for spec in cameras_of(self.robot_model, cfg.image_size)
        }
        super().__init__(cfg=cfg, render_mode=render_mode, **kwargs)

    def load_managers(self) -> None:
        """Find everything in the built scene; called by Isaac Lab before the first reset."""
        self.bodies = self.scene["bodies"]
        if engine_name(self.cfg) == "ovphysx" and self.device == "cpu":
            add_bodies_in_order(self.bodies)
        self.robot = self.scene["robot"]
        spec = self.robot_model.spec
        self.arm_joint_ids, _ = self.robot.find_joints(list(spec.arm_joints), preserve_order=True)
        self.finger_joint_ids, _ = self.robot.find_joints(list(spec.finger_joints), preserve_order=True)
        self.hand_id = self.robot.find_bodies(spec.hand_body)[0][0]
        self.layout = Layout(self.num_envs, self.device, self.cameras, self.robot_model)
        self.imaging = Imaging(self.num_envs, self.device, self.cameras, len(self.slots), self.cfg.overscan)
        self._robot_colors = self.robot_model.material_colors()
        self._joints_before = self.robot.data.joint_pos.torch.clone()
        super().load_managers()

    @property
    def camera_position(self) -> dict[str, torch.Tensor]:
        """Fixed cameras' positions ``[N, 3]`` [m], base frame."""
        return self.layout.camera_position

    @property
    def camera_rotation(self) -> dict[str, torch.Tensor]:
        """Fixed cameras' OpenCV axes as columns ``[N, 3, 3]``, base frame."""
        return self.layout.camera_rotation

    # -- reading

    @property
    def action_spec(self) -> ActionSpec:
        """Meaning of the actions that `step` takes."""
        return self.action_manager.get_term("command").spec

    @property
    def joint_pos(self) -> torch.Tensor:
        """Arm joint positions ``[N, J]`` [rad]."""
        return self.robot.data.joint_pos.torch[:, self.arm_joint_ids]

    @property
    def joint_vel(self) -> torch.Tensor:
        """Arm joint velocities ``[N, J]`` [rad/s]: see `all_joint_vel`."""
        return self.all_joint_vel[:, self.arm_joint_ids]

    @property
    def all_joint_vel(self) -> torch.Tensor:
        """Velocities of all joints ``[N, J + G]`` [rad/s, m/s]: by how much positions changed in the last physics step.

        Derived as an encoder's are, since what PhysX says of a joint with much friction is not how it moves: up to nine
        times that under viscous friction of 100 N m s/rad. Errors: half a physics step of acceleration, since it is the
        mean over the step, and 5e-5 rad/s, since positions are rounded to single precision. Zero after a reset.
        """
        steps = self.cfg.decimation if self._physics_handles_decimation else 1
        return (self.robot.data.joint_pos.torch - self._joints_before) / (steps * self.physics_dt)

    def remember_joints(self) -> None:
        """Keep the joints' positions before the last physics step of a control step; called before each."""
        if self._sim_step_counter % self.cfg.decimation == 0:  # counted before a step
            self._joints_before.copy_(self.robot.data.joint_pos.torch)

    @property
    def gripper_width(self) -> torch.Tensor:
        """Distance between the fingertips ``[N]`` [m]."""
        return self._hand.width(self.finger_pos)

    @property
    def finger_pos(self) -> torch.Tensor:
        """Positions of the gripper's joints ``[N, G]`` [rad or m]."""
        return self.robot.data.joint_pos.torch[:, self.finger_joint_ids]

    @property
    def body_pose_on_table(self) -> torch.Tensor:
        """Poses of the pool ``[N, B, 7]`` in the table frame: position [m], quaternion x y z w."""
        pose = self.bodies.data.body_link_pose_w.torch.clone()
        pose[..., :3] -= self.scene.env_origins[:, None]
        return pose

    @property
    def body_pose(self) -> torch.Tensor:
        """Poses of the pool ``[N, B, 7]`` in the base frame: position [m], quaternion x y z w."""
        return relative(self.layout.base[:, None], self.body_pose_on_table)

    @property
    def body_velocity(self) -> torch.Tensor:
        """Velocities of the pool ``[N, B, 6]`` in the table frame: linear [m/s], angular [rad/s]."""
        return self.bodies.data.body_link_vel_w.torch

    def tool(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Tool position ``[N, 3]`` [m] and rotation ``[N, 3, 3]`` in the base frame, from the true joint positions."""
        instant = (self._sim_step_counter, self._joint_writes)
        if self._tool is None or self._tool[0] != instant:
            position, rotation, _ = self._kinematics.forward(self.joint_pos)
            self._tool = (instant, position, rotation)
        return self._tool[1], self._tool[2]

    @property
    def tool_on_table(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Tool position ``[N, 3]`` [m] and rotation ``[N, 3, 3]`` in the table frame."""
        base, (position, rotation) = self.layout.base, self.tool()
        return base[:, :3] + rotate(base[:, 3:], position), product(matrix(base[:, 3:]), rotation)

    def image(self, name: str, idle: Collection[int] = ()) -> torch.Tensor:
        """What a camera delivers now: RGB ``[N, H, W, 3]`` uint8. Rendered when asked for, at most once per state.

        What environments in ``idle`` get until the state changes is not said; on a CPU they cost nothing then.
        """
        self._age_images(name, idle)
        return self.imaging.deliver(name, self, idle)

    def depth(self, name: str) -> torch.Tensor:
        """The depth image that a camera delivers now ``[N, H, W]`` [m]; 0 is unknown."""
        self._age_images(name)
        return self.imaging.deliver_depth(name, self)

    def labels(self, name: str) -> torch.Tensor:
        """Which body each pixel of a camera's image shows ``[N, H, W]``: see `Imaging.deliver_labels`."""
        self._age_images(name)
        return self.imaging.deliver_labels(name, self)

    def _renderer(self, name: str):
        return self.sim.get_or_create_backend(self.scene[name].cfg.renderer_cfg)

    def _age_images(self, name: str, idle: Collection[int] = ()) -> None:
        """Tell the renderer how old the next image is to be; the Warp renderer alone can draw the past, and in part."""
        renderer = self._renderer(name)
        if isinstance(renderer, DelayedWarpRenderer):
            renderer.ages = self.imaging.ages if self.imaging.late else None
            renderer.leave_out(idle)
            data = self.scene[name]._render_data
            if data is not None:
                data.without_rgb = self.imaging.pipelines[name].ignores_rgb()

    def remember_poses(self) -> None:
        """Keep the present poses for images that come late, if any do."""
        if self.imaging.late:
            for renderer in {id(r): r for r in map(self._renderer, self.imaged)}.values():
                renderer.remember()

    @property
    def imaged(self) -> list[str]:
        """Names of the cameras that the scene has."""
        return [name for name in self.cameras if name in self.scene.sensors]

    def shown_poses(self, name: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """World poses of the pool ``[N, B, 7]`` and of a camera (position ``[N, 3]``, OpenCV axes ``[N, 3, 3]``) in its
        last image.
        """
        sensor = self.scene[name]
        drawn = sensor._render_data
        pool = self.bodies.data.body_link_pose_w.torch
        position, rotation = sensor.data.pos_w.torch, matrix(sensor.data.quat_w_ros.torch)
        if getattr(drawn, "shown_bodies", None) is None:
            return pool, position, rotation
        camera = drawn.shown_cameras
        flip = torch.tensor((1.0, -1.0, -1.0), device=camera.device)  # OpenGL's camera looks back, with y up
        # Environments that are not late keep the poses they have when nobody is: both round in their own way.
        late = self.imaging.ages.to(camera.device)[:, None] > 0
        return (
            torch.where(late[..., None], drawn.shown_bodies[self._drawn_rows(name)], pool),
            torch.where(late, camera[:, :3], position),
            torch.where(late[..., None], matrix(camera[:, 3:]) * flip, rotation),
        )

    def _drawn_rows(self, name: str) -> torch.Tensor:
        """Which of the bodies that a camera's renderer draws are the pool's ``[N, B]``."""
        drawn = self.scene[name]._render_data
        if getattr(drawn, "pool_rows", None) is None:
            labels = self._renderer(name).backend.model.body_label
            rows = {tuple(label.split("/")[-2:]): i for i, label in enumerate(labels)}
            drawn.pool_rows = torch.tensor(
                [[rows[f"env_{env}", f"Body_{slot}"] for slot in self.slots] for env in range(self.num_envs)]
            )
        return drawn.pool_rows

    def calibration(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Calibration ``[N, 3, 3]`` [px] and radial distortion ``[N]`` of a camera's images."""
        pipeline = self.imaging.pipelines[name]
        return pipeline.calibration, pipeline.k1

    # -- writing

    def parked(self, count: int) -> torch.Tensor:
        """Poses of the pool in the parking area ``[count, B, 7]``, apart from each other."""
        pose = torch.zeros(count, len(self.slots), 7, device=self.device)
        pose[..., :3] = torch.tensor(PARKING, device=self.device)
        pose[..., 0] += 0.3 * torch.arange(len(self.slots), device=self.device)
        pose[..., 6] = 1.0
        return pose

    def write_body_poses(self, env_ids: torch.Tensor, pose: torch.Tensor) -> None:
        """Place the whole pool ``[n, B, 7]``, table frame, at rest."""
        pose = pose.clone()
        pose[..., :3] += self.scene.env_origins[env_ids][:, None]
        self.bodies.write_body_link_pose_to_sim_index(body_poses=pose, env_ids=env_ids)
        self.bodies.write_body_com_velocity_to_sim_index(
            body_velocities=torch.zeros(*pose.shape[:2], 6, device=self.device), env_ids=env_ids
        )

    def write_joints(
        self, env_ids: torch.Tensor, arm: torch.Tensor, width: torch.Tensor | None = None
    ) -> None:
        """Put the robot at arm positions ``[n, J]`` [rad] and gripper widths ``[n]`` [m], at rest, to stay there.

        Without a width the gripper is opened.
        """
        self._joint_writes += 1
        count = len(self.arm_joint_ids) + len(self.finger_joint_ids)
        position = torch.empty(len(env_ids), count, device=self.device)
        position[:, self.arm_joint_ids] = arm
        if width is None:
            width = torch.full((len(env_ids),), self.robot_model.gripper.open_width)
        position[:, self.finger_joint_ids] = self._hand.joints_at(width.to(position))
        self._joints_before[env_ids] = position
        self.robot.write_joint_position_to_sim_index(position=position, env_ids=env_ids)
        self.robot.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(position), env_ids=env_ids)
        self.robot.set_joint_position_target_index(target=position, env_ids=env_ids)
        self.robot.set_joint_velocity_target_index(target=torch.zeros_like(position), env_ids=env_ids)

    def write_layout(self, ids: torch.Tensor) -> None:
        """Stand robots and fixed cameras of these environments where their layout wants them."""
        self.layout.solve(ids)
        base = self.layout.base[ids].clone()
        axes = matrix(base[:, 3:])
        base[:, :3] += self.scene.env_origins[ids]
        write_robot_base(self, self.robot, ids, base)
        for name in self.layout.fixed:
            if name in self.scene.sensors:
                eye = base[:, :3] + rotate(base[:, 3:], self.layout.camera_position[name][ids])
                turned = product(axes, self.layout.camera_rotation[name][ids])
                self.scene[name].set_world_poses(
                    eye, quat_from_matrix(turned), ids.to(torch.int32), convention="ros"
                )

    def show(self, env_ids: torch.Tensor, arm: torch.Tensor, width: torch.Tensor, pose: torch.Tensor) -> None:
        """Set the state of some environments without simulating, so that cameras see it.

        Args:
            env_ids: environments ``[n]``.
            arm: arm joint positions ``[n, J]`` [rad].
            width: gripper widths ``[n]`` [m].
            pose: poses of the whole pool ``[n, B, 7]``, base frame.
        """
        self.write_joints(env_ids, arm, width)
        self.write_body_poses(env_ids, compose(self.layout.base[env_ids][:, None], pose))
        self.scene.write_data_to_sim()
        self.sim.forward()
        self.scene.update(dt=self.physics_dt)

    def write_colors(self, names: Sequence[str], srgb: torch.Tensor, rows: Sequence[int]) -> None:
        """Colours of bodies, ``table``, ``floor`` or ``wall``: sRGB in [0, 1] ``[len(names), len(rows), 3]``."""
        materials = [self.scene[f"{name}_material"] for name in names]
        linear = srgb_to_linear(srgb)
        ids = torch.tensor(rows, dtype=torch.int32, device=self.device)
        self.sim.render_context.write_visual_materials(materials, {"color": linear.to(self.device)}, ids)

    def tint_robot(self, rows: Sequence[int], tint: torch.Tensor) -> None:
        """Multiply the linear colours of the robot's materials ``[n, 3]``."""
        materials = [self.scene[f"robot_{name}_material"] for name in self._robot_colors]
        own = torch.tensor(list(self._robot_colors.values()))
        color = (own[:, None] * tint[None]).clamp(0.0, 1.0)
        ids = torch.tensor(rows, dtype=torch.int32, device=self.device)
        self.sim.render_context.write_visual_materials(materials, {"color": color.to(self.device)}, ids)
