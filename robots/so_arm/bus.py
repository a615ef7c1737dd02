"""`ServoBus`: Feetech STS servos on one half-duplex line, through ``feetech-servo-sdk``.

Registers are those of the STS3215 (Feetech's memory table). Numbers with a sign have it in bit 15. Writing to many at
once is not answered, so a dead bus shows when it is read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from robots.driver import DriverError, missing

EXTRA = "robot-so-arm"
BAUD = 1_000_000
MODEL, TORQUE, ACCELERATION, GOAL, LOCK, PRESENT = 3, 40, 41, 42, 55, 56
"""Registers; from `PRESENT` on two bytes each: position, velocity, load."""
STS3215 = 777
"""Model number."""
RAMP = 254
"""Acceleration of a servo's own ramp: none that is felt; set points are smooth already."""
REPLY_MS = 50.0
"""A reply that takes longer is given up [ms]; the library's own limit is too short for what stands between it and a
servo: an adapter that holds bytes back, and a machine with other things to do."""
BLOCK_S = 0.002
"""For so long a read of the port sleeps for bytes [s]: the library asks again and again, and under real-time priority
keeps a core from whoever brings them."""
ATTEMPTS = 3
"""Times that a reading is tried before the bus counts as dead."""


class ServoBus:
    """An open bus."""

    def __init__(self, port: str, numbers: Sequence[int]) -> None:
        """
        Args:
            port: of the adapter, as ``/dev/ttyACM0``.
            numbers: of the servos on it.

        DriverError when it cannot be opened, or a servo does not answer or is none.
        """
        try:
            import scservo_sdk
        except ImportError as problem:
            raise missing("feetech-servo-sdk", EXTRA) from problem
        self._sdk, self._port_name, self._numbers = scservo_sdk, port, tuple(numbers)
        self._port: Any = scservo_sdk.PortHandler(port)
        self._port.setPacketTimeout = self._wait_for_reply
        try:
            opened = self._port.openPort() and self._port.setBaudRate(BAUD)
        except OSError as problem:
            raise DriverError(f"the bus {port} cannot be opened: {problem}") from None
        if not opened:
            raise DriverError(f"the bus {port} cannot be opened at {BAUD} baud")
        self._port.ser.timeout = BLOCK_S
        self._packets = scservo_sdk.PacketHandler(0)
        self._reader = scservo_sdk.GroupSyncRead(self._port, self._packets, PRESENT, 6)
        self._writer = scservo_sdk.GroupSyncWrite(self._port, self._packets, GOAL, 2)
        for number in self._numbers:
            self._reader.addParam(number)
        try:
            self._check_models()
        except DriverError:
            self.close()
            raise

    def read(self) -> dict[int, tuple[int, int, int]]:
        """Servo -> position [steps], velocity [steps/s] and load [0.1 %]; DriverError when the bus is dead."""
        sdk = self._sdk
        for _ in range(ATTEMPTS):
            result = self._reader.txRxPacket()
            if result == sdk.COMM_SUCCESS:
                return {
                    n: (self._signed(n, 0), self._signed(n, 2), self._signed(n, 4)) for n in self._numbers
                }
            self._drain()
        raise DriverError(f"the bus {self._port_name} is silent: {self._packets.getTxRxResult(result)}")

    def send(self, goals: Mapping[int, int]) -> None:
        """Tell servos where to turn [steps]; nobody answers."""
        self._writer.clearParam()
        for number, goal in goals.items():
            self._writer.addParam(number, [goal & 0xFF, goal >> 8 & 0xFF])
        try:
            result = self._writer.txPacket()
        except OSError as problem:
            raise DriverError(f"the bus {self._port_name} cannot be written to: {problem}") from None
        if result != self._sdk.COMM_SUCCESS:
            raise DriverError(
                f"the bus {self._port_name} cannot be written to: {self._packets.getTxRxResult(result)}"
            )

    def hold(self, on: bool) -> None:
        """Switch the servos' torque."""
        for number in self._numbers:
            self._write(number, TORQUE, int(on))
            self._write(number, LOCK, int(on))

    def prepare(self) -> None:
        """Let set points be followed without a ramp of the servos' own."""
        for number in self._numbers:
            self._write(number, ACCELERATION, RAMP)

    def close(self) -> None:
        """Let go of the bus."""
        with contextlib.suppress(OSError):
            self._port.closePort()

    def _check_models(self) -> None:
        for number in self._numbers:
            for _ in range(ATTEMPTS):
                model, result, _error = self._packets.read2ByteTxRx(self._port, number, MODEL)
                if result == self._sdk.COMM_SUCCESS:
                    break
                self._drain()
            else:
                said = self._packets.getTxRxResult(result)
                raise DriverError(f"servo {number} on the bus {self._port_name} does not answer: {said}")
            if model != STS3215:
                raise DriverError(
                    f"servo {number} on the bus {self._port_name} is of model {model}, not an STS3215 ({STS3215})"
                )

    def _write(self, number: int, register: int, value: int) -> None:
        for _ in range(ATTEMPTS):
            result, _error = self._packets.write1ByteTxRx(self._port, number, register, value)
            if result == self._sdk.COMM_SUCCESS:
                return
            self._drain()
        said = self._packets.getTxRxResult(result)
        raise DriverError(f"servo {number} on the bus {self._port_name} takes no orders: {said}")

    def _signed(self, number: int, offset: int) -> int:
        value = self._reader.getData(number, PRESENT + offset, 2)
        return int(-(value & 0x7FFF) if value & 0x8000 else value)

    def _wait_for_reply(self, length: int) -> None:
        self._port.setPacketTimeoutMillis(REPLY_MS + self._port.tx_time_per_byte * length)

    def _drain(self) -> None:
        """Forget what is left of a broken reply, so that it is not taken for the next one."""
        with contextlib.suppress(OSError):
            self._port.ser.reset_input_buffer()
