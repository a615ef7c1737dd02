"""`Thinker`: a policy in a thread of its own, so that the arm's loop never waits for it. One question at a time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from workbench.bridge.observation import Observed
from workbench.bridge.policies.protocol import BridgePolicy, Thought
from workbench.bridge.priority import below_the_loop


@dataclass(frozen=True)
class Answer:
    """What came of a question."""

    observed: Observed
    thought: Thought | None
    """None where the policy failed."""
    failure: Exception | None
    asked: float
    """When it was asked [s]."""
    answered: float
    """When it had answered [s]."""
    episode: str


class Thinker:
    """Asks a policy; forgets what belongs to an episode that is over."""

    def __init__(self, policy: BridgePolicy, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy, self._clock = policy, clock
        self._questions: queue.SimpleQueue[tuple[str, int, Observed] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._episode, self._seed = "", 0
        self._asked_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="policy", daemon=True)
        self._thread.start()

    def begin(self, episode: str, seed: int) -> None:
        """An episode begins; an answer that is under way belongs to none."""
        self._episode, self._seed = episode, seed

    @property
    def busy_for(self) -> float | None:
        """For how long the policy has been thinking [s]; None while it is not."""
        return None if self._asked_at is None else self._clock() - self._asked_at

    def ask(self, observed: Observed) -> None:
        """Begin to think; only while it is not."""
        assert self._asked_at is None, "the policy is still thinking"
        self._asked_at = self._clock()
        self._questions.put((self._episode, self._seed, observed))

    def answer(self) -> Answer | None:
        """What came of the last question, once; None while it thinks, or where the answer is of no use any more."""
        try:
            found = self._answers.get_nowait()
        except queue.Empty:
            return None
        self._asked_at = None
        return found if found.episode == self._episode else None

    def close(self, timeout: float = 1.0) -> None:
        """Let go of the policy; one that does not come back within ``timeout`` [s] is left behind."""
        self._questions.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        below_the_loop()
        begun = ""
        while (question := self._questions.get()) is not None:
            episode, seed, observed = question
            asked = self._clock()
            thought, failure = None, None
            try:
                if episode != begun:
                    self._policy.reset(episode, seed)
                    begun = episode
                thought = self._policy.act(observed)
            except Exception as problem:  # of any policy, any kind: the loop stops the arm and tells it
                failure = problem
            self._answers.put(Answer(observed, thought, failure, asked, self._clock(), episode))
