"""A world without physics, in which closed fingers push objects straight away from them."""

import torch

from robots.franka import PANDA
from tasks.push.fingers import closed_fingers
from tasks.push.judge import PushJudge
from tasks.tabletop.footprints import extent, placed
from tests.tasks.tabletop.toy_world import BODIES, SLOTS, ToyWorld

HALF_FINGER = closed_fingers("franka").half_thickness
TOUCHES = 0.001
"""Room between fingers and object that counts as contact [m]."""


class PushWorld(ToyWorld):
    """Objects are moved out of the fingers' way, as far as they reach, along the line from the tool."""

    judge = PushJudge

    def handle(self, actions):
        """See `ToyWorld`: fingers that are lower than an object push it, and nothing is ever held."""
        closed = actions[:, -1] <= 0
        self.width = torch.where(closed, 0.0, PANDA.gripper_max_width)
        rows = torch.arange(self.n)
        for k, slot in enumerate(SLOTS):
            if slot.is_receptacle:
                continue
            pose = self.pose[rows, k]
            away = pose[:, :2] - self.position[:, :2]
            distance = away.norm(dim=1)
            way = away / distance[:, None].clamp_min(1e-6)
            corners = placed(BODIES.vertices[k].expand(self.n, -1, -1), pose)
            reach = extent(corners - pose[:, None, :3], -way[:, None])[:, 0] + HALF_FINGER - TOUCHES
            low = self.position[:, 2] < pose[:, 2] + slot.height / 2
            short = torch.where(low & self.progress.active[:, k], (reach - distance).clamp_min(0.0), 0.0)
            self.pose[rows, k, :2] += way * short[:, None]
