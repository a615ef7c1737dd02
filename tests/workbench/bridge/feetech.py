"""`FeetechBus`: STS3215 servos on a pseudo-terminal, which answer the packets that real ones answer."""

from __future__ import annotations

import os
import threading
import tty

PING, READ, WRITE, SYNC_READ, SYNC_WRITE = 1, 2, 3, 0x82, 0x83
MODEL, TORQUE, GOAL, PRESENT = 3, 40, 42, 56


class FeetechBus:
    """A bus; each servo turns to its goal at once, if its torque is on."""

    def __init__(self, numbers: range, position: int = 2000) -> None:
        self._own, theirs = os.openpty()
        tty.setraw(self._own)
        tty.setraw(theirs)
        self._theirs = theirs
        self.port = os.ttyname(theirs)
        self.registers = {number: bytearray(128) for number in numbers}
        for memory in self.registers.values():
            memory[MODEL : MODEL + 2] = (777).to_bytes(2, "little")
            memory[PRESENT : PRESENT + 2] = position.to_bytes(2, "little")
        self.goals: list[dict[int, int]] = []
        """What was written to all at once, in order."""
        self.silent = False
        """Whether the bus is dead."""
        self.drop_next = 0
        """Replies that get lost on the way."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it. Its thread goes first, or it would read what the next file of this number is sent."""
        os.close(self._theirs)
        self._thread.join()
        os.close(self._own)

    def position(self, number: int) -> int:
        """Where a servo is [steps]."""
        return int.from_bytes(self.registers[number][PRESENT : PRESENT + 2], "little")

    def _run(self) -> None:
        pending = b""
        while True:
            try:
                pending += os.read(self._own, 1024)
            except OSError:
                return
            while len(pending) >= 4 and len(pending) >= 4 + pending[3]:
                packet, pending = pending[: 4 + pending[3]], pending[4 + pending[3] :]
                assert packet[:2] == b"\xff\xff", packet
                assert (~sum(packet[2:-1]) & 0xFF) == packet[-1], "a packet with a wrong checksum"
                self._obey(packet[2], packet[4], packet[5:-1])

    def _obey(self, number: int, instruction: int, data: bytes) -> None:
        if instruction == PING:
            self._reply(number, b"")
        elif instruction == READ:
            self._reply(number, bytes(self.registers[number][data[0] : data[0] + data[1]]))
        elif instruction == WRITE:
            self.registers[number][data[0] : data[0] + len(data) - 1] = data[1:]
            self._reply(number, b"")
        elif instruction == SYNC_READ:
            for servo in data[2:]:
                self._reply(servo, bytes(self.registers[servo][data[0] : data[0] + data[1]]))
        elif instruction == SYNC_WRITE:
            address, length = data[0], data[1]
            rows = [data[2 + k : 3 + k + length] for k in range(0, len(data) - 2, length + 1)]
            for row in rows:
                self.registers[row[0]][address : address + length] = row[1:]
            if address == GOAL:
                self.goals.append({row[0]: int.from_bytes(row[1:], "little") for row in rows})
        for memory in self.registers.values():
            if memory[TORQUE] and any(memory[GOAL : GOAL + 2]):
                memory[PRESENT : PRESENT + 2] = memory[GOAL : GOAL + 2]

    def _reply(self, number: int, data: bytes) -> None:
        if self.drop_next:
            self.drop_next -= 1
            return
        if self.silent:
            return
        body = bytes((number, len(data) + 2, 0)) + data
        os.write(self._own, b"\xff\xff" + body + bytes((~sum(body) & 0xFF,)))
