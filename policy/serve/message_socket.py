"""`MessageSocket`: websocket messages over a TCP socket, read by whoever waits for them.

The package ``websockets`` says what the bytes mean; its protocols do no input or output themselves. Its own connections
read in a thread or in an event loop, and to hand a message over from there takes as long as to read it.
"""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import CLIENT, SERVER, Event, Protocol, State

from policy.serve.errors import ConnectionLost, shown
from policy.serve.large_frame import HEAD, LARGE_HEAD, PAYLOAD_AT, LargeFrame, apply_mask

Message = bytes | bytearray | str
"""A large one is a bytearray, in memory of its own that nobody else looks at."""
READ_AT_ONCE = 1 << 18
"""[bytes]"""
MOST_FRAGMENTS = 4096
"""Of one message."""
LARGE = 1 << 16
"""Messages of clients from so long on that are one frame are written and read in place: the package copies them three
times each, into fresh memory, which takes the system longer than the copying [bytes]."""
KEPT = 1 << 22
"""Memory for such a message that is kept for the next one [bytes]."""


class MessageSocket:
    """For one thread at a time; another one may `interrupt`."""

    def __init__(
        self, sock: socket.socket, protocol: Protocol, peer: str, send_s: float, wake: int | None = None
    ) -> None:
        """
        Args:
            sock: connected; `close` closes it.
            protocol: of this side, before its handshake.
            peer: what the other side is, for sentences.
            send_s: how long a message may wait to be taken by the network [s].
            wake: descriptor that ends all waiting once there is something to read from it.
        """
        self.protocol, self._socket, self._peer, self._number = protocol, sock, peer, sock.fileno()
        sock.settimeout(None)  # `poll` waits
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A peer that reads nothing would let a large message wait for ever.
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(send_s), int(send_s % 1 * 1e6))
        )
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        if wake is not None:
            self._poll.register(wake, select.POLLIN)
        self._poll_out = select.poll()
        self._poll_out.register(sock, select.POLLOUT)
        self._space = memoryview(bytearray(READ_AT_ONCE))
        self._ahead: LargeFrame | None = None
        """Memory for a frame as long as the last large one, which most often is what comes next."""
        self._last_large = 0
        """Length of that one's payload [bytes]."""
        self._fragments: list[Frame] = []
        self._kept = bytearray()
        self._large: LargeFrame | None = None
        """A frame that is being read into place."""
        self.messages: deque[Message | LargeFrame] = deque()
        """Those that were read and not yet received."""
        self.handshake: list[Event] = []
        """What the other side begins with: a request, or a response."""
        self.ended = False
        """Whether nothing more can come."""
        self.heard_at = time.monotonic()
        """When something came last, were it a pong."""

    def send(self, message: bytes | str) -> None:
        """Send a message; ConnectionLost if that cannot be."""
        if self.ended or self.protocol.state is not State.OPEN:
            raise self.lost()
        try:
            if isinstance(message, str):
                self.protocol.send_text(message.encode())
            elif len(message) >= LARGE and self.protocol.side is CLIENT:
                self._send_large(message)
            else:
                self.protocol.send_binary(message)
            self.flush()
            self._prepare()
        except ConnectionLost:
            self.attend()  # it may have said why
            self.ended = True
            if self.protocol.close_rcvd is not None:
                raise self.lost() from None
            raise

    def ping(self) -> None:
        """Ask the other side whether it is there; ConnectionLost if that cannot be."""
        if self.ended or self.protocol.state is not State.OPEN:
            raise self.lost()
        self.protocol.send_ping(b"")
        self.flush()

    def receive(self, timeout_s: float) -> Message:
        """The next message.

        Raises:
            TimeoutError: None came in time, or `wake` ended the waiting.
            ConnectionLost: None will come.
        """
        if not self.messages:
            self.wait(lambda: bool(self.messages), timeout_s)
        if not self.messages:
            raise self.lost()
        message = self.messages.popleft()
        return message.unmasked() if isinstance(message, LargeFrame) else message

    def wait(self, until: Callable[[], bool], timeout_s: float) -> None:
        """Read until something is true or nothing more can come; TimeoutError as `receive`."""
        end = time.monotonic() + timeout_s
        while not self.ended and not until():
            if not self._read(max(0.0, end - time.monotonic())):
                raise TimeoutError

    def attend(self) -> None:
        """Answer pings and see what has come, up to a message."""
        while not self.ended and not self.messages:
            if not self._read(0):
                return

    def flush(self) -> None:
        """Send what the protocol has to say; ConnectionLost if that cannot be."""
        for data in self.protocol.data_to_send():
            self._write(data)

    def _write(self, data: bytes | memoryview) -> None:
        """Send bytes; the end, where there are none."""
        try:
            if len(data):
                self._socket.sendall(data)
            else:
                self._socket.shutdown(socket.SHUT_WR)
        except OSError as problem:
            raise ConnectionLost(f"a message could not be sent: {problem}") from None

    def _send_large(self, message: bytes) -> None:
        """Send a message in one frame, with a mask that nobody can foresee."""
        length, mask = len(message), secrets.token_bytes(4)
        place = self._memory(PAYLOAD_AT + length)
        HEAD.pack_into(place, PAYLOAD_AT - HEAD.size, LARGE_HEAD, length, mask)
        words, key = length // 4, np.frombuffer(mask, np.uint32)
        masked = np.frombuffer(place, np.uint32, words, PAYLOAD_AT)
        np.bitwise_xor(np.frombuffer(message, np.uint32, words), key, out=masked)
        place[PAYLOAD_AT + 4 * words : PAYLOAD_AT + length] = apply_mask(message[4 * words :], mask)
        self._write(memoryview(place)[PAYLOAD_AT - HEAD.size : PAYLOAD_AT + length])

    def _memory(self, length: int) -> bytearray:
        """So many bytes to write to, until they are asked for again."""
        if len(self._kept) >= length:
            return self._kept
        place = bytearray(length)
        if length <= KEPT:
            self._kept = place
        return place

    def end(self, code: CloseCode, reason: str = "", timeout_s: float = 1.0) -> None:
        """Say goodbye, wait for the other side to do so, and close."""
        with contextlib.suppress(ConnectionLost):
            if self.protocol.state is State.OPEN:
                self.protocol.send_close(code, reason)
            self.flush()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
        self.drain(timeout_s)
        self.close()

    def drain(self, timeout_s: float) -> None:
        """Read until the other side is silent for ever: what is closed with unread bytes takes its last words along."""
        end = time.monotonic() + timeout_s
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        with contextlib.suppress(OSError):
            while (left := end - time.monotonic()) > 0 and poll.poll(1e3 * left):
                if not self._socket.recv_into(self._space):
                    return

    def interrupt(self) -> None:
        """From another thread: make whoever waits here give up."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close at once."""
        self.ended = True
        self.interrupt()
        self._socket.close()

    def lost(self) -> ConnectionLost:
        """Why nothing more comes."""
        received = self.protocol.close_rcvd
        if received is not None:
            return ConnectionLost(
                f"the {self._peer} closed the connection ({int(received.code)} {shown(received.reason)})"
            )
        problem = self.protocol.parser_exc
        if problem is not None and not isinstance(problem, EOFError):
            return ConnectionLost(f"the {self._peer} broke the websocket protocol: {shown(str(problem))}")
        return ConnectionLost("the connection broke off")

    @contextmanager
    def woken_by(self, descriptor: int) -> Iterator[None]:
        """Within, waiting also ends once there is something to read from this descriptor."""
        self._poll.register(descriptor, select.POLLIN)
        try:
            yield
        finally:
            self._poll.unregister(descriptor)

    def takes(self) -> bool:
        """Whether a short message can be sent without waiting."""
        return bool(self._poll_out.poll(0))

    def _read(self, timeout_s: float) -> bool:
        """Take in what comes in that time; whether there was anything."""
        ready = self._poll.poll(1e3 * timeout_s)
        if not ready or any(descriptor != self._number for descriptor, _ in ready):
            return False
        large, ahead = self._large, self._ahead
        space = large.rest if large else ahead.frame if ahead else self._space
        try:
            count = self._socket.recv_into(space)
        except OSError:
            count = 0
        if not count:
            self.protocol.receive_eof()
            self.ended = True
        else:
            self.heard_at = time.monotonic()
        if large and count:
            self._grow(large, count)
        elif not count or not self._begin_large(space[:count]):
            self._parse(space[:count])
        return True

    def _grow(self, large: LargeFrame, count: int) -> None:
        """So many bytes more of a frame are in place."""
        self._large = large
        if large.grown(count):
            self.messages.append(large)
            self._large = None

    def _begin_large(self, head: memoryview) -> bool:
        """Whether what was read begins a frame to be read into place, and nothing else is under way."""
        count, protocol = len(head), self.protocol
        if count < HEAD.size or head[:2] != LARGE_HEAD or protocol.side is not SERVER:
            return False
        length = int.from_bytes(head[2:10])
        if not LARGE <= length <= (protocol.max_message_size or 0) or count > HEAD.size + length:
            return False
        if protocol.state is not State.OPEN or protocol.reader.buffer or protocol.current_size is not None:
            return False
        large = self._ahead
        if large is None or len(large.rest) != length:
            large = LargeFrame(length)
            large.frame[:count] = head
        self._ahead, self._last_large = None, length
        self._grow(large, count - HEAD.size)
        return True

    def _prepare(self) -> None:
        """Make memory for the next message while nobody waits for it."""
        if self._ahead is None and LARGE <= self._last_large <= KEPT:
            self._ahead = LargeFrame(self._last_large)

    def _parse(self, data: memoryview) -> None:
        """Let the package say what bytes mean, and answer as it says."""
        if data:
            self.protocol.receive_data(data)  # type: ignore[arg-type] # it adds them to a bytearray
        for event in self.protocol.events_received():
            self._take(event)
        with contextlib.suppress(ConnectionLost):
            self.flush()
        if self.protocol.state in (State.CLOSING, State.CLOSED):
            self.ended = True

    def _take(self, event: Event) -> None:
        if not isinstance(event, Frame):
            self.handshake.append(event)
            return
        if event.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        self._fragments.append(event)
        if not event.fin:
            if len(self._fragments) > MOST_FRAGMENTS:
                self.protocol.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
                self.protocol.parser_exc = ValueError("too many fragments")
            return
        message = b"".join(fragment.data for fragment in self._fragments)
        is_text = self._fragments[0].opcode is Opcode.TEXT
        self._fragments = []
        if not is_text:
            self.messages.append(message)
            return
        try:
            self.messages.append(message.decode())
        except UnicodeDecodeError:
            self.protocol.fail(CloseCode.INVALID_DATA, "a text message is not UTF-8")
            self.protocol.parser_exc = ValueError("a text message is not UTF-8")
