"""Commands on their way, as tests send them."""

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st

from robots.franka import PANDA
from tasks.tabletop.action_spaces import DELTA_JOINTS
from tasks.tabletop.command_path import CommandPath

DIM = DELTA_JOINTS.dim
WIDE = PANDA.gripper_max_width / 2
HOME = torch.tensor(PANDA.home)
STEPS = 60

seeds = st.integers(0, 2**31 - 1)
quick = settings(max_examples=12, deadline=None)


def path_of(n=1, seed=0, **values):
    """``n`` paths that begin an episode, all with these settings."""
    path = CommandPath(n, DELTA_JOINTS)
    for name, value in values.items():
        path.set(name, range(n), [value] * n)
    path.begin(range(n), [seed + row for row in range(n)])
    path.reset(torch.arange(n), HOME.expand(n, 7))
    return path


def executed(path, actions):
    """What is executed ``[T, N, A]`` of what is sent."""
    return torch.stack([path.receive(action) for action in actions])


def walk(seed, steps=STEPS, n=1, size=0.01):
    """Commanded joint angles ``[T, N, 7]`` that wander from home."""
    steps_ = torch.tensor(
        np.random.default_rng(seed).uniform(-size, size, (steps, n, 7)), dtype=torch.float32
    )
    return HOME + steps_.cumsum(0)
