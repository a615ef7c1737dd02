"""Automatic domain randomisation: how far each bound of each factor can be widened before the policy fails.

After Akkaya et al. (2019), Solving Rubik's Cube with a robot hand, section 5: success is measured with one factor held
at a bound's value; the bound widens where success is above ``widen_above`` and narrows where it is below
``narrow_below``. Two things differ, because here ranges are wanted with a stated error and not for training. The
decision at a value is Wald's sequential test (1945, Sequential tests of statistical hypotheses, Ann. Math. Statist.
16) of the one rate against the other, with a look after each batch: a wrong "widen" where success is at most
``narrow_below``, or a wrong "narrow" where it is at least ``widen_above``, has probability at most `Settings.error`,
since each likelihood ratio is a nonnegative martingale under the other rate (Ville 1939). In between, either is right.
Where `Settings.most` episodes do not decide, nothing is shown: the bound stays at what was.

And the bound is found by bisection, from the far end, so that a factor that does not matter costs few decisions.
Bisection assumes that success only falls along the way. So a bound that was found is tried at points inside, too: a
failure there pulls it back before that point. A failure between the points tried is not seen. At last all factors vary
together over what was found (`confirmation`), for harm that each does not do alone.

Everything is a function of the outcomes: `adr` is a generator that yields batches to evaluate and is sent successes,
so to resume is to send it again what is known.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from workbench.tuning.confirmation import PARTS, ROUNDS, given_way, weights

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
    """Of each bound's interval, and of the confirmation."""
    batch: int = 16
    """Episodes between two looks."""
    most: int = 256
    """Episodes after which a test is given up; then nothing is shown."""
    joint: bool = False
    """Whether the other factors draw from their current ranges, instead of staying nominal."""
    inside: int = 3
    """Points between nominal and a bound at which it is tried, too."""


@dataclass(frozen=True)
class Trial:
    """A bound held at a position while all others are as they were when it began; or a whole set of ranges."""

    bound: int | None
    """None for the policy at nominal values, and for all factors together."""
    position: int
    """Of the bound; for a whole set the part of the way that its bounds were given, of `PARTS`."""
    others: tuple[int, ...]
    """Position of every bound; only read where the others draw."""
    whole: int = 0
    """For a whole set the number of the confirmation, from 1: each runs other episodes."""


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
    holds: bool | None
    """None where `Settings.most` episodes did not decide."""
    successes: int
    episodes: int

    @property
    def rate(self) -> float:
        """Observed success."""
        return self.successes / self.episodes


@dataclass
class Adr:
    """The state of the search."""

    bounds: Sequence[Bound]
    settings: Settings
    held: list[int] = field(default_factory=list)
    """Farthest position of each bound at which the policy was shown to bear it, as at all points tried before it."""
    broke: list[int | None] = field(default_factory=list)
    """Nearest position beyond it at which it was shown to fail; None where none was."""
    start: Decision | None = None
    """The policy at nominal values; where it is not shown to hold there, nothing is searched."""
    decisions: list[Decision] = field(default_factory=list)
    found: tuple[int, ...] = ()
    """`held` before the confirmation, which may take some of it back."""
    confirmed: Decision | None = None
    """The whole set that was shown to hold, which is `held`; None where none was."""

    def __post_init__(self) -> None:
        self.held = [0] * len(self.bounds)
        self.broke = [None] * len(self.bounds)

    def error(self, bound: Bound) -> float:
        """Error rate of one decision about a bound: its share among all that may be needed.

        One at the far end, those of a bisection, the points inside, and those of another bisection below one of them.
        """
        halvings = math.ceil(math.log2(max(1, bound.steps)))
        inside = self.settings.inside if bound.steps > 1 else 0
        return (1 - self.settings.confidence) / (1 + halvings + inside + (halvings if inside else 0))

    def run(self) -> Batches:
        """Yields the batches to evaluate together, and is sent their successes, until done."""
        nominal = Trial(None, 0, tuple(self.held))
        yield from _together([self._test(nominal, 1 - self.settings.confidence)])
        self.start = self.decisions[-1]
        if not self.start.holds:
            return
        if self.settings.joint:
            # One at a time, each among the ranges found so far, as widening one makes it harder for the others.
            for i in range(len(self.bounds)):
                yield from _together([self._search(i)])
            yield from self._settle()
        else:
            yield from _together([self._search(i) for i in range(len(self.bounds))])
        self.found = tuple(self.held)
        yield from self._confirm()

    def _search(self, i: int) -> Batches:
        """The bound by bisection, then tried at points inside, and found again below the first that does not hold."""
        steps, others = self.bounds[i].steps, tuple(self.held)
        yield from self._try(i, steps, others)
        yield from self._bisect(i, steps, others)
        points = self.settings.inside + 1
        for position in sorted({round(self.held[i] * k / points) for k in range(1, points)} - {0}):
            if position >= self.held[i] or self._verdict(Trial(i, position, others)):
                continue
            # Until it is tried, only what lies before it is shown.
            farther, self.held[i] = self.held[i], self._shown_before(i, position, others)
            yield from self._try(i, position, others)
            if self.held[i] == position:
                self.held[i] = farther
                continue
            yield from self._bisect(i, position, others)
            return

    def _bisect(self, i: int, limit: int, others: tuple[int, ...]) -> Batches:
        """From what holds to the nearest position that is not shown to, until they are neighbours."""
        while limit - self.held[i] > 1:
            position = (self.held[i] + limit) // 2
            yield from self._try(i, position, others)
            if self.held[i] != position:
                limit = position

    def _try(self, i: int, position: int, others: tuple[int, ...]) -> Batches:
        """Test a position and take note: only what is shown moves `held` or `broke`."""
        trial = Trial(i, position, others)
        if self._verdict(trial) is None:
            yield from self._test(trial, self.error(self.bounds[i]))
        holds = self._verdict(trial)
        if holds:
            self.held[i] = position
        elif holds is False:
            self.broke[i] = position

    def _shown_before(self, i: int, position: int, others: tuple[int, ...]) -> int:
        shown = [d.trial.position for d in self.decisions if d.holds and d.trial.bound == i]
        return max((p for p in shown if p < position and self._verdict(Trial(i, p, others))), default=0)

    def _settle(self) -> Batches:
        """Narrow bounds that are not shown to hold among the final ranges of the others, until they are.

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
                if self._verdict(trial) is False:
                    self.broke[i] = self.held[i]
                self.held[i] = max(0, self.held[i] - back[i])
                back[i] *= 2
                if self.held[i] == 0:
                    del back[i]

    def _confirm(self) -> Batches:
        """All factors together over the ranges found; where that is not shown to hold, over ranges that give way.

        First those give way that were seen to cost success, then all alike: see `confirmation`. What is taken is the
        widest set that was tried and shown to hold.
        """
        assert self.start is not None
        rates = [self._rate_at(i, position) for i, position in enumerate(self.found)]
        costs = [0.0 if rate is None else max(0.0, self.start.rate - rate) for rate in rates]
        if (yield from self._try_whole(PARTS, self.found)):
            return
        for giving in weights(costs):
            low, limit = 0, PARTS
            while limit - low > 1:
                part = (low + limit) // 2
                if (yield from self._try_whole(part, given_way(self.found, giving, part))):
                    low = part
                else:
                    limit = part
            if self.confirmed is not None:
                return

    def _try_whole(self, part: int, positions: tuple[int, ...]) -> Generator[list[Batch], list[int], bool]:
        """Whether the set is shown to hold; what was tried already is not tried again."""
        tried = [d for d in self.decisions if d.trial.whole and d.trial.others == positions]
        if not tried:
            number = 1 + sum(d.trial.whole > 0 for d in self.decisions)
            trial = Trial(None, part, positions, number)
            yield from _together([self._test(trial, (1 - self.settings.confidence) / ROUNDS)])
            tried = self.decisions[-1:]
        if tried[0].holds:
            self.confirmed, self.held = tried[0], list(positions)
        return bool(tried[0].holds)

    def _rate_at(self, i: int, position: int) -> float | None:
        """Success at a bound's position, as last seen."""
        seen = [d.rate for d in self.decisions if d.trial.bound == i and d.trial.position == position]
        return seen[-1] if seen else None

    def _test(self, trial: Trial, error: float) -> Batches:
        settings, successes, episodes = self.settings, 0, 0
        threshold = -math.log(error)
        # The confirmation must not be on the episodes, with their luck, by which the ranges were chosen.
        first = trial.whole * settings.most
        while True:
            count = min(settings.batch, settings.most - episodes)
            (won,) = yield [Batch(trial, first + episodes, count)]
            successes, episodes = successes + won, episodes + count
            evidence = log_ratio(successes, episodes, settings)
            decided = abs(evidence) >= threshold
            if decided or episodes >= settings.most:
                holds = evidence > 0 if decided else None
                self.decisions.append(Decision(trial, holds, successes, episodes))
                return

    def _verdict(self, trial: Trial) -> bool | None:
        """What is known of a trial; None also where it was not run."""
        return next((d.holds for d in reversed(self.decisions) if d.trial == trial), None)


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
