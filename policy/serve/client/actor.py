"""`Actor`: asks a server for many environments at once, and knows which of them begin an episode."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial
from typing import Any

from policy.serve.client.address import Address
from policy.serve.client.connection import Connection
from policy.serve.client.dialects import opened, speaker
from policy.serve.client.latency import Latencies
from policy.serve.client.pool import Pool
from policy.serve.client.settings import Settings
from policy.serve.errors import RemoteError
from policy.serve.exchange import Asked, Chunk, Greeting

Answer = tuple[Chunk, Any]
"""A chunk, and of a server of the bench where its policy means to act."""


class Actor:
    """A policy behind a server, in the words of its dialect."""

    def __init__(
        self,
        address: Address,
        settings: Settings,
        unnorm_key: str = "",
        stateless: bool = False,
        opening: Callable[[Address, Settings], Connection] = opened,
    ) -> None:
        """
        Args:
            address: of the server.
            settings: how patient it is.
            unnorm_key: which of the server's statistics, where the dialect has a word for it.
            stateless: whether the server's policy is known to keep no past, whatever the dialect could tell it.
            opening: opens connections.
        """
        self.dialect = address.dialect
        self.settings, self.speaker = settings, speaker(address, settings, unnorm_key)
        self.latencies = Latencies()
        self._stateless = stateless
        self._pool = Pool(address, self.speaker, settings, opening)
        self._threads: ThreadPoolExecutor | None = None
        self._begun: dict[int, str] = {}

    def connect(self) -> Greeting:
        """What the server says of itself; RemoteError if it is not there or speaks otherwise."""
        return self._pool.connect()

    def check_environments(self, count: int) -> None:
        """RemoteError if the server cannot keep so many episodes apart; after `connect`."""
        if count > 1 and self._past == "server":
            raise RemoteError(f"{self._pool.address}: {self.one_past(count)}")

    def one_past(self, count: int) -> str:
        """Why a server with one past for all cannot act in so many environments."""
        return (
            f"the server keeps one past for all its clients, so {count} environments would disturb each other: "
            "num_envs=1, or a mapping with stateless: true if its policy keeps none"
        )

    def act(self, envs: Sequence[int], questions: Sequence[Asked]) -> list[Answer]:
        """A chunk a question, in their order; RemoteError if there is one that nobody answers."""
        size = (
            (self.settings.batch or max(1, len(questions)))
            if self.speaker.batches and self._past == "none"
            else 1
        )
        starts = range(0, len(questions), size)
        tasks = [partial(self._ask, envs[at : at + size], questions[at : at + size]) for at in starts]
        if len(tasks) <= 1 or self.settings.connections == 1:
            return [answer for task in tasks for answer in task()]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.settings.connections, "policy-server")
        futures = [self._threads.submit(task) for task in tasks]
        wait_for(futures)
        return [answer for future in futures for answer in future.result()]

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.close()
        if self._threads is not None:
            self._threads.shutdown()

    @property
    def _past(self) -> str:
        return "none" if self._stateless else self.speaker.past

    def _ask(self, envs: Sequence[int], questions: Sequence[Asked]) -> list[Answer]:
        env, session = envs[0], questions[0].session
        is_first = self._past != "none" and self._begun.get(env) != session
        key = env if self._past == "connection" else None

        def work(connection: Connection) -> list[Answer]:
            if is_first:
                self.speaker.begin(connection, questions[0], self.settings.timeout_s)
            began = time.perf_counter()
            answered = self.speaker.ask(connection, questions, self.settings.timeout_s)
            self.latencies.add(1e3 * (time.perf_counter() - began), answered.server_ms)
            grounding = answered.grounding or [None] * len(questions)
            return list(zip(answered.chunks, grounding, strict=True))

        answers = self._pool.use(work, key, repeatable=is_first or self._past == "none")
        self._begun[env] = session
        return answers
