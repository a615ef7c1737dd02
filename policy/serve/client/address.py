"""Where a policy's server is: ``openpi://host:port``, ``gr00t://host:port?version=n1.6``."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from policy.serve.errors import RemoteError

PORTS = {
    "openpi": 8000,
    "roboarena": 8000,
    "dreamzero": 8000,
    "gr00t": 5555,
    "m1": 10093,
    "starvla": 10093,
    "vla-eval": 8000,
}
"""Dialects by name -> the port that their servers use."""
VERSIONS = ("n1.5", "n1.6", "n1.7")
"""Those of GR00T."""


@dataclass(frozen=True)
class Address:
    """One server."""

    dialect: str
    host: str
    port: int
    version: str = ""
    """GR00T's."""

    @classmethod
    def read(cls, text: str) -> Address:
        """The address in ``dialect://host:port``; RemoteError says what is wrong with one."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as problem:
            raise RemoteError(f"{text!r} is no address of a server: {problem}") from None
        if parts.scheme not in PORTS:
            raise RemoteError(
                f"{text!r} names no dialect that is spoken here: write DIALECT://HOST:PORT, DIALECT one of "
                f"{', '.join(PORTS)}"
            )
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        version = asked.pop("version", "")
        if not parts.hostname or parts.path.strip("/") or parts.username or parts.fragment or asked:
            raise RemoteError(f"{text!r} is no address of a server: write {parts.scheme}://HOST:PORT")
        if (version not in VERSIONS) if parts.scheme == "gr00t" else version:
            choices = " or ".join(f"gr00t://{parts.hostname}?version={v}" for v in VERSIONS)
            raise RemoteError(
                f"{text!r}: GR00T's versions differ on the wire, and only they have any: {choices}"
            )
        return cls(parts.scheme, parts.hostname, port or PORTS[parts.scheme], version)

    @property
    def place(self) -> str:
        """``host:port``, as URLs have it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        version = f"?version={self.version}" if self.version else ""
        return f"{self.dialect}://{self.place}{version}"
