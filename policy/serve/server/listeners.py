"""Sockets that listen at an address."""

from __future__ import annotations

import contextlib
import errno
import socket

BACKLOG = 128
NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""A machine without IPv6 has a name for its loopback there all the same."""


def listeners(host: str, port: int) -> list[socket.socket]:
    """A socket at each address of `host`, all at one port; at a free one if `port` is 0.

    Raises:
        OSError: One cannot listen there.
    """
    found: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, kind, number, _, address in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            at = (address[0], found[0].getsockname()[1] if found else port, *address[2:])
            try:
                found.append(_listener(family, kind, number, at))
            except OSError as problem:
                if problem.errno not in NOT_HERE:
                    raise
                missing = problem
    except BaseException:
        for listening in found:
            listening.close()
        raise
    if not found:
        raise missing or OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
    return found


def _listener(family: int, kind: int, number: int, address: tuple[object, ...]) -> socket.socket:
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(family, kind, number))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
        stack.pop_all()
    return listening
