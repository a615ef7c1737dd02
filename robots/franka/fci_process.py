"""The process that speaks with a Franka arm every millisecond, for `robots.franka.driver`.

    python -m robots.franka.fci_process ADDRESS VARIANT PERIOD REALTIME STATE_FD SOCKET_FD

It reads each state, takes the ways that have come, and answers with the joint positions that a `Follower` makes of
them, through ``pylibfranka``, the maker's own binding. It is a process of its own so that nothing that the bridge does
costs the arm a millisecond, and so that an arm whose bridge was killed is still led to rest, along the way that it
follows: when the socket ends, it goes to the end of that, ends the motion, and ends itself. Its first line of output
says ``ready``, or what is wrong.
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

from robots.franka.fci_messages import (
    LONGEST,
    NOTHING,
    POINT,
    SCALE,
    SET_POINT,
    SET_SCALE,
    SET_WAY,
    STOP,
    StateMemory,
    unpack_way,
)
from robots.franka.follower import Follower, State
from robots.franka.joint_path import STEP_S
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
        self._ways: list[tuple[int, int, int, list[State]]] = []
        """That came since the last millisecond."""
        self._answered = NOTHING
        self._buffer = bytearray(LONGEST)
        self._stopping = self._alone = False
        self._moving, self._problems, self._problem = False, 0, ""

    def run(self) -> None:
        """Until the driver is gone and the arm at rest; the library's NetworkException where the arm falls silent."""
        while not self._alone:
            state = self._robot.read_once()
            self._publish(state, None)
            self._listen()
            self._stopping = False  # nothing moves
            if self._ways and not self._alone:
                objection = self._follower(state).why_not(self._ways[0][3][0])
                try:
                    if not objection:
                        self._move()
                except (self._franka.ControlException, self._franka.CommandException) as problem:
                    objection = str(problem)
                finally:
                    self._moving = False
                if objection:
                    self._problems, self._problem = self._problems + 1, objection
                self._ways.clear()

    def _move(self) -> None:
        """One motion: from the first way until it is stopped, or the driver gone; then to the end of the last way."""
        control = self._robot.start_joint_position_control(self._franka.ControllerMode.JointImpedance)
        self._moving = True
        state, _ = control.readOnce()
        follower = self._follower(state)
        rested = 0
        while True:
            self._listen()
            follower.set_scale(self._scale)
            if not self._stopping:
                for way in self._ways:
                    follower.take(*way)
            self._ways.clear()
            command = self._franka.JointPositions(follower.step())
            rested = rested + 1 if follower.at_rest and (self._stopping or self._alone) else 0
            command.motion_finished = rested > RESTS
            control.writeOnce(command)
            if command.motion_finished:
                return
            self._publish(state, follower)
            state, passed = control.readOnce()
            follower.missed(max(0, round(passed.to_sec() / STEP_S) - 1))

    def _follower(self, state: Any) -> Follower:
        return Follower(self._limits, self._period, np.array(state.q_d))

    def _listen(self) -> None:
        """Take what has come; never waits."""
        for _ in range(MOST_MESSAGES):
            try:
                size = self._line.recv_into(self._buffer)
            except BlockingIOError:
                return
            except OSError:
                size = 0
            if not size:
                self._alone = True
                return
            message = memoryview(self._buffer)[:size]
            kind = message[:1].tobytes()
            if kind == SET_WAY:
                self._ways.append(unpack_way(message))
                self._answered = self._ways[-1][0]
            elif kind == SET_POINT:
                self._answered = POINT.unpack(message)[1]
            elif kind == SET_SCALE:
                self._scale = SCALE.unpack(message)[1]
            elif kind == STOP:
                self._stopping = True

    def _publish(self, state: Any, follower: Follower | None) -> None:
        numbers = [*state.q, *state.dq, *state.tau_J, *state.O_T_EE]
        number, period = (NOTHING, 0) if follower is None else (follower.number, follower.free)
        way = (number, period, self._answered)
        self._memory.write(time.monotonic(), numbers, self._moving, way, self._problems, self._problem)


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
