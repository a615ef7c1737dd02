"""Drawing an episode: a value for every factor, and the scene that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain_rand.factor import REGISTRY, Value
from domain_rand.sets import FactorSet
from tasks.episode import EpisodeSpec
from tasks.pick_place.compose import compose
from tasks.pick_place.scene import Scene


@dataclass(frozen=True)
class Episode:
    """A named episode with everything that was drawn for it."""

    spec: EpisodeSpec
    factors: dict[str, Value]
    """Value of every factor of the set, by name."""
    scene: Scene


def draw_episode(spec: EpisodeSpec, factor_set: FactorSet) -> Episode:
    """Draw all factors of an episode; the same arguments always give the same episode."""
    values: dict[str, Value] = {
        name: cls.nominal for name, cls in REGISTRY.items() if cls.nominal is not None
    }
    for factor in factor_set.factors:
        values[factor.name] = factor.draw(spec.generator(factor.name), values)
    drawn = {factor.name: values[factor.name] for factor in factor_set.factors}
    return Episode(spec, drawn, compose(values))


def apply_episodes(env: Any, rows: Sequence[int], episodes: Sequence[Episode]) -> None:
    """Set the environments ``rows`` to the drawn values; factors outside the set go back to nominal."""
    for name, cls in REGISTRY.items():
        if cls.nominal is None:
            continue  # the scene itself, which the environment already holds
        values = [episode.factors.get(name, cls.nominal) for episode in episodes]
        cls().apply(env, rows, values)
