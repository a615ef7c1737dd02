"""`CommandPath`: what lies between the actions a policy sends and the joint targets that the drives get.

A real command travels: it comes late, gets lost or repeated on the way, runs by a clock that is not quite ours, is
rounded, passes gears with play, and means joint angles as a biased encoder reads them. Pure torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from policy.action import ActionSpec
from robots.motion_limiter import MARGIN
from robots.protocol import RobotModel
from robots.registry import robot
from tasks.settings import PerEnvironment, stream
from tasks.tabletop.action_spaces import CONTROL_DT, MAX_DELAY
from tasks.tabletop.reference import REFERENCE, gripper_speed_ratio

NOISE_STEPS = 1024
"""Steps after which an episode's random numbers repeat."""


class CommandPath(PerEnvironment):
    """The way of the commands of ``N`` environments. At nominal settings those of the arm pass unchanged.

    Settings:
        action_delay: control steps by which actions come late.
        command_jitter: probability that an action misses its step and is executed with the next one.
        command_loss: probability that an action is lost; the gripper keeps its last command.
        command_repeat: probability that an action is executed twice.
        control_rate: clock of the controller against the nominal one; at 0.9 nine of ten actions are executed, at 1.1
            every tenth is executed twice.
        command_resolution: step to which joint targets are rounded [rad]; 0 for none.
        backlash: play of the gears [rad]: a joint follows once its motor has turned this far back.
        encoder_bias: what the joint encoders read too much ``[J]`` [rad].
        gripper_speed: speed of the reference's finger [m/s]; another gripper has the same share of its own greatest.
            The hand's own limit holds besides.
        smoothing: time constant of the filter through which joint targets pass [s]; 0 for none.
        gripper_blocking: how long a command that turns the hand round holds all others up [s].
    """

    def __init__(
        self, num_envs: int, spec: ActionSpec, device: str = "cpu", model: RobotModel | None = None
    ) -> None:
        """``spec`` says what actions mean, ``model`` which robot's ``J`` arm joints and ``G`` gripper joints are told.

        Without a model those of the default robot are.
        """
        model = model or robot()
        joints, gripper = len(model.spec.arm_joints), model.gripper
        super().__init__(
            num_envs,
            device,
            action_delay=0,
            command_jitter=0.0,
            command_loss=0.0,
            command_repeat=0.0,
            control_rate=1.0,
            command_resolution=0.0,
            backlash=0.0,
            encoder_bias=(0.0,) * joints,
            gripper_speed=REFERENCE.gripper.speed,
            smoothing=0.0,
            gripper_blocking=0.0,
        )
        n, self._spec, self._hand = num_envs, spec, spec.index(spec.gripper)
        self.arm = [i for i in range(spec.dim) if i != self._hand]
        """Channels of the arm."""
        self._idle = torch.tensor(spec.idle_action, device=device)
        self._history = self._idle.repeat(MAX_DELAY + 1, n, 1)
        self._late = torch.zeros(n, len(self.arm), device=device)
        self._clock = torch.zeros(n, device=device)
        self._gripper = self._idle[self._hand].repeat(n)
        self._joints = torch.zeros(n, joints, device=device)
        self._smooth = torch.zeros(n, joints, device=device)
        self._blocked = torch.zeros(n, dtype=torch.long, device=device)
        """Control steps for which the hand still holds commands up."""
        widths = np.array((gripper.open_width, gripper.min_width))
        self._open, self._closed = torch.tensor(gripper.joints_at(widths), dtype=torch.float32, device=device)
        self._fastest = MARGIN * gripper.speed
        self._speed_ratio = gripper_speed_ratio(model)
        self._gripper_joints = torch.zeros(n, len(gripper.joints), device=device)
        self._step = torch.zeros(n, dtype=torch.long, device=device)
        self._chance = torch.ones(n, NOISE_STEPS, 3, device=device)

    def begin(self, rows: Sequence[int], seeds: Sequence[int]) -> None:
        """Draw the random numbers of new episodes."""
        for row, seed in zip(rows, seeds, strict=True):
            chance = stream(seed, "commands").random((NOISE_STEPS, 3), dtype="float32")
            self._chance[row] = torch.from_numpy(chance)

    def reset(self, ids: torch.Tensor | slice, command: torch.Tensor) -> None:
        """Forget everything under way; the arms of these environments stand at ``command`` ``[n, J]``, hands open."""
        self._history[:, ids] = self._idle
        for state in (self._late, self._clock, self._step, self._blocked):
            state[ids] = 0
        self._gripper[ids] = self._idle[self._hand]
        self._joints[ids] = self._smooth[ids] = command - self["encoder_bias"][ids]
        self._gripper_joints[ids] = self._open

    def receive(self, actions: torch.Tensor) -> torch.Tensor:
        """What is executed in this step ``[N, A]`` when ``actions`` ``[N, A]`` are sent; arm channels are relative."""
        rows = torch.arange(self.num_envs, device=self.device)
        self._history = torch.roll(self._history, 1, 0)
        self._history[0] = actions
        arrived = self._history[self["action_delay"], rows]
        late, lost, twice = self._chance[rows, self._step % NOISE_STEPS].unbind(1)
        late = late < self["command_jitter"]
        lost = lost < self["command_loss"]
        self._step = self._step + 1

        self._clock = self._clock + self["control_rate"]
        ticks = torch.floor(self._clock + 1e-4)
        self._clock = self._clock - ticks
        times = ticks * torch.where(twice < self["command_repeat"], 2.0, 1.0)
        times = torch.where(lost, torch.zeros_like(times), times)

        own, gripper = arrived[:, self.arm] * times[:, None], arrived[:, self._hand]
        arm = torch.where(late[:, None], self._late, own + self._late)
        self._late = torch.where(late[:, None], own, torch.zeros_like(own))
        blocked = self._blocked > 0
        arm = torch.where(blocked[:, None], torch.zeros_like(arm), arm)
        heard = (times > 0) & ~late & ~blocked
        closes = self._spec.gripper_closes
        turns = heard & (closes(gripper) != closes(self._gripper))
        hold = torch.ceil(self["gripper_blocking"] / CONTROL_DT - 1e-4).long()
        self._blocked = torch.where(turns, hold, (self._blocked - 1).clamp_min(0))
        self._gripper = torch.where(heard, gripper, self._gripper)
        executed = torch.empty_like(arrived)
        executed[:, self.arm], executed[:, self._hand] = arm, self._gripper
        return executed

    def targets(self, command: torch.Tensor) -> torch.Tensor:
        """Drive targets ``[N, J + G]``: true joint angles [rad], gripper joints [rad or m]; for commands ``[N, J]``."""
        wanted = command - self["encoder_bias"]
        step = self["command_resolution"][:, None]
        wanted = torch.where(step > 0, torch.round(wanted / step.clamp_min(1e-9)) * step, wanted)
        kept = torch.exp(-CONTROL_DT / self["smoothing"].clamp_min(1e-9))[
            :, None
        ]  # exactly 0 without smoothing
        self._smooth = torch.where(kept > 0, wanted + kept * (self._smooth - wanted), wanted)
        wanted = self._smooth
        play = self["backlash"][:, None] / 2
        held = torch.minimum(torch.maximum(self._joints, wanted - play), wanted + play)
        self._joints = torch.where(play > 0, held, wanted)

        closes = self._spec.gripper_closes(self._gripper)
        goal = torch.where(closes[:, None], self._closed, self._open)
        speed = self["gripper_speed"][:, None] * self._speed_ratio
        reach = speed.clamp_max(self._fastest) * CONTROL_DT
        self._gripper_joints = self._gripper_joints + torch.minimum(
            torch.maximum(goal - self._gripper_joints, -reach), reach
        )
        return self.standing

    @property
    def standing(self) -> torch.Tensor:
        """The last drive targets ``[N, J + G]``: see `targets`."""
        return torch.cat((self._joints, self._gripper_joints), 1)
