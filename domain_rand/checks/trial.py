"""`Trial`: an environment of the reference arm, with joint actions, as a laboratory.

Every environment has another value of one factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from domain_rand.factor import REGISTRY, Value
from tasks.episode import EpisodeSpec
from tasks.imaging.color import decode
from tasks.poses import rotate
from tasks.tabletop.composition import random_scene
from tasks.tabletop.imaging import FIXED_BODIES
from tasks.tabletop.reference import JOINTS, REFERENCE
from tasks.tabletop.scene import Placement, Scene

BRICK, CUBE = "brick_large", "cube_large"
TABLE_SCENE = Scene(
    target=Placement(CUBE, "red", 0.45, -0.12, 0.0),
    receptacle=Placement("plate", "blue", 0.55, 0.12, 0.0),
    distractors=(Placement("cylinder_small", "green", 0.60, -0.14, 0.0),),
)
"""What stands on the table unless a check wants something else."""
ELBOW, WRIST = 3, JOINTS - 1
"""Joints of the arm that are moved: what lies beyond the one is heavy; the other, the last, is felt by none."""
SEEDS = (11, 22, 33, 44, 55, 66, 77, 88)


def only(joint: int, value: float) -> list[float]:
    """A vector of joints in which one has a value and the others 0."""
    return [value if j == joint else 0.0 for j in range(JOINTS)]


class Trial:
    """Helpers for checks. All tensors over environments; positions in the table's frame."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.num_envs = env.num_envs
        self.ids = torch.arange(env.num_envs, device=env.device)
        self._factor: str | None = None

    def begin(self, factor: str, values: Sequence[Value], scene: Scene = TABLE_SCENE) -> None:
        """Start episodes that differ in this factor alone."""
        rows = list(range(self.num_envs))
        self.begin_scenes([scene] * self.num_envs)
        if self._factor is not None:
            self.undo()
        self._factor = factor
        if REGISTRY[factor].nominal is not None:
            REGISTRY[factor]().apply(self.env, rows, list(values))
        self.env.commit(rows, SEEDS[: self.num_envs])

    def begin_scenes(self, scenes: Sequence[Scene]) -> None:
        """Start episodes with these scenes, one an environment, at whatever settings are in force."""
        for row, scene in enumerate(scenes):
            self.env.assign(row, scene)
        self.env.reset()

    def undo(self) -> None:
        """Take the last factor back to nominal."""
        cls = REGISTRY[self._factor] if self._factor else None
        if cls is not None and cls.nominal is not None:
            cls().apply(self.env, list(range(self.num_envs)), [cls.nominal] * self.num_envs)
            self.env.commit(list(range(self.num_envs)), SEEDS[: self.num_envs])

    def scene_of(self, index: int) -> Scene:
        """A scene drawn at random."""
        return random_scene(EpisodeSpec("check", index, 0), self.env.task)

    # -- acting

    def step(
        self, joints: torch.Tensor | float = 0.0, joint: int | None = None, gripper: float = 1.0
    ) -> None:
        """One control step: add ``joints`` [rad] to the command, of one joint or all ``[N, J]``."""
        action = torch.zeros(self.num_envs, JOINTS + 1, device=self.env.device)
        if joint is None:
            action[:, :JOINTS] = joints
        else:
            action[:, joint] = joints
        action[:, JOINTS] = gripper
        self.env.episode_length_buf[:] = 0
        self.env.step(action)

    def idle(self, steps: int, gripper: float = 1.0) -> None:
        """Hold still."""
        for _ in range(steps):
            self.step(gripper=gripper)

    def displace(self, joint: int, by: float) -> torch.Tensor:
        """Put a joint of the arm this far from where it is [rad], at rest, its command unchanged; positions ``[N]``."""
        robot, column = self.env.robot, self.env.arm_joint_ids[joint]
        position = robot.data.joint_pos.torch.clone()
        position[:, column] += by
        robot.write_joint_position_to_sim_index(position=position, env_ids=self.ids)
        robot.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(position), env_ids=self.ids)
        return position[:, column].clone()

    @property
    def hand_links(self) -> list[str]:
        """Links of the hand: the one that carries the tool, then those of the gripper's joints."""
        names = list(self.env.robot.body_names)
        return names[names.index(REFERENCE.spec.hand_body) :]

    # -- bodies

    def place(
        self,
        slot: str,
        position: tuple[float, float, float],
        velocity: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        """Put one body there, alone, moving."""
        k = self.env.slot_index[slot]
        pose = self.env.parked(self.num_envs)
        pose[:, k] = torch.tensor((*position, 0.0, 0.0, 0.0, 1.0), device=self.env.device)
        self.env.write_body_poses(self.ids, pose)
        speed = torch.zeros(self.num_envs, len(self.env.slots), 6, device=self.env.device)
        speed[:, k, :3] = torch.tensor(velocity, device=self.env.device)
        self.env.bodies.write_body_com_velocity_to_sim_index(body_velocities=speed, env_ids=self.ids)

    def position(self, slot: str) -> torch.Tensor:
        """Where a body is ``[N, 3]`` [m]."""
        return self.env.body_pose_on_table[:, self.env.slot_index[slot], :3]

    def velocity(self, slot: str) -> torch.Tensor:
        """How a body moves ``[N, 6]`` [m/s, rad/s]."""
        return self.env.body_velocity[:, self.env.slot_index[slot]].clone()

    def push(
        self, slot: str, force: tuple[float, float, float], torque: tuple[float, float, float] = (0, 0, 0)
    ) -> None:
        """Push a body at its centre of mass from now on [N, N m]; takes the place of all other forces on bodies."""
        forces = torch.zeros(self.num_envs, len(self.env.slots), 3, device=self.env.device)
        torques = torch.zeros_like(forces)
        k = self.env.slot_index[slot]
        forces[:, k] = torch.tensor(force, device=self.env.device)
        torques[:, k] = torch.tensor(torque, dtype=torch.float32, device=self.env.device)
        self.env.bodies.permanent_wrench_composer.set_forces_and_torques_index(
            forces=forces, torques=torques, is_global=True
        )

    def push_link(
        self,
        link: str,
        force: Sequence[float] | torch.Tensor = (0.0, 0.0, 0.0),
        torque: Sequence[float] = (0.0, 0.0, 0.0),
    ) -> None:
        """Push and twist a link of the robot from now on, world axes ``[3]`` [N, N m].

        Where the force acts is the engine's choice: Newton's is the centre of mass, OvPhysX's the link's origin.
        """
        ids, _ = self.env.robot.find_bodies([link])
        values = []
        for given in (force, torque):
            value = torch.as_tensor(given, dtype=torch.float32, device=self.env.device)
            values.append(value.expand(self.num_envs, 3)[:, None].contiguous())
        self.env.robot.permanent_wrench_composer.set_forces_and_torques_index(
            forces=values[0], torques=values[1], body_ids=ids, is_global=True
        )

    def center_of_mass(self, link: str) -> torch.Tensor:
        """Centre of mass of a link of the robot ``[N, 3]`` [m]."""
        ids, _ = self.env.robot.find_bodies([link])
        return self.env.robot.data.body_com_pose_w.torch[:, ids[0], :3] - self.env.scene.env_origins

    def link_pose(self, link: str) -> torch.Tensor:
        """Pose of a link ``[N, 7]`` as the engine has it."""
        ids, _ = self.env.robot.find_bodies([link])
        pose = self.env.robot.data.body_link_pose_w.torch[:, ids[0]].clone()
        pose[:, :3] -= self.env.scene.env_origins
        return pose

    # -- pictures

    def picture(self, camera: str = "front") -> torch.Tensor:
        """What a camera delivers, in linear light ``[N, H, W, 3]``, in [0, 1]."""
        return decode(self.env.image(camera))

    def drawn(self, camera: str = "front") -> torch.Tensor:
        """The radiance that the renderer drew ``[N, H, W, 3]``, unclipped, pixel for pixel as in `picture`."""
        radiance = self.env.scene[camera].data.output["rgb_hdr"].torch.clone()
        return self.env.imaging.pipelines[camera].apply_labels(radiance)

    def mask(self, what: str, camera: str = "front") -> torch.Tensor:
        """Pixels ``[N, H, W]`` that show a body of the pool, or one of `FIXED_BODIES`."""
        names = [*self.env.slots, *FIXED_BODIES]
        return self.env.labels(camera) == names.index(what)

    def mean(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Mean colour ``[N, 3]`` of an image ``[N, H, W, 3]`` where the mask says."""
        weight = mask[..., None].float()
        return (image * weight).sum((1, 2)) / weight.sum((1, 2))

    def box_center(self, slot: str, camera: str = "front") -> torch.Tensor:
        """Middle of the box around what a camera shows of a body ``[N, 2]`` [px]."""
        centers = []
        for mask in self.mask(slot, camera):
            v, u = mask.nonzero().float().unbind(1)
            centers.append(torch.stack(((u.min() + u.max() + 1) / 2, (v.min() + v.max() + 1) / 2)))
        return torch.stack(centers)

    def vertices(self, slot: str) -> torch.Tensor:
        """Corners of a body's surface ``[N, V, 3]`` [m] where the engine has it."""
        body = self.env.slots[slot]
        local = torch.as_tensor(body.body.visual.vertices * body.scale, dtype=torch.float32)
        pose = self.env.body_pose_on_table[:, self.env.slot_index[slot]].cpu()
        return pose[:, None, :3] + rotate(pose[:, None, 3:], local[None])
