"""How often does attribution find what is there, and accuse what is not? Planted policies, judged as the bench does.

    python -m tools.attribution_power study=pairs
    python -m tools.attribution_power study=types runs=50 seed=0

Prints Markdown tables, those of docs/attribution.md. Episodes are real draws; outcomes follow a planted rule with
random numbers keyed by the seed; every number goes through the functions that ``workbench eval attribute=...`` and
``workbench tune adr`` call. Nominal figures stand beside the measured ones.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import stats

from domain_rand.factor import nominal_values
from domain_rand.sets import load_set
from tasks.episode import EpisodeSpec
from tasks.registry import DEFAULT as DEFAULT_TASK
from workbench.attribution.in_loop import attribute_factorial
from workbench.attribution.ladder import analyse_ladder
from workbench.attribution.planning import plan_ladder
from workbench.cli.options import OptionError, option, parse_options
from workbench.stats import keyed_generator, wilson_interval
from workbench.tuning.adr import Adr, Bound, Settings, Trial

SET = load_set(
    "heavy", {"control.action_delay": {"lo": 0, "hi": 6}, "camera.exposure": {"lo": 0.35, "hi": 2.8}}
)
TASK = DEFAULT_TASK
STUDIES = ("pairs", "types", "ladder", "tune")
DELAY, EXPOSURE = "control.action_delay", "camera.exposure"
Rule = Callable[[Mapping[str, Any]], float]
"""Probability of success, from the values that were drawn."""


@dataclass
class PowerOptions:
    """Options of the studies."""

    study: str = option("", f"which one: {', '.join(STUDIES)}")
    runs: int = option(0, "simulated runs behind each number; 0 for the study's own")
    seed: int = option(0, "of the draws and outcomes")
    episodes: int = option(300, "episodes of a run (pairs, types)", "episodes")


@functools.cache
def draws(seed: int, count: int) -> tuple[dict[str, Any], ...]:
    """Factors of the first episodes of a suite, as `draw_episode` draws them; no scene is made of them."""
    found = []
    for i in range(count):
        spec, values = EpisodeSpec(TASK, i, seed), nominal_values(TASK)
        for factor in SET.factors:
            values[factor.name] = factor.value(spec.generator(factor.stream or factor.name), values)
        found.append({factor.name: values[factor.name] for factor in SET.factors})
    return tuple(found)


def asked(rule: Rule, seed: int, options: PowerOptions) -> dict[str, Any]:
    """The analysis of one run of a planted policy."""
    drawn = draws(1000 * options.seed + seed, options.episodes)
    luck = keyed_generator(options.seed, f"planted/{seed}").random(len(drawn))
    records = {
        i: SimpleNamespace(task=TASK, factors=values, success=bool(luck[i] < rule(values)))
        for i, values in enumerate(drawn)
    }
    return attribute_factorial(SET, records, 0.95, seed)  # type: ignore[arg-type]


def share(hits: int, runs: int) -> str:
    """A share with its 95 % interval."""
    low, high = wilson_interval(hits, runs)
    return f"{hits}/{runs} = {hits / runs:.2f} [{low:.2f}, {high:.2f}]"


def row(*cells: str) -> None:
    """A row of a Markdown table on the terminal."""
    print("| " + " | ".join(cells) + " |", flush=True)


def head(*cells: str) -> None:
    """The first two rows."""
    row(*cells)
    row(*["---"] * len(cells))


def pairs(options: PowerOptions) -> None:
    """Delay of two steps or more with exposure below 0.9, at several rates elsewhere; and independent causes."""
    runs, wanted = options.runs or 12, {DELAY, EXPOSURE}
    head("policy", "pair found", "another pair found (nominal: 0.05 at most)")
    for base in (0.85, 0.9, 0.95, 0.98, 1.0):
        found = [
            [set(p["factors"]) for p in asked(together(base), seed, options)["pairs"]] for seed in range(runs)
        ]
        hits, others = sum(wanted in f for f in found), sum(any(p != wanted for p in f) for f in found)
        row(f"fail together, {base:g} elsewhere", share(hits, runs), share(others, runs))
    for base in (0.95, 1.0):
        false = sum(bool(asked(independent(base), seed, options)["pairs"]) for seed in range(runs))
        row(f"two independent causes, {base:g} elsewhere", "–", share(false, runs))


def together(base: float) -> Rule:
    """Success breaks down where both are bad."""
    return lambda v: 0.12 if v[DELAY] >= 2 and v[EXPOSURE] < 0.9 else base


def independent(base: float) -> Rule:
    """Two strong effects, each as if alone."""
    return lambda v: base * (0.4 if v[DELAY] > 3 else 1.0) * (0.5 if v[EXPOSURE] < 0.7 else 1.0)


WEAKNESSES: dict[str, tuple[str, Callable[[Mapping[str, Any]], bool]]] = {
    "target in the left third": ("layout.target_y", lambda v: v["scene.poses"][1] > 0.1),
    "target's yaw within 46° of 172°": (
        "layout.target_yaw",
        lambda v: abs(math.remainder(v["scene.poses"][2] - 3.0, math.tau)) < 0.8,
    ),
    "one joint of seven": ("scene.initial_arm", lambda v: v["scene.initial_arm"][3] < -0.04),
    "template 7 of 10": ("language.paraphrase", lambda v: v["language.paraphrase"] == 7),
    "receptacle in the target's colour": (
        "layout.receptacle_has_target_color",
        lambda v: v["scene.target_color"] == v["scene.receptacle_color"],
    ),
    "two shapes of eight": ("scene.target_shape", lambda v: v["scene.target_shape"] in ("cube", "cone")),
}


def types(options: PowerOptions) -> None:
    """One weakness of each type, strong and weak; and policies without any."""
    runs = options.runs or 20
    head(
        "weakness (0.93 elsewhere)",
        "named, 0.2 inside",
        "named, 0.5 inside",
        "another named, too (nominal: 0.05 at most)",
    )
    for name, (factor, bad) in WEAKNESSES.items():
        cells = [name]
        false = 0
        for inside in (0.2, 0.5):
            found = [
                asked(lambda v, r=inside, b=bad: r if b(v) else 0.93, seed, options)["breaking"]
                for seed in range(runs)
            ]
            cells.append(share(sum(factor in f for f in found), runs))
            false += sum(bool(set(f) - {factor}) for f in found)
        row(*cells, share(false, 2 * runs))
    none = [asked(lambda v: 0.85, seed, options) for seed in range(4 * runs)]
    row("none", "–", "–", share(sum(bool(f["breaking"] or f["pairs"]) for f in none), 4 * runs))


def ladder(options: PowerOptions) -> None:
    """One factor of five levels, 32 episodes each, luck half the episode's."""
    runs = options.runs or 300
    plan = plan_ladder(SET, 32, 5, only=["control.action_delay"])
    cases: dict[str, Callable[[float], float]] = {
        "0.9 everywhere": lambda s: 0.9,
        "steady fall from 0.9 to 0.6": lambda s: 0.9 - 0.3 * s,
        "0.9, then 0.6 from the first level": lambda s: 0.6 if s else 0.9,
        "0.9, then 0.6 at the last level": lambda s: 0.6 if s == 1 else 0.9,
        "0.9, then 0.72 (the margin) from the first level": lambda s: 0.72 if s else 0.9,
    }
    head(
        "success",
        "fall told, levels pooled",
        "fall told at a single level",
        "last level shown to hold",
        "range goes past a level that does not hold",
    )
    for name, rate in cases.items():
        rng = keyed_generator(options.seed, f"ladder/{name}")
        rates = np.array([[rate(c.severity)] for c in plan.conditions])
        pooled = alone = held = wrong = 0
        for _ in range(runs):
            luck = np.sqrt(0.5) * (rng.normal(size=32) + rng.normal(size=(len(rates), 32)))
            outcomes = dict(enumerate((stats.norm.cdf(luck) < rates).ravel().tolist()))
            (factor,) = analyse_ladder(plan, outcomes)["factors"]
            levels = factor["ladders"][0]["levels"]
            pooled += factor["p_adjusted"] < 0.05
            alone += any(level["p_adjusted"] < 0.05 for level in levels)
            held += levels[-1]["state"] == "holds"
            reached = factor["ladders"][0]["holds_to"]
            wrong += any(rate(s) <= 0.72 for s in (c.severity for c in plan.conditions[1:]) if s <= reached)
        row(name, *(share(k, runs) for k in (pooled, alone, held, wrong)))


def tune(options: PowerOptions) -> None:
    """A bound that holds to half of the way; and ten factors that cost 12 % each at their bounds."""
    runs, steps = options.runs or 300, 32
    head("success to half of the way, then", "bound past it", "said to fail before it", "not decided")
    for name, high, low, settings in (
        ("0.8, then 0.6; most=32", 0.8, 0.6, Settings(most=32)),
        ("0.9, then 0.5; most=32", 0.9, 0.5, Settings(most=32)),
        ("0.8, then 0.75; widen_above=0.8 narrow_below=0.75", 0.8, 0.75, Settings(0.8, 0.75)),
        ("0.9, then 0.5", 0.9, 0.5, Settings()),
    ):
        rng = keyed_generator(options.seed, f"tune/{name}")
        past = short = undecided = 0
        for _ in range(runs):
            adr = search(1, lambda t, h=high, b=low: h if t.position <= steps // 2 else b, rng, settings)
            past += bool(adr.found) and adr.found[0] > steps // 2
            short += adr.broke[0] is not None and adr.broke[0] <= steps // 2
            undecided += any(d.holds is None for d in adr.decisions)
        row(name, *(share(k, runs) for k in (past, short, undecided)))
    head(
        "cost of each of ten factors at its bound",
        "confirmed",
        "confirmed at a true rate of 0.6 or less",
        "share of the way, one at a time",
        "share of the way, confirmed",
    )
    for cost in (0.0, 0.12):
        rng = keyed_generator(options.seed, f"tune/together/{cost}")

        def rule(trial: Trial, cost: float = cost) -> float:
            at = [1 - cost * p / steps / 2 for p in trial.others]
            return math.prod(at) if trial.whole else 1 - cost * trial.position / steps

        found = [search(10, rule, rng, Settings()) for _ in range(runs // 3)]
        good = [adr for adr in found if adr.confirmed]
        bad = sum(rule(Trial(None, 0, tuple(adr.held), 1)) <= 0.6 for adr in good)
        mean = [
            np.mean([np.mean(a.found) / steps for a in found]),
            np.mean([np.mean(a.held) for a in good]) / steps,
        ]
        counts = share(len(good), len(found)), share(bad, len(found))
        row(f"{cost:g}", *counts, f"{mean[0]:.2f}", f"{mean[1]:.2f}")


def search(bounds: int, rule: Callable[[Trial], float], rng: np.random.Generator, settings: Settings) -> Adr:
    """A search with random outcomes; at nominal values all succeed."""
    adr = Adr([Bound(str(i), 32) for i in range(bounds)], settings)
    steps = adr.run()
    wave = next(steps)
    while True:
        rates = [rule(b.trial) if b.trial.bound is not None or b.trial.whole else 1.0 for b in wave]
        won = [int(rng.binomial(b.count, rate)) for b, rate in zip(wave, rates, strict=True)]
        try:
            wave = steps.send(won)
        except StopIteration:
            return adr


def main() -> int:
    """Run a study."""
    try:
        options = parse_options(PowerOptions, sys.argv[1:])
        if options.study not in STUDIES:
            raise OptionError(f"there is no study {options.study!r}: choose one of {', '.join(STUDIES)}")
    except OptionError as error:
        print(f"attribution_power: {error}", file=sys.stderr)
        return 2
    {"pairs": pairs, "types": types, "ladder": ladder, "tune": tune}[options.study](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
