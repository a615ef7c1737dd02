"""What a client asks of the emulated arm, counted and kept at its protocol, and what happens where nothing comes.

Counts prove that who only looks does not command. Packets go to a log of their own, with the number of the state that
each answers: differences between them are what the client commanded, whatever the network did to it.

A millisecond of a motion without a packet is a *missed window*. A real controller goes on with constant acceleration
(Franka Control Interface documentation, "libfranka"), and a packet that answers an older state has missed its own; the
emulator stands still and then hurries, which clients take for the arm's own motion, and plan from. Here it goes on.
"""

from __future__ import annotations

import dataclasses
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from workbench.bridge.twin.arm import CommandedMotion

IDLE, POSITION, OTHER = 0, 1, 2
"""What the arm is doing, in the audit."""
MOST_MISSED = 20
"""Missed windows in a row after which a real arm gives up [ms]; here the commanded arm then stands."""
PACKET = np.dtype(
    [("time", "<f8"), ("connection", "<u4"), ("message", "<u8"), ("mode", "<u1"), ("q_c", "<f8", (7,))]
)
"""A client's packet: when it was read [s], of which connection, the state's number that it answers, joints [rad]."""


class Traffic:
    """Of one ``FrankaRobotServer`` and its gripper's server."""

    def __init__(self, line: Any, motion: CommandedMotion, packets: Path) -> None:
        from franky_sim.franka_robot_protocol import UDPCommand

        self._line, self._motion, self._read = line, motion, UDPCommand.from_bytes
        self._packets: BinaryIO = packets.open("wb")
        self.counts = {
            "connections": 0,
            "motions": 0,  # begun: each streams commands
            "motion_commands": 0,  # packets with a set point
            "late_commands": 0,  # of them, those that answer a state which is no longer the newest: not carried out
            "missed_windows": 0,  # milliseconds of a motion without one
            "longest_gap": 0,  # most of them in a row
            "gripper_commands": 0,
        }
        self.fresh = False
        """Whether a command came for this step."""
        self._missed = 0
        self._count_calls(line, "start_motion", "motions")
        self._count_calls(line, "_setup_udp_connection", "connections")
        for name in ("start_move", "start_grasp", "start_homing", "stop"):
            self._count_calls(line.gripper_server, name, "gripper_commands")
        self._wrap(line, "_handle_udp_command", self._handled)
        self._wrap(line, "_post_process_commands", self._processed)
        self.now = 0.0

    def begin_step(self, now: float) -> None:
        """A step begins at a time [s], for which no command has come yet."""
        self.fresh, self.now = False, now

    @property
    def mode(self) -> int:
        """What the arm is doing."""
        name = self._line._FrankaRobotServer__control_mode.value
        return {"idle": IDLE, "position": POSITION}.get(name, OTHER)

    @property
    def commanded(self) -> np.ndarray:
        """Joints that the servos are told ``[7]`` [rad]."""
        if self.mode == POSITION:
            return np.array(self._command.q_c)
        return np.array(self._line._FrankaRobotServer__holding_q)

    def flush(self) -> None:
        """The log of packets is with the system when this returns."""
        self._packets.flush()

    def close(self) -> None:
        """End it."""
        self._packets.close()

    @property
    def _command(self) -> Any:
        return self._line._FrankaRobotServer__current_control_command

    def _handled(self, plain: Any, data: bytes) -> None:
        command = self._read(data)
        self.counts["motion_commands"] += 1
        if self.mode == POSITION:
            joints = tuple(command.q_c)
            row = np.array(
                (self.now, self.counts["connections"], command.message_id, POSITION, joints), PACKET
            )
            self._packets.write(row.tobytes())
        ends = command.motion_generation_finished or command.torque_command_finished
        newest = self._line._FrankaServer__message_id - 1
        if command.message_id < newest and not ends:
            self.counts["late_commands"] += 1
            return
        plain(data)
        self.fresh = True

    def _processed(self, plain: Any) -> None:
        moving = self.mode == POSITION and self._line.current_motion_id
        if moving and self.fresh:
            self._missed = 0
        elif moving:
            self._missed += 1
            self.counts["missed_windows"] += 1
            self.counts["longest_gap"] = max(self.counts["longest_gap"], self._missed)
            if self._missed <= MOST_MISSED:
                self._extrapolate()
        self._motion.update(self.commanded)
        plain()

    def _extrapolate(self) -> None:
        """Go on with constant acceleration, as if the client had said so."""
        q = self._motion.ahead()
        self._line._FrankaRobotServer__current_control_command = dataclasses.replace(
            self._command, q_c=tuple(q.tolist())
        )
        self._line._FrankaRobotServer__has_new_command = True

    def _wrap(self, owner: Any, name: str, around: Any) -> None:
        plain = getattr(owner, name)
        setattr(owner, name, types.MethodType(lambda _self, *given: around(plain, *given), owner))

    def _count_calls(self, owner: Any, name: str, key: str) -> None:
        plain = getattr(owner, name)

        def counted(_self: Any, *given: Any, **named: Any) -> Any:
            self.counts[key] += 1
            return plain(*given, **named)

        setattr(owner, name, types.MethodType(counted, owner))


def read_packets(path: Path) -> np.ndarray:
    """The whole packets of a log ``[n]`` of `PACKET`."""
    content = path.read_bytes()
    return np.frombuffer(content[: len(content) // PACKET.itemsize * PACKET.itemsize], PACKET)
