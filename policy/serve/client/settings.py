"""How patient a client is, and how much it asks at once."""

from __future__ import annotations

from dataclasses import dataclass

from policy.serve.errors import RemoteError


@dataclass(frozen=True)
class Settings:
    """See the fields."""

    timeout_s: float = 60.0
    """An answer that takes longer is given up, and its connection closed [s]."""
    connect_s: float = 10.0
    """The same of a greeting [s]."""
    patience_s: float = 60.0
    """For so long a server that went away is waited for [s]."""
    attempts: int = 3
    """How often a question is asked whose answers are too late."""
    connections: int = 8
    """At most so many requests are under way at once."""
    batch: int = 0
    """Environments in one request, where the dialect has room for many; 0 for all."""
    token: str = ""
    """What the server wants to be shown."""

    def __post_init__(self) -> None:
        for name in ("timeout_s", "connect_s"):
            if not 0 < getattr(self, name) <= 86_400:
                raise RemoteError(
                    f"policy.{name} must be above 0 and at most a day, not {getattr(self, name):g} s"
                )
        for name, least, most in (
            ("patience_s", 0, 86_400),
            ("attempts", 1, 1000),
            ("connections", 1, 256),
            ("batch", 0, 4096),
        ):
            if not least <= getattr(self, name) <= most:
                raise RemoteError(f"policy.{name} must be from {least} to {most}, not {getattr(self, name)}")
