"""One connection to a server, on which one request is under way at a time.

Whatever goes wrong on it ends it: after a time-out, a message that nobody asked for or one that cannot be read it is
closed and never used again, so that no answer is ever taken for one to another question.
"""

from __future__ import annotations

from typing import Protocol

from policy.serve.errors import ConnectionLost

Frame = bytes | bytearray | str


class Connection(Protocol):
    """What the dialects need of a transport."""

    def send(self, frame: bytes) -> None:
        """Send a message; ConnectionLost if that cannot be."""
        ...

    def receive(self, timeout_s: float) -> Frame:
        """The next message; TimedOut or ConnectionLost if there is none."""
        ...

    def ask(self, frame: bytes, timeout_s: float) -> Frame:
        """Send a message and receive the next; ConnectionLost, too, if one that nobody asked for was there before."""
        ...

    def abandon(self) -> None:
        """From another thread: make whoever waits on this connection give up soon."""
        ...

    def close(self) -> None:
        """End the connection at once, without a word to the other side."""
        ...

    def leave(self) -> None:
        """End the connection as the protocol wants it, in a second at most."""
        ...


class Unasked(ConnectionLost):
    """The end of a connection on which the server said more than it was asked."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        super().__init__("the server sent a message that nobody asked for")
