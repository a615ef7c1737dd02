"""`Sessions`: which episode of which client has which place in the policy, and how far it is."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policy.serve.errors import ServerError


@dataclass
class Session:
    """One episode under way."""

    slot: int
    """Its place in the policy, as ``env_ids`` have it."""
    seed: int
    step: int = 0
    """Control steps since it began."""
    fresh: bool = True
    """Whether the policy has not been told of it yet."""
    answered: tuple[int, Any] | None = None
    """Step and answer of the last question, so that one that is asked again gets the same answer."""
    busy: int = 0
    """Questions under way."""
    over: bool = False
    """Whether its place is free once none is."""


class Sessions:
    """At most so many at once; the one that was asked longest ago makes room."""

    def __init__(self, slots: int, seed: int, stateless: bool) -> None:
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._free = list(range(slots))[::-1]
        self._seed, self._stateless, self._begun = seed, stateless, 0

    def __len__(self) -> int:
        return len(self._open)

    def get(self, name: str, own: Mapping[str, Any] | None, steps: int) -> Session:
        """The session with this name, which begins if there is none.

        Args:
            name: of the session, of one client.
            own: seed and step, of a client that says them.
            steps: how far one goes on between two questions of a client that does not say it.

        Raises:
            ServerError: All places are taken; or the client is in the middle of an episode that this server does not
                know, with a policy that remembers.
        """
        session = self._open.get(name)
        if session is None:
            if own is not None and own["step"] > 0 and not self._stateless:
                raise ServerError(
                    "refused",
                    "this server does not know the episode (it was restarted, or forgot it for others)",
                )
            session = self._begin(name, own["seed"] if own is not None else self._drawn())
        elif own is None:
            session.step += steps
        self._open.move_to_end(name)
        if own is not None:
            session.step = own["step"]
        return session

    def end(self, prefix: str) -> None:
        """Forget the sessions whose names begin so."""
        for name in [n for n in self._open if n.startswith(prefix)]:
            session = self._open.pop(name)
            session.over = True
            if not session.busy:
                self._free.append(session.slot)

    def done(self, session: Session) -> None:
        """A question of it is no longer under way."""
        session.busy -= 1
        if session.over and not session.busy:
            self._free.append(session.slot)

    def _begin(self, name: str, seed: int) -> Session:
        if not self._free:
            idle = next((n for n, session in self._open.items() if not session.busy), None)
            if idle is None:
                raise ServerError(
                    "refused", f"all {len(self._open)} places of this server are taken (slots=)"
                )
            self._free.append(self._open.pop(idle).slot)
        session = self._open[name] = Session(self._free.pop(), seed)
        return session

    def _drawn(self) -> int:
        """A seed for an episode whose client names none: another one for each, the same after every start."""
        self._begun += 1
        digest = hashlib.sha256(f"{self._seed}/{self._begun}".encode()).digest()
        return int.from_bytes(digest[:4], "little")
