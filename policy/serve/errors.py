"""What may be wrong with a conversation: the bytes (`ProtocolError`), or the other side (`ServerError`)."""

from __future__ import annotations

Path = tuple[str | bytes | int, ...]
"""Where in a message: the dialect's name, then keys of maps and indices of arrays."""

SHOWN_CHARACTERS = 60
"""Keys and values come from whoever is at the other end: a sentence shows no more of one than this."""


LONGEST_REPORT = 500
"""What a server says of its own failure is cut after so many characters."""


class ProtocolError(ValueError):
    """A message that does not follow its dialect: one sentence with the dialect, the field and what would be right."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{place(path)}: {problem}")


class ServerError(RuntimeError):
    """The policy's server reported a failure of its own: what was asked, and what it said, on one line."""

    def __init__(self, problem: str, said: str) -> None:
        self.said = said
        words = " ".join(said.split())
        readable = "".join(
            c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words[:LONGEST_REPORT]
        )
        super().__init__(f"{problem}: {readable or '(it does not say why)'}")


def shown(value: object) -> str:
    """A value off the wire on one line, printable, and short."""
    text = ascii(value if not isinstance(value, str | bytes) else value[:SHOWN_CHARACTERS])
    return text if len(text) <= SHOWN_CHARACTERS + 3 else text[:SHOWN_CHARACTERS] + "..."


def place(path: Path) -> str:
    """A path as it is read: ``openpi message['observation/image'][0]``."""
    return f"{path[0]!s} message" + "".join(f"[{shown(step)}]" for step in path[1:])


def last_line(traceback: str) -> str:
    """What a traceback sent as a text frame comes down to."""
    lines = [line.strip() for line in traceback.splitlines() if line.strip()]
    return lines[-1] if lines else ""


class ConnectionLost(RuntimeError):
    """A connection that is of no more use: it ended, never came about, or something on it was too late."""


class TimedOut(ConnectionLost):
    """No answer came in time. The connection is closed, so that a late one cannot be taken for the next."""


class RemoteError(RuntimeError):
    """A policy behind a server cannot be used, or not any longer: one sentence for the user."""
