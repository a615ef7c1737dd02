"""Drawing an episode: a value for every factor, and the scene that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from domain_rand.factor import Value, nominal_values
from domain_rand.sets import FactorSet, FactorSetError, build_set
from domain_rand.splits import check_split
from tasks.episode import EpisodeSpec
from tasks.registry import DEFAULT, find
from tasks.tabletop.scene import Scene

LOOKS = ("appearance", "camera")
"""Families of factors that change what cameras see, and nothing else."""
NOISE_SEED = "episode.noise_seed"
"""Name of the factor that seeds what is random while an episode runs."""
POLICY_SEED = "episode.policy_seed"
"""Name of the factor that seeds what is random in the policy."""


@dataclass(frozen=True)
class Episode:
    """A named episode with everything that was drawn for it."""

    spec: EpisodeSpec
    factors: dict[str, Value]
    """Value of every factor of the set, by name."""
    scene: Scene
    split: str = ""
    """The split of its task that it was drawn in; empty without one."""
    held_out: tuple[str, ...] = ()
    """What of it is seen in no episode of the split ``seen``: "red cube"; empty without a split."""

    @property
    def policy_seed(self) -> int:
        """Seed for a policy's own randomness in this episode."""
        return int(cast(int, self.factors[POLICY_SEED]))


def draw_episode(spec: EpisodeSpec, factor_set: FactorSet) -> Episode:
    """Draw all factors of an episode; the same arguments always give the same episode."""
    values = nominal_values(spec.task)
    for factor in factor_set.factors:
        values[factor.name] = factor.value(spec.generator(factor.stream or factor.name), values)
    drawn = {factor.name: values[factor.name] for factor in factor_set.factors}
    held_out = check_split(spec, factor_set, drawn) if factor_set.split else ()
    return Episode(spec, drawn, find(spec.task).compose(values), factor_set.split, held_out)


def draw_scene(
    spec: EpisodeSpec, given: Mapping[str, Value] | None = None, task: str = DEFAULT
) -> tuple[dict[str, Value], Scene]:
    """A scene that is nominal but for what is ``given``, and the values of all factors that made it.

    Args:
        spec: names the episode; of which task it is says ``task``, so that names of one's own may be made up.
        given: values by factor; what is not in it and has no nominal value is drawn.
        task: name of the task.
    """
    values = nominal_values(task) | dict(given or {})
    for factor in build_set(spec.suite, {}, task).factors:
        if factor.name not in values:
            values[factor.name] = factor.value(spec.generator(factor.name), values)
    return values, find(task).compose(values)


def redraw_looks(episode: Episode, factor_set: FactorSet, rendering: int) -> Episode:
    """The same episode as cameras might have seen it another time: appearance, cameras and image noise drawn anew.

    What happened stays; only factors of the families in `LOOKS` and the noise seed change. Rendering by rendering the
    draws are independent, and keyed like all others by suite seed, index and factor name.
    """
    values = nominal_values(episode.spec.task) | episode.factors
    for factor in factor_set.factors:
        if factor.family in LOOKS or factor.name == NOISE_SEED:
            values[factor.name] = factor.value(
                episode.spec.generator(f"{factor.name}/rendering/{rendering}"), values
            )
    return replace(episode, factors={name: values[name] for name in episode.factors})


def apply_episodes(env: Any, rows: Sequence[int], episodes: Sequence[Episode], factor_set: FactorSet) -> None:
    """Set the environments ``rows`` to the values drawn for their episodes, and let them take effect.

    Every factor of ``factor_set``, which holds all that ever varies in this simulation, is applied each time, at its
    nominal value where an episode does not name it: what an episode is like must not depend on the one before.
    FactorSetError for two factors that ask for the same setting: the record of one of them would be untrue.
    """
    asked = _Asked(env)
    for factor in factor_set.factors:
        asked.by = factor.name
        nominal = cast(Value, factor.nominal)  # factors without one are drawn for every episode
        factor.apply(asked, rows, [episode.factors.get(factor.name, nominal) for episode in episodes])
    env.commit(rows, [int(cast(int, episode.factors[NOISE_SEED])) for episode in episodes])


class _Asked:
    """An environment that notes which factor asks for which of its settings."""

    def __init__(self, env: Any) -> None:
        self._env = env
        self._owner: dict[str, str] = {}
        self.by = ""
        """The factor whose turn it is."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def set(self, name: str, rows: Sequence[int], values: Sequence[Value]) -> None:
        """As the environment's."""
        owner = self._owner.setdefault(name, self.by)
        if owner != self.by:
            raise FactorSetError(
                f"{owner} and {self.by} both set {name}: leave one of them out of the set, as with dr.{owner}=nominal"
            )
        self._env.set(name, rows, values)
