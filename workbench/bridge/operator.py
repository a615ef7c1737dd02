"""The person at the terminal: keys that arm, hold, let go on, judge and end. Read without waiting.

a  arm             h  hold: brake and stay       r  let go on after a stop (reset)
+  one tenth more of the limits                  -  one tenth less, at rest
s  the episode is a success                      f  it is a failure; a number then says why
q  end
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from types import FrameType
from typing import Protocol

ARM, HOLD, RESET, MORE, LESS, SUCCESS, FAILURE, END = "a", "h", "r", "+", "-", "s", "f", "q"
KEYS = (
    f"[{ARM}]rm [{HOLD}]old [{RESET}]eset [{MORE}{LESS}] scale [{SUCCESS}]uccess [{FAILURE}]ailure [{END}]uit"
)
UP, DOWN, RIGHT, LEFT, PAGE_UP, PAGE_DOWN = "↑↓→←⇞⇟"
SEQUENCES = {
    "\x1b[A": UP, "\x1b[B": DOWN, "\x1b[C": RIGHT, "\x1b[D": LEFT, "\x1b[5~": PAGE_UP, "\x1b[6~": PAGE_DOWN,
    "\x1bOA": UP, "\x1bOB": DOWN, "\x1bOC": RIGHT, "\x1bOD": LEFT,
}  # fmt: skip
ESCAPED = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.|.)?")


class Operator(Protocol):
    """Who says what is to happen."""

    def pressed(self) -> str:
        """Keys since the last call, in order; never waits."""
        ...


class Nobody:
    """No person is there."""

    def pressed(self) -> str:
        """See `Operator`."""
        return ""


class Together:
    """Several operators of one arm."""

    def __init__(self, *operators: Operator) -> None:
        self._operators = operators

    def pressed(self) -> str:
        """See `Operator`."""
        return "".join(operator.pressed() for operator in self._operators)


class Keyboard:
    """Keys of the terminal that the command runs in."""

    def pressed(self) -> str:
        """See `Operator`."""
        typed = ""
        while select.select([sys.stdin], [], [], 0.0)[0]:
            data = os.read(sys.stdin.fileno(), 64)
            if not data:
                break
            typed += data.decode("utf-8", "ignore")
        return plain_keys(typed)


def plain_keys(typed: str) -> str:
    """What a terminal sent as one character a key: arrows and page keys by name, other sequences dropped, lower case.

    A terminal sends an arrow as ESC [ A, whose last letter is no key of ours.
    """
    for sequence, key in SEQUENCES.items():
        typed = typed.replace(sequence, key)
    return ESCAPED.sub("", typed).lower()


@contextlib.contextmanager
def terminal_keys() -> Iterator[Operator]:
    """A `Keyboard` whose keys count at once, without Enter; `Nobody` where there is no terminal."""
    if not sys.stdin.isatty():
        yield Nobody()
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield Keyboard()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


class StopSignals:
    """Ctrl-C, SIGTERM and SIGHUP as a flag that the loop looks at each period, so that it can lead the arm to rest."""

    NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.number: int | None = None
        """Of the first one that came."""
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopSignals:
        for number in self.NUMBERS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _came(self, number: int, _: FrameType | None) -> None:
        if self.number is None:
            self.number = number
