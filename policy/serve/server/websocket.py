"""The websocket transport of a server, with ``/healthz`` and ``/metrics`` on the same port."""

from __future__ import annotations

import itertools
import os
import select
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from policy.serve.errors import ConnectionLost
from policy.serve.limits import Limits
from policy.serve.message_socket import MessageSocket
from policy.serve.server.access import header_shows
from policy.serve.server.listeners import listeners
from policy.serve.server.service import Service
from policy.serve.server.turn import Received, Spoken

GREETING_S = 10.0
"""How long a client may take for the handshake [s]."""
PING_S = 20.0
"""A client that is silent so long is sent a ping, and has as long again to answer [s]."""
SEND_S = 20.0
"""How long an answer may wait to be taken by the network [s]."""
GOODBYE_S = 3.0
"""How long clients have to say goodbye at the end [s]."""
SHORT = 1 << 16
"""An answer up to here fits into the buffers on the way [bytes]."""
PASSERS_BY = 32
"""Connections beyond those of clients: for health, metrics, and to say that there is no room."""


class WebsocketServer:
    """Clients one by one, each with a dialect and a thread of its own, at most so many."""

    def __init__(self, service: Service, host: str, port: int, token: str, most: int, limits: Limits) -> None:
        self._service, self._host, self._port = service, host, port
        self._token, self._most, self._limits = token, most, limits
        self._names = itertools.count(1)
        self._threads: set[threading.Thread] = set()
        self._clients = 0
        self._lock = threading.Lock()
        """Of the two above."""
        self._ending = False
        self._wake: tuple[int, int] = (-1, -1)
        """A pipe into which something is written at the end, so that nobody waits any longer."""
        self._accepting: threading.Thread | None = None

    def start(self) -> int:
        """Listen; gives the port. OSError if that cannot be."""
        listening = listeners(self._host, self._port)
        port = int(listening[0].getsockname()[1])
        self._wake = os.pipe()
        self._accepting = threading.Thread(target=self._accept, args=(listening,), name="accept", daemon=True)
        self._accepting.start()
        return port

    def stop(self) -> None:
        """Take no new clients, answer what is under way, and say goodbye to all (1001)."""
        if self._accepting is None:
            return
        self._service.answered()  # new clients get a 503 meanwhile
        self._ending = True
        os.write(self._wake[1], b"x")
        self._accepting.join()
        self._accepting = None
        with self._lock:
            threads = set(self._threads)
        end = time.monotonic() + GOODBYE_S
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        if not any(thread.is_alive() for thread in threads):
            for descriptor in self._wake:
                os.close(descriptor)

    def _accept(self, listening: list[socket.socket]) -> None:
        poll = select.poll()
        by_number = {one.fileno(): one for one in listening}
        for number in (*by_number, self._wake[0]):
            poll.register(number, select.POLLIN)
        while not self._ending:
            for number, _ in poll.poll():
                if number not in by_number:
                    continue
                try:
                    taken, _ = by_number[number].accept()
                except BlockingIOError:
                    continue  # it is gone again
                except OSError as problem:  # no descriptor is left, for example
                    print(f"a client could not be taken: {problem}", file=sys.stderr)
                    time.sleep(0.1)
                    continue
                self._begin(taken)
        for one in listening:
            one.close()

    def _begin(self, taken: socket.socket) -> None:
        thread = threading.Thread(target=self._serve, args=(taken,), name="client", daemon=True)
        with self._lock:
            if len(self._threads) >= self._most + PASSERS_BY:
                taken.close()
                return
            self._threads.add(thread)
        thread.start()

    def _serve(self, taken: socket.socket) -> None:
        """One connection, from its handshake to its end."""
        protocol = ServerProtocol(max_size=self._limits.message_bytes)
        messages = MessageSocket(taken, protocol, "client", SEND_S, self._wake[0])
        try:
            messages.wait(lambda: bool(messages.handshake), GREETING_S)
            for request in messages.handshake:
                assert isinstance(request, Request)
                response = self._turned_away(request) or protocol.accept(request)
                with self._room(response) as is_client:
                    if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS and not is_client:
                        response = _plain(
                            HTTPStatus.SERVICE_UNAVAILABLE, "this server has no room for more clients\n"
                        )
                    protocol.send_response(response)
                    messages.flush()
                    if is_client:
                        self._converse(messages)
        except (ConnectionLost, TimeoutError):
            pass  # it is gone, in the middle of something, or says nothing
        except Exception:
            traceback.print_exc(file=sys.stderr)  # for whoever runs the server
        finally:
            messages.end(CloseCode.GOING_AWAY)
            with self._lock:
                self._threads.discard(threading.current_thread())

    @contextmanager
    def _room(self, response: Response) -> Iterator[bool]:
        """Whether the connection is a client's for now."""
        with self._lock:
            is_client = response.status_code == HTTPStatus.SWITCHING_PROTOCOLS and self._clients < self._most
            self._clients += is_client
        self._service.metrics.count("connections", is_client)
        try:
            yield is_client
        finally:
            with self._lock:
                self._clients -= is_client
            self._service.metrics.count("connections", -is_client)

    def _converse(self, messages: MessageSocket) -> None:
        client, spoken = f"ws{next(self._names)}", self._service.speak()
        try:
            greeting = spoken.greeting()
            if greeting is not None:
                messages.send(greeting)
            while True:
                if self._clients == 1:
                    self._alone(messages, spoken, client)
                frame = self._next(messages)
                if frame is None:
                    return
                answer = self._service.answer(spoken, client, frame, messages.attend)
                if answer is not None:
                    messages.send(answer)
        finally:
            self._service.leave(client)

    def _alone(self, messages: MessageSocket, spoken: Spoken, client: str) -> None:
        """Have the only client answered in the policy's thread, until another one asks or this one is silent."""
        in_use, left = threading.Lock(), []

        def turns() -> None:
            with messages.woken_by(self._service.wake):
                while not self._service.wanted:
                    try:
                        with in_use:
                            frame = messages.receive(PING_S)
                    except TimeoutError:
                        return
                    answer = self._service.answer(spoken, client, frame)
                    if answer is None:
                        continue
                    with in_use:
                        if len(answer) > SHORT or not messages.takes():
                            left.append(answer)  # the policy must not wait for the network
                            return
                        messages.send(answer)

        def attend() -> None:
            if in_use.acquire(blocking=False):
                try:
                    messages.attend()
                finally:
                    in_use.release()

        self._service.host(turns, attend)
        for answer in left:
            messages.send(answer)

    def _next(self, messages: MessageSocket) -> Received | None:
        """The client's next message; None once this server ends, or if the client seems to be gone."""
        while True:
            try:
                return messages.receive(PING_S)
            except TimeoutError:
                if self._ending or time.monotonic() - messages.heard_at > 1.5 * PING_S:
                    return None
                messages.ping()

    def _turned_away(self, request: Request) -> Response | None:
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
        if self._service.draining:
            return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "this server is ending\n")
        return None


def _plain(status: HTTPStatus, text: str, kind: str = "text/plain; charset=utf-8") -> Response:
    body = text.encode()
    headers = Headers({"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status.value, status.phrase, headers, body)
