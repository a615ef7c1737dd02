"""The pick-and-place environment: `ManagerBasedRLEnv` plus named episodes and per-environment settings.

The environment runs whatever `Scene` it is given. `assign` names the scene that an environment begins at its next
reset; without one it begins a default scene, so that Isaac Lab's own commands can run it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from isaaclab.envs import ManagerBasedRLEnv
from isaaclab.utils.math import quat_from_matrix

from policy.action import ActionSpec
from robots.franka import PANDA
from robots.franka.articulation import ARM_DAMPING, ARM_STIFFNESS
from robots.franka.kinematics import forward, rotation_matrix
from tasks.cameras import CameraSpec, look_at
from tasks.engines.friction import write_friction
from tasks.engines.host_memory import allow_no_cuda
from tasks.episode import EpisodeSpec
from tasks.pick_place.compose import random_scene
from tasks.pick_place.progress import BodyTable, Progress, State
from tasks.pick_place.scene import COLORS, Scene
from tasks.pick_place.view import PrivilegedView
from tasks.pick_place.workspace import NOMINAL_FRICTION, PARKING, front_camera, pool, wrist_camera


class PickPlaceEnv(ManagerBasedRLEnv):
    """Franka pick and place, many environments at once.

    All positions in and out are in an environment's own frame: the robot base, x forward, z up.
    """

    def __init__(self, cfg, render_mode: str | None = None, **kwargs) -> None:
        allow_no_cuda()
        self.slots = pool()
        self.slot_index = {name: i for i, name in enumerate(self.slots)}
        self.scenes: list[Scene | None] = [None] * cfg.scene.num_envs
        self.default_scene: Callable[[int], Scene] = lambda k: random_scene(
            EpisodeSpec("pick_place", k, cfg.seed or 0)
        )
        """Gives the scene of the k-th episode that nobody assigned; by default one drawn evenly from the seed."""
        self._assigned: dict[int, Scene] = {}
        self._unassigned_count = 0
        self._joint_writes = 0
        self._friction_written = False
        self._tool: tuple[tuple[int, int], torch.Tensor, torch.Tensor] | None = None
        self.cameras: dict[str, CameraSpec] = {
            spec.name: spec for spec in (front_camera(cfg.image_size), wrist_camera(cfg.image_size))
        }
        super().__init__(cfg=cfg, render_mode=render_mode, **kwargs)

    def load_managers(self) -> None:
        table = BodyTable(
            height=self._per_slot(lambda s: s.height),
            half_diagonal=self._per_slot(
                lambda s: 0.5 * s.scale * float((s.body.visual.extents**2).sum()) ** 0.5
            ),
            inner_radius=self._per_slot(lambda s: s.body.inner_radius * s.scale),
            support_height=self._per_slot(lambda s: s.body.support_height * s.scale),
            is_receptacle=self._per_slot(lambda s: float(s.is_receptacle)).bool(),
        )
        self.progress = Progress(table, self.num_envs, self.step_dt, self.device)
        self.bodies = self.scene["bodies"]
        self.robot = self.scene["robot"]
        self._arm, _ = self.robot.find_joints(list(PANDA.arm_joints), preserve_order=True)
        self._fingers, _ = self.robot.find_joints(list(PANDA.finger_joints), preserve_order=True)
        self._hand = self.robot.find_bodies(PANDA.hand_body)[0][0]
        self._mass = self.bodies.data.body_mass.torch.clone().view(self.num_envs, -1)
        self._inertia = self.bodies.data.body_inertia.torch.clone().view(self.num_envs, -1, 9)
        self.camera_position: dict[str, torch.Tensor] = {}
        """Fixed cameras' positions ``[N, 3]`` [m], environment frame."""
        self.camera_rotation: dict[str, torch.Tensor] = {}
        """Fixed cameras' OpenCV axes as columns ``[N, 3, 3]``."""
        for name, spec in self.cameras.items():
            if spec.eye is not None:
                eye = torch.tensor([spec.eye], device=self.device)
                axes = look_at(eye, torch.tensor([spec.target], device=self.device))
                self.camera_position[name] = eye.repeat(self.num_envs, 1)
                self.camera_rotation[name] = axes.repeat(self.num_envs, 1, 1)
        super().load_managers()

    def _per_slot(self, value: Callable) -> torch.Tensor:
        return torch.tensor([value(slot) for slot in self.slots.values()], device=self.device)

    # -- episodes

    def assign(self, row: int, scene: Scene) -> None:
        """Name the scene that environment ``row`` begins at its next reset."""
        self._assigned[row] = scene

    def begin_episodes(self, rows: Sequence[int]) -> None:
        """Reset event: put robot and bodies of these environments where their next scenes want them."""
        if not self._friction_written:
            self._friction_written = True
            self.write_friction(range(self.num_envs), torch.full((self.num_envs,), NOMINAL_FRICTION))
        for row in rows:
            self.scenes[row] = self._assigned.pop(row, None) or self._next_default_scene()
        for row in rows:
            scene = self.scenes[row]
            self.progress.begin(
                row,
                target=self.slot_index[scene.target.slot],
                receptacle=self.slot_index[scene.receptacle.slot],
                active=[self.slot_index[p.slot] for p in scene.placements],
            )
        self.place_bodies(rows)
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        self.write_joints(ids, torch.tensor(PANDA.home, device=self.device).expand(len(rows), 7))
        self.paint(rows)

    def place_bodies(self, rows: Sequence[int]) -> None:
        """Put the pool where the scenes of these environments want it, what they do not use in the parking area.

        To be repeated after masses were changed: PhysX keeps a body's centre of mass in place then, by way of a
        rotation that remembers the inertia before, and the body moves by a rounding error.
        """
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        pose = self._parked(len(rows))
        for i, row in enumerate(rows):
            for p in self.scenes[row].placements:
                yaw = torch.tensor(p.yaw / 2)
                z = self.slots[p.slot].height / 2 + 0.0005
                pose[i, self.slot_index[p.slot]] = torch.tensor(
                    (p.x, p.y, z, 0.0, 0.0, torch.sin(yaw), torch.cos(yaw))
                )
        self.write_body_poses(ids, pose)

    def clear(self, rows: Sequence[int]) -> None:
        """Take everything off the tables of these environments and send their arms home.

        After one physics step like this an engine has forgotten all contacts. A body that is merely moved along the
        table keeps its old contact there, with the friction of the episode before in it, and the next episode would
        depend on that in its last digits.
        """
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        self.write_body_poses(ids, self._parked(len(rows)))
        self.write_joints(ids, torch.tensor(PANDA.home, device=self.device).expand(len(rows), 7))
        self.action_manager.get_term("command").reset(ids)

    def _parked(self, count: int) -> torch.Tensor:
        """Poses of the pool in the parking area ``[count, B, 7]``, apart from each other."""
        pose = torch.zeros(count, len(self.slots), 7, device=self.device)
        pose[..., :3] = torch.tensor(PARKING, device=self.device)
        pose[..., 0] += 0.3 * torch.arange(len(self.slots), device=self.device)
        pose[..., 6] = 1.0
        return pose

    def _next_default_scene(self) -> Scene:
        self._unassigned_count += 1
        return self.default_scene(self._unassigned_count - 1)

    # -- state in the environment's frame

    @property
    def action_spec(self) -> ActionSpec:
        """Meaning of the actions that `step` takes."""
        return self.action_manager.get_term("command").spec

    @property
    def joint_pos(self) -> torch.Tensor:
        """Arm joint positions ``[N, 7]`` [rad]."""
        return self.robot.data.joint_pos.torch[:, self._arm]

    @property
    def joint_vel(self) -> torch.Tensor:
        """Arm joint velocities ``[N, 7]`` [rad/s]."""
        return self.robot.data.joint_vel.torch[:, self._arm]

    @property
    def gripper_width(self) -> torch.Tensor:
        """Distance between the fingertips ``[N]`` [m]."""
        return self.robot.data.joint_pos.torch[:, self._fingers].sum(1)

    @property
    def body_pose(self) -> torch.Tensor:
        """Poses of the pool ``[N, B, 7]``: position [m], quaternion x y z w."""
        pose = self.bodies.data.body_link_pose_w.torch.clone()
        pose[..., :3] -= self.scene.env_origins[:, None]
        return pose

    @property
    def body_velocity(self) -> torch.Tensor:
        """Velocities of the pool ``[N, B, 6]``: linear [m/s], angular [rad/s]."""
        return self.bodies.data.body_link_vel_w.torch

    def tool(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Tool position ``[N, 3]`` [m] and rotation ``[N, 3, 3]``, from the joint positions."""
        instant = (self._sim_step_counter, self._joint_writes)
        if self._tool is None or self._tool[0] != instant:
            position, rotation, _ = forward(self.joint_pos)
            self._tool = (instant, position, rotation)
        return self._tool[1], self._tool[2]

    def update_progress(self) -> None:
        """Judge the state after a step; the reward term calls it, once per step."""
        self.progress.update(
            State(self.body_pose, self.body_velocity, self.tool()[0], self.gripper_width, self.joint_vel)
        )

    # -- writing state

    def write_body_poses(self, env_ids: torch.Tensor, pose: torch.Tensor) -> None:
        """Place the whole pool ``[n, B, 7]`` at rest."""
        pose = pose.clone()
        pose[..., :3] += self.scene.env_origins[env_ids][:, None]
        self.bodies.write_body_link_pose_to_sim_index(body_poses=pose, env_ids=env_ids)
        self.bodies.write_body_com_velocity_to_sim_index(
            body_velocities=torch.zeros(*pose.shape[:2], 6, device=self.device), env_ids=env_ids
        )

    def write_joints(
        self, env_ids: torch.Tensor, arm: torch.Tensor, width: float | torch.Tensor = 0.08
    ) -> None:
        """Put the robot at arm positions ``[n, 7]`` [rad] and finger distance [m], at rest, and command it to stay."""
        self._joint_writes += 1
        position = torch.empty(len(env_ids), 9, device=self.device)
        position[:, self._arm] = arm
        half = torch.as_tensor(width, device=self.device) / 2
        position[:, self._fingers] = (
            half.expand(len(env_ids), 2) if half.dim() == 0 else half[:, None].expand(-1, 2)
        )
        self.robot.write_joint_position_to_sim_index(position=position, env_ids=env_ids)
        self.robot.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(position), env_ids=env_ids)
        self.robot.set_joint_position_target_index(target=position, env_ids=env_ids)
        self.robot.set_joint_velocity_target_index(target=torch.zeros_like(position), env_ids=env_ids)

    def show(self, env_ids: torch.Tensor, arm: torch.Tensor, width: torch.Tensor, pose: torch.Tensor) -> None:
        """Set the state of some environments without simulating, so that cameras see it.

        Args:
            env_ids: environments ``[n]``.
            arm: arm joint positions ``[n, 7]`` [rad].
            width: fingertip distances ``[n]`` [m].
            pose: poses of the whole pool ``[n, B, 7]``.
        """
        self.write_joints(env_ids, arm, width)
        self.write_body_poses(env_ids, pose)
        self.scene.write_data_to_sim()
        self.sim.forward()
        self.scene.update(dt=self.physics_dt)

    # -- appearance

    def paint(self, rows: Sequence[int]) -> None:
        """Give every body of these environments the colour of its scene."""
        color = torch.full((len(self.slots), len(rows), 3), 0.5)
        for i, row in enumerate(rows):
            for p in self.scenes[row].placements:
                color[self.slot_index[p.slot], i] = torch.tensor(COLORS[p.color])
        self.write_colors(list(self.slots), color, rows)

    def write_colors(self, names: Sequence[str], srgb: torch.Tensor, rows: Sequence[int]) -> None:
        """Colours of bodies, ``table``, ``floor`` or ``wall``: sRGB in [0, 1] ``[len(names), len(rows), 3]``."""
        materials = [self.scene[f"{name}_material"] for name in names]
        linear = torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
        ids = torch.tensor(rows, dtype=torch.int32, device=self.device)
        self.sim.render_context.write_visual_materials(materials, {"color": linear.to(self.device)}, ids)

    def aim_camera(self, name: str, rows: Sequence[int], eye: torch.Tensor, rotation: torch.Tensor) -> None:
        """Move a fixed camera: position ``[n, 3]`` [m] and OpenCV rotation ``[n, 3, 3]``, environment frame."""
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        self.camera_position[name][ids], self.camera_rotation[name][ids] = eye, rotation
        if name in self.scene.sensors:
            self.scene[name].set_world_poses(
                eye + self.scene.env_origins[ids],
                quat_from_matrix(rotation),
                ids.to(torch.int32),
                convention="ros",
            )

    def image(self, name: str) -> torch.Tensor:
        """What a camera sees now: RGB ``[N, H, W, 3]`` uint8. Rendered when asked for, at most once per state."""
        # A copy: the renderer draws the next image into the same memory.
        return self.scene[name].data.output["rgb"].torch.clone()

    def displace_camera(
        self,
        name: str,
        rows: Sequence[int],
        position: torch.Tensor | None = None,
        turn: torch.Tensor | None = None,
    ) -> None:
        """Move a fixed camera from its calibrated pose: by a world vector ``[n, 3]`` [m], by a rotation vector about
        its own axes ``[n, 3]`` [rad]; what is not given stays as it was.
        """
        spec = self.cameras[name]
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        nominal = torch.tensor([spec.eye], device=self.device)
        axes = look_at(nominal, torch.tensor([spec.target], device=self.device))
        eye = self.camera_position[name][ids] if position is None else nominal + position.to(self.device)
        rotation = self.camera_rotation[name][ids]
        if turn is not None:
            # One by one: batched arithmetic rounds by batch size, and an episode must not depend on its company.
            rotation = torch.cat(
                [axes @ rotation_matrix(t[None].double()).float() for t in turn.to(self.device)]
            )
        self.aim_camera(name, rows, eye, rotation)

    # -- physics

    def scale_masses(self, rows: Sequence[int], scale: torch.Tensor) -> None:
        """Mass and inertia of every object against nominal ``[n]``; receptacles keep theirs."""
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        factor = torch.where(self.progress.bodies.is_receptacle, 1.0, scale.to(self.device)[:, None])
        self.bodies.set_masses_index(masses=self._mass[ids] * factor, env_ids=ids)
        self.bodies.set_inertias_index(inertias=self._inertia[ids] * factor[..., None], env_ids=ids)

    def write_friction(self, rows: Sequence[int], friction: torch.Tensor) -> None:
        """Sliding friction of every object against table, receptacles and fingers ``[n]`` [1]."""
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        objects = [i for i, slot in enumerate(self.slots.values()) if not slot.is_receptacle]
        write_friction(self, self.bodies, ids, objects, friction)

    def scale_arm_gains(self, rows: Sequence[int], scale: torch.Tensor) -> None:
        """Stiffness and damping of the arm joints against nominal ``[n]``."""
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        ones = scale.to(self.device)[:, None].expand(-1, len(self._arm))
        for gain, write in (
            (
                ARM_STIFFNESS,
                lambda v: self.robot.write_joint_stiffness_to_sim_index(
                    stiffness=v, joint_ids=self._arm, env_ids=ids
                ),
            ),
            (
                ARM_DAMPING,
                lambda v: self.robot.write_joint_damping_to_sim_index(
                    damping=v, joint_ids=self._arm, env_ids=ids
                ),
            ),
        ):
            write((gain * ones).contiguous())

    # -- what scripted policies see

    def privileged_view(self, rows: Sequence[int], camera: str = "front") -> PrivilegedView:
        """The simulator's state for some environments."""
        ids = torch.tensor(rows, dtype=torch.long, device=self.device)
        spec = self.cameras[camera]
        return PrivilegedView(
            slots=tuple(self.slots.values()),
            body_pose=self.body_pose[ids],
            active=self.progress.active[ids],
            target=self.progress.target[ids],
            receptacle=self.progress.receptacle[ids],
            in_place=self.progress.in_place[ids],
            tool=self.tool()[0][ids],
            camera=camera,
            image_size=(spec.width, spec.height),
            intrinsics=spec.intrinsics().to(self.device),
            camera_position=self.camera_position[camera][ids],
            camera_rotation=self.camera_rotation[camera][ids],
        )
