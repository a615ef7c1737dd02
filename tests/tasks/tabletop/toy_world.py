"""A world without physics, in which experts carry objects."""

import numpy as np
import pytest
import torch

from policy.contract import Observation
from robots.franka import PANDA
from robots.franka.kinematics import forward, rotation_matrix
from tasks.cameras import look_at
from tasks.episode import EpisodeSpec
from tasks.pick_place.progress import Progress
from tasks.poses import relative
from tasks.tabletop.action_spaces import DELTA_EEF, DELTA_JOINTS
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.composition import random_scene
from tasks.tabletop.judge import State
from tasks.tabletop.view import PrivilegedView
from tasks.tabletop.workspace import PARKING, front_camera, pool

DT = 0.05
MAX_STEPS = 300
SLOTS = tuple(pool().values())
ROW = {slot.name: i for i, slot in enumerate(SLOTS)}
CAMERA = front_camera()
GRASP_REACH = (
    0.012  # [m] of the tool from a grasp point, horizontally, within which closing the hand holds the object
)


BODIES = BodyTable(SLOTS)


class ToyWorld:
    """``n`` scenes; actions are clipped to their limits and carried out exactly and at once."""

    judge = Progress

    def __init__(self, scenes, spec=DELTA_EEF):
        n = len(scenes)
        self.spec, self.n = spec, n
        self.pose = torch.zeros(n, len(SLOTS), 7)
        self.pose[..., :3], self.pose[..., 6] = torch.tensor(PARKING), 1.0
        self.progress = self.judge(BODIES, n, DT)
        for row, scene in enumerate(scenes):
            for p in scene.placements:
                k = ROW[p.slot]
                at = (p.x, p.y, SLOTS[k].height / 2, 0, 0, np.sin(p.yaw / 2), np.cos(p.yaw / 2))
                self.pose[row, k] = torch.tensor(at)
            self.progress.begin(
                row,
                ROW[scene.target.slot],
                ROW[scene.receptacle.slot],
                [ROW[p.slot] for p in scene.placements],
            )
        self.scenes = scenes
        self.joints = torch.tensor([PANDA.home]).repeat(n, 1)
        self.position, self.rotation, _ = forward(self.joints)
        self.width = torch.full((n,), PANDA.gripper_max_width)
        self.held: list[torch.Tensor | None] = [None] * n
        """Place of the held object relative to the tool [m]."""
        self.step_count = torch.zeros(n, dtype=torch.long)
        eye = torch.tensor([CAMERA.eye]).expand(n, 3)
        self.camera = eye, look_at(eye, torch.tensor([CAMERA.target]).expand(n, 3))

    def view(self):
        p = self.progress
        return PrivilegedView(
            slots=SLOTS,
            body_pose=self.pose.clone(),
            active=p.active,
            target=p.target,
            receptacle=p.receptacle,
            in_place=p.in_place,
            tool=self.position,
            table_z=torch.zeros(self.n),
            camera=CAMERA.name,
            image_size=(CAMERA.width, CAMERA.height),
            intrinsics=CAMERA.intrinsics().expand(self.n, 3, 3),
            distortion=torch.zeros(self.n),
            camera_position=self.camera[0],
            camera_rotation=self.camera[1],
        )

    def observe(self):
        return Observation(
            env_ids=range(self.n),
            step=self.step_count.clone(),
            instruction=[scene.instruction for scene in self.scenes],
            joint_pos=self.joints,
            joint_vel=torch.zeros(self.n, 7),
            gripper_width=self.width,
            ee_pose=torch.cat(
                (self.position, torch.zeros(self.n, 4)), 1
            ),  # the expert reads the position only
            privileged={"view": self.view()},
        )

    def step(self, actions):
        low, high = torch.tensor(self.spec.low).float(), torch.tensor(self.spec.high).float()
        actions = actions.clamp(low, high)
        before = self.pose.clone()
        if self.spec.name == DELTA_JOINTS.name:
            self.joints = self.joints + actions[:, :-1]
            self.position, self.rotation, _ = forward(self.joints)
        else:
            self.position = self.position + actions[:, :3]
            self.rotation = rotation_matrix(actions[:, 3:6]) @ self.rotation
        self.handle(actions)
        self.step_count += 1
        velocity = torch.zeros(self.n, len(SLOTS), 6)
        velocity[..., :3] = (self.pose - before)[..., :3] / DT
        fingers = self.width[:, None].expand(-1, 2) / 2
        state = State(self.pose, velocity, self.position, self.rotation, fingers, torch.zeros(self.n, 7))
        self.progress.update(state)

    def handle(self, actions):
        """What the hand, which has moved, does to the objects: it holds them."""
        grasps = torch.stack([self.view().grasp_point(torch.full((self.n,), g)) for g in range(8)])
        close = (grasps[..., :2] - self.position[:, :2]).norm(dim=-1).amin(0) < GRASP_REACH
        close &= (grasps[0, :, 2] - self.position[:, 2]).abs() < 0.01
        for row in range(self.n):
            k = int(self.progress.target[row])
            if actions[row, -1] > 0:
                if self.held[row] is not None:
                    self.drop(row)
                self.width[row] = PANDA.gripper_max_width
            else:
                if self.held[row] is None and close[row]:
                    self.held[row] = self.pose[row, k, :3] - self.position[row]
                self.width[row] = 0.0 if self.held[row] is None else 0.05
                if self.held[row] is not None:
                    self.pose[row, k, :3] = self.position[row] + self.held[row]

    def drop(self, row):
        """Let the object fall straight down, onto the table or into a receptacle."""
        self.held[row] = None
        k, r = int(self.progress.target[row]), int(self.progress.receptacle[row])
        over = SLOTS[r].body.opening.contains(*relative(self.pose[row, r], self.pose[row, k])[:2].tolist())
        self.pose[row, k, 2] = SLOTS[k].height / 2 + (SLOTS[r].body.support_height if over else 0.0)


def scenes(n, first=0, task="pick_place"):
    return [random_scene(EpisodeSpec(task, i, 5)) for i in range(first, first + n)]


def run(world, expert, steps=MAX_STEPS, seeds=None, each_step=None):
    """Let the expert act; returns its actions ``[T, N, A]`` and tool positions ``[T + 1, N, 3]``."""
    expert.reset(range(world.n), seeds if seeds is not None else list(range(world.n)))
    actions, tool = [], [world.position]
    for _ in range(steps):
        decision = expert.act(world.observe())
        actions.append(decision.actions[:, 0])
        world.step(decision.actions[:, 0])
        tool.append(world.position)
        if each_step is not None:
            each_step(decision)
        if bool(world.progress.finished.all()):
            break
    return torch.stack(actions), torch.stack(tool)


SPACES = pytest.mark.parametrize("spec", [DELTA_EEF, DELTA_JOINTS], ids=lambda spec: spec.name)
