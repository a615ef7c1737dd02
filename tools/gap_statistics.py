"""Do the intervals and tests of `workbench.gap` hold what they say? By simulation, as tables in markdown.

    python -m tools.gap_statistics study=prediction runs=2000
    python -m tools.gap_statistics study=scorecard runs=300

*prediction*: coverage of the prediction-powered interval at 95 %, its length against that of real trials alone, and the
real trials saved, for simulators that agree with reality more or less, and for one that knows nothing.
*scorecard*: coverage of the intervals of bias, Pearson's correlation and the rank violation, and how often chance is
taken for agreement (at 5 %) where simulation says nothing.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from workbench.cli.options import OptionError, option, parse_options
from workbench.gap.agreement import measures
from workbench.gap.prediction_powered import estimate
from workbench.gap.scorecard import Cell, score

RATES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95)


SIMULATORS = (
    ("useless", 0.0, 0.0),
    ("r = .5", 0.5, 0.0),
    ("r = .8", 0.8, 0.0),
    ("r = .8, 20 points off", 0.8, 0.2),
)
"""Name, correlation of outcomes, and by how much the simulated rate is off."""


@dataclass
class Options:
    """Options of the studies."""

    study: str = option("prediction", "prediction or scorecard")
    runs: int = option(1000, "simulated experiments of each row")
    seed: int = option(0, "of the random numbers")


def correlated(
    rng: np.random.Generator, p: float, q: float, rho: float, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of outcomes ``[n]`` at rates ``p`` and ``q`` with a correlation of ``rho``, or the highest possible."""
    both = p * q + rho * np.sqrt(p * (1 - p) * q * (1 - q))
    both = min(both, p, q)
    u = rng.random(n)
    real = u < p
    sim = (u < both) | ((u >= p) & (u < p + q - both))
    return real, sim


def prediction(options: Options) -> None:
    """Prints the table of the prediction-powered estimate."""
    print("| pairs | more | simulator | coverage | of real alone | length, of real alone | trials saved |")
    print("|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(options.seed)
    for n, more in ((10, 100), (20, 200), (30, 1000)):
        for name, rho, shift in (
            ("useless", 0.0, 0.0),
            ("r = .5", 0.5, 0.0),
            ("r = .8", 0.8, 0.0),
            ("r = .8, 20 points off", 0.8, 0.2),
        ):
            covered, alone, length, saved = [], [], [], []
            for p in RATES:
                q = min(0.98, max(0.02, p + (shift if p < 0.5 else -shift)))
                for _ in range(options.runs):
                    y, f = correlated(rng, p, q, rho, n)
                    g = rng.random(more) < q
                    told = estimate(real=y, paired_sim=f, more_sim=g)
                    low, high = told.alone
                    covered.append(told.interval[0] <= p <= told.interval[1])
                    alone.append(low <= p <= high)
                    length.append((told.interval[1] - told.interval[0]) / (high - low))
                    saved.append(told.trials_saved)
            print(
                f"| {n} | {more} | {name} | {np.mean(covered):.3f} | {np.mean(alone):.3f} | {np.mean(length):.2f} "
                f"| {np.mean(saved):.1f} |",
                flush=True,
            )


def scorecard(options: Options) -> None:
    """Prints the tables of the scorecard."""
    print("| policies | real, simulated trials | measure | coverage |")
    print("|---|---|---|---|")
    rng = np.random.default_rng(options.seed)
    for policies, real, sim in ((6, 20, 100), (10, 50, 200)):
        held: dict[str, list[bool]] = {"bias": [], "pearson": [], "mmrv": []}
        many = [world(rng, policies) for _ in range(4000)]
        truth = {
            name: float(
                measures(real=np.array([m[0] for m in many]), sim=np.array([m[1] for m in many]))[name].mean()
            )
            for name in ("bias", "mmrv")
        }
        truth["pearson"] = float(np.corrcoef(*(np.concatenate([m[k] for m in many]) for k in (0, 1)))[0, 1])
        for run in range(options.runs):
            r, s = world(rng, policies)
            card = score(tried(rng, r, s, real, sim), seed=run, draws=400)
            for name, hits in held.items():
                told = card.scores[name].interval
                if told is not None:
                    hits.append(told[0] <= truth[name] <= told[1])
        for name, hits in held.items():
            print(f"| {policies} | {real}, {sim} | {name} | {np.mean(hits):.3f} |", flush=True)
    print("\n| policies | chance taken for agreement: mmrv | pearson |")
    print("|---|---|---|")
    for policies in (6, 10):
        told = [
            score(
                tried(rng, rng.uniform(0.1, 0.85, policies), rng.uniform(0.1, 0.85, policies), 20, 100),
                draws=200,
                seed=k,
            )
            for k in range(options.runs)
        ]
        shares = [
            np.mean([(c.scores[name].p_chance or 1.0) <= 0.05 for c in told]) for name in ("mmrv", "pearson")
        ]
        print(f"| {policies} | {shares[0]:.3f} | {shares[1]:.3f} |", flush=True)


def world(rng: np.random.Generator, policies: int) -> tuple[np.ndarray, np.ndarray]:
    """True real and simulated rates ``[policies]``: simulation is 5 points too kind, and errs by 10."""
    real = rng.uniform(0.1, 0.85, policies)
    return real, np.clip(real + 0.05 + rng.normal(0, 0.1, policies), 0.02, 0.98)


def tried(rng: np.random.Generator, r: np.ndarray, s: np.ndarray, real: int, sim: int) -> list[Cell]:
    """Cells of so many trials at these rates."""
    return [
        Cell(f"policy{i}", "task", (int(rng.binomial(real, p)), real), (int(rng.binomial(sim, q)), sim))
        for i, (p, q) in enumerate(zip(r, s, strict=True))
    ]


def main(words: list[str]) -> int:
    """Runs one study; 2 for words that cannot be used."""
    studies = {"prediction": prediction, "scorecard": scorecard}
    try:
        options = parse_options(Options, words)
        if options.study not in studies:
            raise OptionError(f"there is no study {options.study!r}: choose one of {', '.join(studies)}")
    except OptionError as problem:
        print(f"gap_statistics: {problem}", file=sys.stderr)
        return 2
    studies[options.study](options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
