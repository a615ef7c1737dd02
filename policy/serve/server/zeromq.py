"""The ZeroMQ transport of a server."""

from __future__ import annotations

import asyncio

import zmq
import zmq.asyncio

from policy.serve.limits import Limits
from policy.serve.server.access import message_shows
from policy.serve.server.service import Service

AT_ONCE = 64
"""Messages that are worked on; further ones wait where they came from."""


class ZeroMQServer:
    """Any number of clients; ZeroMQ says neither when one comes nor when it goes."""

    def __init__(self, service: Service, host: str, port: int, token: str, limits: Limits) -> None:
        self._service, self._host, self._port, self._token = service, host, port, token
        self._limits = limits
        self._socket: zmq.asyncio.Socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._receiving: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen; gives the port. OSError if that cannot be."""
        socket = zmq.asyncio.Context.instance().socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 1000)
        socket.setsockopt(zmq.IPV6, int(":" in self._host))
        socket.setsockopt(zmq.MAXMSGSIZE, self._limits.message_bytes)
        socket.setsockopt(zmq.RCVHWM, AT_ONCE)
        host = f"[{self._host}]" if ":" in self._host else self._host
        host = "127.0.0.1" if host == "localhost" else host
        try:
            socket.bind(f"tcp://{host}:{self._port or '*'}")
        except zmq.ZMQError as problem:
            socket.close(0)
            raise OSError(problem.errno, str(problem)) from None
        self._socket = socket
        self._receiving = asyncio.create_task(self._receive(socket))
        return int(socket.getsockopt(zmq.LAST_ENDPOINT).decode().rpartition(":")[2].rstrip("\0"))  # type: ignore[union-attr]

    async def stop(self) -> None:
        """Take no new messages and answer those under way."""
        if self._receiving is not None:
            self._receiving.cancel()
        await self._service.answered()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        if self._socket is not None:
            self._socket.close()

    async def _receive(self, socket: zmq.asyncio.Socket) -> None:
        room = asyncio.Semaphore(AT_ONCE)
        while True:
            await room.acquire()
            parts = await socket.recv_multipart()
            if len(parts) != 3 or parts[1]:
                room.release()
                continue  # no request: a reply to it would go nowhere
            task = asyncio.create_task(self._answer(socket, parts[0], parts[2]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: room.release())

    async def _answer(self, socket: zmq.asyncio.Socket, client: bytes, frame: bytes) -> None:
        spoken = self._service.speak()
        if not message_shows(frame, self._token):
            self._service.metrics.count("unauthorised_total")
            reply = spoken.refusal("this server wants to be shown its token: api_token")
        else:
            answer = await self._service.answer(spoken, f"zmq{client.hex()}", frame)
            reply = answer if answer is not None else spoken.refusal("there is no answer to this")
        await socket.send_multipart([client, b"", reply if isinstance(reply, bytes) else reply.encode()])
