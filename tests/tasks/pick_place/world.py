"""States of the scene as tests make them."""

import math

import torch

from tasks.pick_place.progress import Progress
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.judge import State
from tasks.tabletop.tracking import SETTLE_S
from tasks.tabletop.workspace import pool

BOWL, CUBE, PLATE, BRICK, SPARE = range(5)
DT = 0.05
SETTLE = math.ceil(SETTLE_S / DT) + 1
TABLE = BodyTable(pool()[name] for name in ("bowl", "cube_large", "plate", "brick_large", "cone_small"))
HALF = 0.0275  # [m] of the large cube's side
PLACES = {BOWL: (0.6, 0.1), CUBE: (0.4, 0.0), PLATE: (0.6, -0.1), BRICK: (0.4, 0.15), SPARE: (0.0, 0.0)}
FAR, OPEN, GRIP = (0.3, 0.0, 0.4), 0.08, 0.055
DOWN = torch.diag(torch.tensor((1.0, -1.0, -1.0)))  # the hand points to the table and closes along y


class World:
    """``n`` environments whose states are set by hand; the cube is to go into the bowl, the spare body is unused."""

    def __init__(self, n=1, dt=DT, bodies=TABLE):
        self.progress = Progress(bodies, n, dt)
        pose = torch.zeros(n, 5, 7)
        pose[..., 6] = 1.0
        for body, place in PLACES.items():
            pose[:, body, :2] = torch.tensor(place)
            pose[:, body, 2] = bodies.height[body] / 2
        pose[:, SPARE, 2] = -5.0
        self.state = State(
            pose=pose,
            velocity=torch.zeros(n, 5, 6),
            tool=torch.tensor([FAR] * n),
            tool_rotation=DOWN.repeat(n, 1, 1),
            fingers=torch.full((n, 2), OPEN / 2),
            joint_vel=torch.zeros(n, 7),
        )
        for row in range(n):
            self.begin(row)

    def begin(self, row):
        self.progress.begin(row, CUBE, BOWL, [BOWL, CUBE, PLATE, BRICK])

    def move(self, body, xyz, row=0):
        self.state.pose[row, body, :3] = torch.tensor(xyz)

    def into(self, body, receptacle, row=0, height=0.0, sideways=0.0):
        """Put a body's base ``height`` over the floor of a receptacle."""
        x, y, z = self.state.pose[row, receptacle, :3].tolist()
        z += float(TABLE.floor[receptacle] + TABLE.height[body] / 2) + height
        self.move(body, (x + sideways, y, z), row)

    def step(self, times=1):
        for _ in range(times):
            self.progress.update(self.state)
        return self

    def pick_up(self, body=CUBE, row=0, width=GRIP):
        """Reach a body, close the hand and lift it."""
        self.state.tool[row] = self.state.pose[row, body, :3]
        self.state.fingers[row] = width / 2
        self.step()
        self.state.pose[row, body, 2] += 0.1
        self.state.tool[row] = self.state.pose[row, body, :3]
        return self.step()

    def let_go(self, row=0):
        self.state.fingers[row] = OPEN / 2
        self.state.tool[row] = torch.tensor(FAR)
        return self

    @property
    def succeeded(self):
        return self.progress.succeeded.tolist()

    def reason(self, row=0):
        return self.progress.failure_reason(row)


def delivered(dt=DT):
    """The cube lies in the bowl, released, not yet looked at."""
    world = World(dt=dt).pick_up().let_go()
    world.into(CUBE, BOWL)
    return world
