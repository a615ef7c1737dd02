"""The websocket transport of a server, with ``/healthz`` and ``/metrics`` on the same port."""

from __future__ import annotations

import itertools
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from policy.serve.limits import Limits
from policy.serve.server.access import header_shows
from policy.serve.server.service import Service

GREETING_S = 10.0
"""How long a client may take for the handshake [s]."""
QUEUED = 2
"""Messages of one client that are read ahead."""


class WebsocketServer:
    """Clients one by one, each with a dialect of its own, at most so many."""

    def __init__(self, service: Service, host: str, port: int, token: str, most: int, limits: Limits) -> None:
        self._service, self._host, self._port = service, host, port
        self._token, self._most, self._limits = token, most, limits
        self._names = itertools.count(1)
        self._server: Server | None = None

    async def start(self) -> int:
        """Listen; gives the port. OSError if that cannot be."""
        self._server = await serve(
            self._handle,
            self._host,
            self._port,
            process_request=self._admit,
            compression=None,
            max_size=self._limits.message_bytes,
            max_queue=QUEUED,
            open_timeout=GREETING_S,
            close_timeout=1,
            server_header=None,
        )
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def stop(self) -> None:
        """Take no new clients, answer what is under way, and say goodbye to all (1001)."""
        if self._server is not None:
            await self._service.answered()  # new clients get a 503 meanwhile
            self._server.close()
            await self._server.wait_closed()

    async def _handle(self, connection: ServerConnection) -> None:
        client, spoken = f"ws{next(self._names)}", self._service.speak()
        self._service.metrics.count("connections")
        try:
            greeting = spoken.greeting()
            if greeting is not None:
                await connection.send(greeting)
            async for frame in connection:
                answer = await self._service.answer(spoken, client, frame)
                if answer is not None:
                    await connection.send(answer)
        except ConnectionClosed:
            pass  # it is gone, in the middle of something
        finally:
            self._service.metrics.count("connections", -1)
            self._service.leave(client)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Before anything but the request's head is read: health, metrics, and who may speak."""
        if request.path == "/healthz":
            ending = self._service.draining
            return _plain(
                HTTPStatus.SERVICE_UNAVAILABLE if ending else HTTPStatus.OK, "ending\n" if ending else "OK\n"
            )
        if not header_shows(request.headers.get("Authorization"), self._token):
            self._service.metrics.count("unauthorised_total")
            return _plain(HTTPStatus.UNAUTHORIZED, "show the token: Authorization: Bearer TOKEN\n")
        if request.path == "/metrics":
            return _plain(
                HTTPStatus.OK, self._service.metrics.text(), "text/plain; version=0.0.4; charset=utf-8"
            )
        if self._service.draining or self._service.metrics.value("connections") >= self._most:
            return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "this server has no room for more clients\n")
        return None


def _plain(status: HTTPStatus, text: str, kind: str = "text/plain; charset=utf-8") -> Response:
    body = text.encode()
    headers = Headers({"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status.value, status.phrase, headers, body)
