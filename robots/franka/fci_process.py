"""The process that speaks with a Franka arm every millisecond, for `robots.franka.driver`.

    python -m robots.franka.fci_process ADDRESS VARIANT PERIOD REALTIME STATE_FD SOCKET_FD

It reads each state, takes the set points that have come, and answers with the joint positions that a `Follower` makes
of them, through ``pylibfranka``, the maker's own binding. It is a process of its own so that nothing that the bridge
does costs the arm a millisecond, and so that an arm whose bridge was killed is still led to rest within its limits:
when the socket ends, it brakes, ends the motion, and ends itself. Its first line of output says ``ready``, or what is
wrong.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
import time
from typing import Any

import numpy as np

from robots.franka.fci_messages import POINT, SCALE, SET_POINT, SET_SCALE, STOP, StateMemory
from robots.franka.follower import STEP_S, Follower
from robots.franka.limits import LIMITS

PRIORITY = 8
"""Real-time priority where it may be had: above the bridge's loop (5), below an emulated arm on the machine (10)."""
RESTS = 50
"""Milliseconds for which an arm that was stopped is held before its motion is ended."""
MOST_MESSAGES = 8
"""Taken in a millisecond: a sender that floods must not cost the arm its answer."""
READY = "ready"


class FciProcess:
    """One arm's."""

    def __init__(
        self, franka: Any, robot: Any, line: socket.socket, memory: StateMemory, variant: str, period: float
    ) -> None:
        self._franka, self._robot, self._line, self._memory = franka, robot, line, memory
        self._limits, self._period, self._scale = LIMITS[variant], period, 1.0
        self._points: list[tuple[float, ...]] = []
        self._stopping = self._alone = False
        self._moving, self._problems, self._problem = False, 0, ""

    def run(self) -> None:
        """Until the driver is gone and the arm at rest; the library's NetworkException where the arm falls silent."""
        while not self._alone:
            self._publish(self._robot.read_once())
            self._listen()
            self._stopping = False  # nothing moves
            if self._points:
                try:
                    self._move()
                except (self._franka.ControlException, self._franka.CommandException) as problem:
                    self._problems, self._problem = self._problems + 1, str(problem)
                    self._points.clear()
                finally:
                    self._moving = False

    def _move(self) -> None:
        """One motion: from the first set point until it is stopped, or the driver gone."""
        control = self._robot.start_joint_position_control(self._franka.ControllerMode.JointImpedance)
        self._moving = True
        state, _ = control.readOnce()
        follower = Follower(self._limits, self._period, np.array(state.q_d))
        rested = 0
        while True:
            self._listen()
            follower.set_scale(self._scale)
            for point in self._points:
                follower.add(list(point[:7]), list(point[7:14]), list(point[14:]))
            self._points.clear()
            if self._stopping or self._alone:
                follower.brake()
            command = self._franka.JointPositions(follower.step())
            rested = rested + 1 if follower.at_rest and (self._stopping or self._alone) else 0
            command.motion_finished = rested > RESTS
            control.writeOnce(command)
            if command.motion_finished:
                return
            self._publish(state)
            state, passed = control.readOnce()
            follower.missed(max(0, round(passed.to_sec() / STEP_S) - 1))

    def _listen(self) -> None:
        """Take what has come; never waits."""
        for _ in range(MOST_MESSAGES):
            try:
                message = self._line.recv(256)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._alone = True
                return
            kind = message[:1]
            if kind == SET_POINT:
                self._points.append(POINT.unpack(message)[1:])
                self._stopping = False
            elif kind == SET_SCALE:
                self._scale = SCALE.unpack(message)[1]
            elif kind == STOP:
                self._points.clear()
                self._stopping = True

    def _publish(self, state: Any) -> None:
        numbers = [*state.q, *state.dq, *state.tau_J, *state.O_T_EE]
        self._memory.write(time.monotonic(), numbers, self._moving, self._problems, self._problem)


def main() -> int:
    """See the module."""
    address, variant, period, realtime, state, line = sys.argv[1:]
    import pylibfranka

    wanted = pylibfranka.RealtimeConfig
    try:
        robot = pylibfranka.Robot(address, wanted.kEnforce if realtime == "True" else wanted.kIgnore)
    except Exception as problem:  # the library's exceptions share no base of their own
        print(problem, flush=True)
        return 1
    with socket.socket(fileno=int(line)) as ours:
        ours.setblocking(False)
        process = FciProcess(pylibfranka, robot, ours, StateMemory(int(state)), variant, float(period))
        gc.collect()
        gc.freeze()
        gc.disable()
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        print(READY, flush=True)
        try:
            process.run()
        except pylibfranka.NetworkException as problem:
            print(problem, file=sys.stderr, flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
