"""The ZeroMQ transport of a server."""

from __future__ import annotations

import queue
import threading
import time

import zmq

from policy.serve.limits import Limits
from policy.serve.server.access import message_shows
from policy.serve.server.service import Service

AT_ONCE = 64
"""Messages that are worked on; further ones wait where they came from."""
LAST_ANSWERS_S = 1.0
"""How long answers may take to be sent once the server ends [s]."""


class ZeroMQServer:
    """Any number of clients; ZeroMQ says neither when one comes nor when it goes.

    A socket of ZeroMQ's is one thread's. This one takes messages in, hands each to a thread of its own, and sends what
    those push to it.
    """

    def __init__(self, service: Service, host: str, port: int, token: str, limits: Limits) -> None:
        self._service, self._host, self._port, self._token = service, host, port, token
        self._limits = limits
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        self._inside = f"inproc://answers-{id(self)}"
        self._asked: queue.SimpleQueue[tuple[bytes, bytes]] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Listen; gives the port. OSError if that cannot be."""
        router = self._context.socket(zmq.ROUTER)
        router.setsockopt(zmq.LINGER, int(1e3 * LAST_ANSWERS_S))
        router.setsockopt(zmq.IPV6, int(":" in self._host))
        router.setsockopt(zmq.MAXMSGSIZE, self._limits.message_bytes)
        router.setsockopt(zmq.RCVHWM, AT_ONCE)
        host = f"[{self._host}]" if ":" in self._host else self._host
        host = "127.0.0.1" if host == "localhost" else host
        try:
            router.bind(f"tcp://{host}:{self._port or '*'}")
        except zmq.ZMQError as problem:
            router.close(0)
            raise OSError(problem.errno, str(problem)) from None
        answers = self._context.socket(zmq.PULL)
        answers.bind(self._inside)
        self._thread = threading.Thread(target=self._run, args=(router, answers), name="zeromq", daemon=True)
        self._thread.start()
        return int(router.getsockopt(zmq.LAST_ENDPOINT).decode().rpartition(":")[2].rstrip("\0"))  # type: ignore[union-attr]

    def stop(self) -> None:
        """Take no new messages and answer those under way."""
        if self._thread is None:
            return
        self._ending.set()
        self._service.answered()
        with self._context.socket(zmq.PUSH) as pushing:
            pushing.connect(self._inside)
            pushing.send(b"")
            self._thread.join(2 * LAST_ANSWERS_S)
        self._thread = None

    def _run(self, router: zmq.Socket[bytes], answers: zmq.Socket[bytes]) -> None:
        working, workers, end = 0, 0, float("inf")
        poller = zmq.Poller()
        poller.register(answers, zmq.POLLIN)
        while time.monotonic() < end and (working or end == float("inf")):
            is_open = not self._ending.is_set() and working < AT_ONCE
            poller.register(router, zmq.POLLIN if is_open else 0)
            ready = dict(poller.poll(int(1e3 * LAST_ANSWERS_S)))
            if answers in ready:
                parts = answers.recv_multipart()
                if len(parts) == 3:
                    working -= 1
                    router.send_multipart(parts)
                else:  # `stop` says so
                    end = time.monotonic() + LAST_ANSWERS_S
            elif router in ready:
                parts = router.recv_multipart()
                if len(parts) == 3 and not parts[1]:  # else no request: a reply to it would go nowhere
                    working += 1
                    if working > workers:
                        workers += 1
                        threading.Thread(target=self._work, name="client", daemon=True).start()
                    self._asked.put((parts[0], parts[2]))
        answers.close(0)
        router.close()

    def _work(self) -> None:
        with self._context.socket(zmq.PUSH) as pushing:
            pushing.connect(self._inside)
            while True:
                client, frame = self._asked.get()
                pushing.send_multipart([client, b"", self._answer(client, frame)])

    def _answer(self, client: bytes, frame: bytes) -> bytes:
        spoken = self._service.speak()
        if not message_shows(frame, self._token):
            self._service.metrics.count("unauthorised_total")
            reply = spoken.refusal("this server wants to be shown its token: api_token")
        else:
            answer = self._service.answer(spoken, f"zmq{client.hex()}", frame)
            reply = answer if answer is not None else spoken.refusal("there is no answer to this")
        return reply if isinstance(reply, bytes) else reply.encode()
