"""Automatic domain randomisation: how far each bound of each factor can be widened before the policy fails.

After Akkaya et al. (2019), Solving Rubik's Cube with a robot hand, section 5: success is measured with one factor held
at a bound's value; the bound widens where success is above ``widen_above`` and narrows where it is below
``narrow_below``. Two things differ, because here ranges are wanted with a stated error and not for training. The
decision at a value is Wald's sequential test (1945, Sequential tests of statistical hypotheses, Ann. Math. Statist.
16) of the one rate against the other, with a look after each batch: a wrong "widen" where success is at most
``narrow_below``, or a wrong "narrow" where it is at least ``widen_above``, has probability at most `Settings.error`,
since each likelihood ratio is a nonnegative martingale under the other rate (Ville 1939). In between, either is right.
And the bound is found by bisection, from the far end, so that a factor that does not matter costs one decision.

Everything is a function of the outcomes: `adr` is a generator that yields batches to evaluate and is sent successes,
so to resume is to send it again what is known.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

Batches = Generator[list["Batch"], list[int], None]


@dataclass(frozen=True)
class Bound:
    """One end of one factor's range."""

    name: str
    steps: int
    """Positions from nominal (0) to the far end, where it may go at most."""


@dataclass(frozen=True)
class Settings:
    """What "the policy bears it" means, and how sure of it to be."""

    widen_above: float = 0.8
    narrow_below: float = 0.6
    confidence: float = 0.95
    """Of each bound's interval."""
    batch: int = 16
    """Episodes between two looks."""
    most: int = 256
    """Episodes after which the likelier of the two rates is taken."""
    joint: bool = False
    """Whether the other factors draw from their current ranges, instead of staying nominal."""


@dataclass(frozen=True)
class Trial:
    """A bound held at a position while all others are as they were when it began."""

    bound: int | None
    """None for the policy at nominal values."""
    position: int
    others: tuple[int, ...]
    """Position of every bound; only read where the others draw."""


@dataclass(frozen=True)
class Batch:
    """Episodes of a trial that are to be run: ``first``, ..., ``first + count - 1`` of the suite."""

    trial: Trial
    first: int
    count: int


@dataclass(frozen=True)
class Decision:
    """How a trial ended."""

    trial: Trial
    holds: bool
    successes: int
    episodes: int
    decided: bool
    """False where `Settings.most` episodes did not suffice and the likelier rate was taken."""


@dataclass
class Adr:
    """The state of the search."""

    bounds: Sequence[Bound]
    settings: Settings
    held: list[int] = field(default_factory=list)
    """Farthest position of each bound at which the policy was seen to bear it."""
    broke: list[int | None] = field(default_factory=list)
    """Nearest position at which it was seen to fail; None where none was."""
    start: Decision | None = None
    """The policy at nominal values; where it fails there, nothing is searched."""
    decisions: list[Decision] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.held = [0] * len(self.bounds)
        self.broke = [None] * len(self.bounds)

    def error(self, bound: Bound) -> float:
        """Error rate of one decision about a bound: its share among all that bisection may need."""
        return (1 - self.settings.confidence) / (1 + math.ceil(math.log2(max(1, bound.steps))))

    def run(self) -> Batches:
        """Yields the batches to evaluate together, and is sent their successes, until done."""
        nominal = Trial(None, 0, tuple(self.held))
        yield from _together([self._test(nominal, 1 - self.settings.confidence)])
        self.start = self.decisions[-1]
        if not self.start.holds:
            return
        if not self.settings.joint:
            yield from _together([self._bisect(i) for i in range(len(self.bounds))])
            return
        # One at a time, each among the ranges found so far, as widening one makes it harder for the others.
        for i in range(len(self.bounds)):
            yield from _together([self._bisect(i)])
        yield from self._settle()

    def _bisect(self, i: int) -> Batches:
        bound = self.bounds[i]
        position = bound.steps
        while position > self.held[i]:
            trial = Trial(i, position, tuple(self.held))
            yield from self._test(trial, self.error(bound))
            if self._verdict(trial):
                self.held[i] = position
            else:
                self.broke[i] = position
            position = (self.held[i] + (self.broke[i] or self.held[i])) // 2

    def _settle(self) -> Batches:
        """Narrow bounds that the policy no longer bears among the final ranges of the others, until it does.

        By one position, then two, four and so on. Narrowing makes it easier for the others, so who holds is done.
        """
        back = {i: 1 for i, position in enumerate(self.held) if position > 0}
        while back:
            trials = {i: Trial(i, self.held[i], tuple(self.held)) for i in back}
            yield from _together([self._test(t, self.error(self.bounds[i])) for i, t in trials.items()])
            for i, trial in trials.items():
                if self._verdict(trial):
                    del back[i]
                    continue
                self.broke[i] = self.held[i]
                self.held[i] = max(0, self.held[i] - back[i])
                back[i] *= 2
                if self.held[i] == 0:
                    del back[i]

    def _test(self, trial: Trial, error: float) -> Batches:
        settings, successes, episodes = self.settings, 0, 0
        threshold = -math.log(error)
        while True:
            count = min(settings.batch, settings.most - episodes)
            (won,) = yield [Batch(trial, episodes, count)]
            successes, episodes = successes + won, episodes + count
            evidence = log_ratio(successes, episodes, settings)
            decided = abs(evidence) >= threshold
            if decided or episodes >= settings.most:
                self.decisions.append(Decision(trial, evidence > 0, successes, episodes, decided))
                return

    def _verdict(self, trial: Trial) -> bool:
        return next(d.holds for d in reversed(self.decisions) if d.trial == trial)


def log_ratio(successes: int, episodes: int, settings: Settings) -> float:
    """Log of the likelihood of the outcomes at ``widen_above`` over that at ``narrow_below``."""
    high, low = settings.widen_above, settings.narrow_below
    return successes * math.log(high / low) + (episodes - successes) * math.log((1 - high) / (1 - low))


def _together(searches: Sequence[Batches]) -> Batches:
    """Run searches side by side: a wave holds the next batch of each that is not done."""
    waiting: dict[int, list[Batch]] = {}
    for k, search in enumerate(searches):
        first = next(search, None)
        if first is not None:
            waiting[k] = first
    while waiting:
        outcomes = iter((yield [batch for batches in waiting.values() for batch in batches]))
        for k, batches in list(waiting.items()):
            try:
                waiting[k] = searches[k].send([next(outcomes) for _ in batches])
            except StopIteration:
                del waiting[k]
