"""The Franka arms behind the Franka Control Interface (FCI), through ``franky-control``.

Set points are streamed as joint motions, each of which takes over from the one before; the library's own planner, in a
thread of its own at 1 kHz, goes there within limits that are set here: the library reports the FER's for an FR3.
The hand is driven from a thread of its own, since its commands block until they are done.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from robots.driver import ArmState, DriverError, Reading, SetPoint, missing
from robots.franka.fr3 import FR3
from robots.franka.spec import GRIP_FORCE, PANDA
from robots.spec import JointLimits

EXTRA = "robot-franka"
LIMITS = {"fr3": FR3.limits, "fer": PANDA.limits}
"""Variants of the arm -> their limits."""
CLOSED_BELOW = 0.5
"""Share of the fully open hand below which a width that is asked for means to grasp."""
HAND_PERIOD_S = 0.01
"""Between two readings of the hand's width [s]."""
PLANNED = {"velocity": 0.97, "acceleration": 0.9, "jerk": 0.5}
"""Share of the limits that the library's planner is given. Each set point makes it plan anew, from what the arm reports
of the last command: differences of positions, late by a millisecond. That leaves steps of acceleration which its own
limits do not know of: with all of the jerk, 17 % beyond it; with 0.8 of it 2 % of the packets on a busy machine."""
CUTOFF_HZ = 1000.0
"""Of the library's low-pass filter on commands: its greatest, which switches it off: set points are smooth already."""
STOP_S = 2.0
"""For so long an arm that is told to stop is waited for [s]."""


@dataclass(frozen=True)
class _Wish:
    """What the hand is to do."""

    width: float
    """[m]"""
    grasp: bool


class FrankaDriver:
    """A `robots.driver.Driver` of a Franka Emika Robot or a Franka Research 3 with its hand."""

    def __init__(self, address: str, variant: str = "fr3", hand: bool = True, realtime: bool = False) -> None:
        """
        Args:
            address: of the arm: a host name or an IP address.
            variant: ``fr3`` or ``fer``, which decides about limits.
            hand: whether there is a hand to be driven.
            realtime: whether to refuse a kernel without real-time priorities, as the maker asks for on real arms.

        DriverError for an unknown variant.
        """
        if variant not in LIMITS:
            raise DriverError(f"there is no Franka arm {variant!r}: choose one of {', '.join(LIMITS)}")
        self._address, self._limits, self._with_hand, self._realtime = (
            address,
            LIMITS[variant],
            hand,
            realtime,
        )
        self._franky: Any = None
        self._robot: Any = None
        self._hand: _Hand | None = None
        self._scale = 1.0
        self._moving = False
        self._stamp, self._captured = -1.0, 0.0

    @property
    def limits(self) -> JointLimits:
        """See `Driver`."""
        return self._limits

    @property
    def home(self) -> tuple[float, ...]:
        """See `Driver`: the maker's "ready" posture."""
        return PANDA.home

    def connect(self) -> None:
        """See `Driver`."""
        try:
            import franky
        except ImportError as problem:
            raise missing("franky-control", EXTRA) from problem
        self._franky = franky
        config = franky.RealtimeConfig
        wanted = config.Enforce if self._realtime else config.Ignore
        try:
            self._robot = franky.Robot(self._address, realtime_config=wanted)
            self._robot.relative_dynamics_factor = 1.0
            if self._with_hand:
                self._hand = _Hand(franky, self._address)
        except Exception as problem:  # the library's exceptions share no base of their own
            self.close()
            raise DriverError(f"there is no Franka arm to speak with at {self._address}: {problem}") from None
        self._apply_limits()

    def state(self) -> ArmState:
        """See `Driver`."""
        try:
            state = self._robot.state
        except Exception as problem:
            raise DriverError(f"the Franka arm at {self._address} has fallen silent: {problem}") from None
        now = self._captured_at(state.time.to_msec())
        tool = state.O_T_EE
        width = self._hand.width() if self._hand else Reading(np.full(1, np.nan), now)
        return ArmState(
            joint_pos=Reading(np.array(state.q, np.float64), now),
            joint_vel=Reading(np.array(state.dq, np.float64), now),
            torque=Reading(np.array(state.tau_J, np.float64), now),
            tool_pose=Reading(np.concatenate((tool.translation, tool.quaternion)).astype(np.float64), now),
            gripper_width=width,
        )

    def _captured_at(self, stamp: float) -> float:
        """When a state of this time of the arm [ms] came: the library goes on giving the last one of a dead line."""
        if stamp != self._stamp:
            self._stamp, self._captured = stamp, time.monotonic()
        return self._captured

    def set_scale(self, scale: float) -> None:
        """See `Driver`."""
        self._scale = scale

    def command(self, point: SetPoint) -> None:
        """See `Driver`."""
        franky = self._franky
        try:
            self._robot.poll_motion()  # raises what has ended the motion before
            target = franky.JointState(np.asarray(point.position, np.float64))
            factor = franky.RelativeDynamicsFactor(*(self._scale * share for share in PLANNED.values()))
            motion = franky.JointMotion(target, relative_dynamics_factor=factor, return_when_finished=False)
            self._robot.move(motion, asynchronous=True, cutoff_frequency=CUTOFF_HZ)
            self._moving = True
        except Exception as problem:
            raise DriverError(f"the Franka arm at {self._address} refuses to move: {problem}") from None
        if self._hand is not None and point.gripper is not None:
            open_width = PANDA.gripper_max_width
            grasp = point.gripper < CLOSED_BELOW * open_width
            self._hand.wish(_Wish(min(max(point.gripper, 0.0), open_width), grasp))

    def stop(self) -> None:
        """See `Driver`."""
        if self._robot is None or not self._moving:
            return
        try:
            self._robot.move(self._franky.JointStopMotion(), asynchronous=True, cutoff_frequency=CUTOFF_HZ)
            self._robot.join_motion(timeout=STOP_S)
        except Exception as problem:
            with contextlib.suppress(Exception):
                self._robot.stop()
            raise DriverError(f"the Franka arm at {self._address} did not stop as told: {problem}") from None
        finally:
            self._moving = False

    def close(self) -> None:
        """See `Driver`."""
        with contextlib.suppress(DriverError):
            self.stop()
        if self._hand is not None:
            self._hand.close()
        self._hand = self._robot = None

    def _apply_limits(self) -> None:
        """What the library's planner may use: our limits, as far as the library lets them be set."""
        for name in PLANNED:
            limit = getattr(self._robot, f"joint_{name}_limit")
            limit.set(np.minimum(np.array(getattr(self._limits, name)), limit.max))


class _Hand:
    """The hand, driven and read by a thread of its own; the newest wish counts."""

    def __init__(self, franky: Any, address: str) -> None:
        self._gripper = franky.Gripper(address)
        self._lock = threading.Lock()
        self._wanted: _Wish | None = None
        self._given: _Wish | None = None
        self._closing = threading.Event()
        self._width = Reading(np.array([self._gripper.width], np.float64), time.monotonic())
        self._thread = threading.Thread(target=self._run, name="franka-hand", daemon=True)
        self._thread.start()

    def wish(self, wish: _Wish) -> None:
        """What it is to do from now on."""
        with self._lock:
            self._wanted = wish

    def width(self) -> Reading:
        """Its newest width ``[1]`` [m]; its age grows when the hand falls silent."""
        with self._lock:
            return self._width

    def close(self) -> None:
        """Let go of it; what it holds it goes on holding."""
        self._closing.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        pending: Any = None
        while not self._closing.wait(HAND_PERIOD_S):
            try:
                width = float(self._gripper.width)
            except Exception:  # a hand that cannot be read shows in the age of its width
                continue
            with self._lock:
                self._width = Reading(np.array([width]), time.monotonic())
                wanted = self._wanted
            if pending is not None and not pending.wait(0.0):
                continue
            pending = None
            if wanted is None or (self._given is not None and _same(wanted, self._given)):
                continue
            self._given = wanted
            pending = self._begin(wanted)

    def _begin(self, wish: _Wish) -> Any:
        if wish.grasp:
            # The width is a position that the fingers are driven to: only 0 squeezes what is between them.
            return self._gripper.grasp_async(
                0.0, PANDA.gripper_speed, GRIP_FORCE, 0.0, PANDA.gripper_max_width
            )
        return self._gripper.move_async(wish.width, PANDA.gripper_speed)


def _same(one: _Wish, other: _Wish) -> bool:
    if one.grasp != other.grasp:
        return False
    return one.grasp or abs(one.width - other.width) < 1e-3
