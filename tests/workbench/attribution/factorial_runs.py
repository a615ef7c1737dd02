"""Runs with planted weaknesses, and their analysis."""

from __future__ import annotations

import functools

from domain_rand.episode import draw_episode
from tasks.episode import EpisodeSpec
from tests.workbench.planted import nominal_values, outcome, planted_set
from workbench.attribution.factorial import analyse_factorial

SET = planted_set(idle=20)
NAMES = [f.name for f in SET.factors if f.distribution is not None]
NOMINAL = nominal_values() | {f.name: f.nominal for f in SET.factors if f.nominal is not None}


@functools.cache
def episodes(count, seed=0):
    return [draw_episode(EpisodeSpec("pick_place", i, seed), SET) for i in range(count)]


def draws(drawn):
    return [{name: e.factors[name] for name in NAMES} for e in drawn]


def analyse(rule, count, seed=0):
    drawn = episodes(count, seed)
    return analyse_factorial(draws(drawn), [outcome(rule, e) for e in drawn], nominal=NOMINAL, seed=seed)
