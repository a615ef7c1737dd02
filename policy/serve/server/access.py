"""Who may speak to a server: anybody on this machine, or whoever shows the token."""

from __future__ import annotations

import hmac
import ipaddress

import msgpack

SCHEMES = ("bearer", "api-key")
"""Of the header ``Authorization``, as clients of the dialects send it."""


def is_loopback(host: str) -> bool:
    """Whether an address of this machine is one that other machines cannot reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def header_shows(header: str | None, token: str) -> bool:
    """Whether a header ``Authorization`` shows the token; always where none is asked for."""
    if not token:
        return True
    scheme, _, shown = (header or "").partition(" ")
    return scheme.lower() in SCHEMES and hmac.compare_digest(shown.strip().encode(), token.encode())


def message_shows(frame: bytes, token: str) -> bool:
    """Whether a message of GR00T's shows the token under ``api_token``, found without decoding anything of it."""
    return not token or msgpack.packb("api_token") + msgpack.packb(token) in frame
