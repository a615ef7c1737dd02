"""A person drives the arm by keys or a gamepad, through the same gate as any policy, and into the same log.

    arrows      away, back, left, right (the base's x and y)    page up / down    up and down
    j l         turn about the vertical                         i k  u o          tilt
    space       opens and closes the hand                       1 ... 9           joint that up and down turn
    , .         half and double speed                                             (action_space=delta_joints)

A terminal sends keys that are pressed and none that are let go: each moves the tool for `TAP_S`, and again as the
keyboard repeats it. A gamepad's sticks (`workbench.bridge.gamepad`) move it for as long as they are pushed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from policy.action import ActionSpec
from robots.action_spaces import DELTA_JOINTS
from workbench.bridge.gamepad import Gamepad
from workbench.bridge.observation import Observed
from workbench.bridge.operator import DOWN, LEFT, PAGE_DOWN, PAGE_UP, RIGHT, UP
from workbench.bridge.policies.protocol import Thought

TAP_S = 0.15
"""How long a key moves the tool [s]: keyboards repeat every 30 to 40 ms once they repeat."""
SPEED, TURN_SPEED = 0.15, 0.6
"""Of the tool, at the speed it begins with and all of the limits [m/s, rad/s]."""
JOINT_SPEED = 0.4
"""Of a joint [rad/s]."""
SLOWEST, FASTEST = 1 / 8, 2.0
WAYS = {
    UP: (0, 1.0), DOWN: (0, -1.0), LEFT: (1, 1.0), RIGHT: (1, -1.0), PAGE_UP: (2, 1.0), PAGE_DOWN: (2, -1.0),
    "u": (3, 1.0), "o": (3, -1.0), "i": (4, 1.0), "k": (4, -1.0), "j": (5, 1.0), "l": (5, -1.0),
}  # fmt: skip
"""Key -> channel of the tool's motion, and its sign."""


class Teleop:
    """A `BridgePolicy` that does what keys say; `steer` is called by another thread."""

    name = "teleop"
    cameras: tuple[str, ...] = ()
    uses_pose_sensor = False
    execute_steps = 1

    def __init__(
        self,
        action_spec: ActionSpec,
        scale: float,
        clock: Callable[[], float] = time.monotonic,
        gamepad: Gamepad | None = None,
    ) -> None:
        """``scale``: share of the arm's limits that it has; ``gamepad``: whose sticks drive it, beside the keys."""
        self.action_spec, self._scale, self._clock, self._gamepad = action_spec, scale, clock, gamepad
        self._by_joints = action_spec.name == DELTA_JOINTS
        self._lock = threading.Lock()
        self._until: dict[tuple[int, float], float] = {}
        self._joint, self._closed, self._speed = 0, False, 1.0

    def steer(self, key: str) -> None:
        """A key was pressed; one that means nothing is ignored."""
        with self._lock:
            if key == " ":
                self._closed = not self._closed
            elif key in ",.":
                self._speed = float(np.clip(self._speed * (2.0 if key == "." else 0.5), SLOWEST, FASTEST))
            elif self._by_joints:
                if key.isdigit() and 1 <= int(key) <= self._arm:
                    self._joint = int(key) - 1
                elif key in (UP, DOWN):
                    self._until[self._joint, 1.0 if key == UP else -1.0] = self._clock() + TAP_S
            elif key in WAYS and WAYS[key][0] < self._arm:
                self._until[WAYS[key]] = self._clock() + TAP_S

    def rescale(self, scale: float) -> None:
        """The arm has another share of its limits from now on."""
        self._scale = scale

    def reset(self, episode: str, seed: int) -> None:
        """See `BridgePolicy`."""
        with self._lock:
            self._until.clear()
            self._closed = False

    def act(self, observed: Observed) -> Thought:
        """See `BridgePolicy`."""
        action = self.action_spec.idle_action.astype(np.float64)
        dt = self._scale / self.action_spec.control_hz
        with self._lock:
            now = self._clock()
            self._until = {way: end for way, end in self._until.items() if end > now}
            for channel, share in (*self._until, *self._pushed()):
                fast = JOINT_SPEED if self._by_joints else SPEED if channel < 3 else TURN_SPEED
                action[channel] += share * fast * self._speed * dt
            if self.action_spec.gripper_index is not None:
                action[self.action_spec.gripper_index] = self.action_spec.gripper_command(self._closed)
        return Thought(action[None])

    def close(self) -> None:
        """See `BridgePolicy`."""

    def _pushed(self) -> list[tuple[int, float]]:
        """Channels that the gamepad's sticks move, and by which share; told joints, the first moves the chosen one."""
        if self._gamepad is None:
            return []
        shares = self._gamepad.deflection().tolist()
        if self._by_joints:
            return [(self._joint, shares[0])]
        return list(enumerate(shares[: self._arm]))

    @property
    def _arm(self) -> int:
        """Channels before the hand's."""
        index = self.action_spec.gripper_index
        return len(self.action_spec.channels) if index is None else index
