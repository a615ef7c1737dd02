"""`Factor`: one thing that varies. To add one, subclass it in ``domain_rand/factors`` and decorate with `register`.

    @register
    class ObjectMass(Factor):
        "Mass of every object."

        name = "dynamics.object_mass"
        unit = "x nominal"
        nominal = 1.0
        default = LogRange(0.5, 2.0)
        because = "from foam to solid plastic"
        legal = LogRange(0.05, 20.0)
        setting = "object_mass"

The environment knows how a setting takes effect (`tasks.settings`); a factor that is not one overrides `apply`.
A draw depends on the episode and the factor's name only. Factors whose meaning builds on others (where things stand
depends on which things there are) name those in `needs` and still take randomness from their own stream alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from domain_rand.distributions import Distribution, Fixed
from tasks.registry import find

Value = float | int | str | list[float] | list[str]


class Factor:
    """Base of all factors; instances carry the distribution in use."""

    name: ClassVar[str]
    """``family.what``, unique."""
    unit: ClassVar[str]
    """Unit of the value; ``1`` for plain numbers, ``name`` for words."""
    nominal: Value | None
    """The value with no randomisation; None for factors that always draw (a scene must hold something). In a set for a
    task it is that task's: instructions to push say "push" where others say "put"."""
    default: ClassVar[Distribution | None]
    """Distribution of the default set; None for factors whose draw has a structure of its own."""
    because: ClassVar[str] = ""
    """Why `default` is as wide as it is: a source, or a reason. Empty where there is no range."""
    legal: ClassVar[Distribution | None] = None
    """What can be applied at all; a set that asks for more is refused. None where `default` says it all."""
    length: ClassVar[int] = 1
    """Number of independent components; the value is a list when more than one."""
    stream: ClassVar[str] = ""
    """Name of its random numbers in an episode, where that is not the factor's own."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Names of factors whose values `draw` reads."""
    setting: ClassVar[str | None] = None
    """The environment's setting that takes the value; None for factors that the scene or its instruction is made of."""
    unsupported: ClassVar[Mapping[str, str]] = {}
    """Physics presets and renderers that cannot apply it -> why. Asking for it there is an error, never silence."""

    def __init__(self, distribution: Distribution | None = None) -> None:
        self.distribution = distribution if distribution is not None else self.default

    @property
    def family(self) -> str:
        """What it belongs to: the name up to the dot."""
        return self.name.partition(".")[0]

    def value(self, rng: np.random.Generator, drawn: Mapping[str, Value]) -> Value:
        """The value of one episode: the one that was asked for, or a draw."""
        if isinstance(self.distribution, Fixed):
            return self.distribution.sample(rng)
        return self.draw(rng, drawn)

    def draw(self, rng: np.random.Generator, drawn: Mapping[str, Value]) -> Value:
        """The value of one episode, from this factor's own random numbers and the values it `needs`."""
        assert self.distribution is not None, f"{self.name} has no distribution and no draw of its own"
        if self.length == 1:
            return self.distribution.sample(rng)
        return [float(self.distribution.sample(rng)) for _ in range(self.length)]

    def content(self) -> dict[str, Any]:
        """What else binds a run to this factor, in plain JSON types: hashes of files that its distribution names."""
        return {}

    def apply(self, env: Any, rows: Sequence[int], values: Sequence[Value]) -> None:
        """Ask the environments ``rows`` for these values; they take effect together, when all factors have asked."""
        if self.setting is not None:
            env.set(self.setting, rows, values)


REGISTRY: dict[str, type[Factor]] = {}
"""All factors by name, in the order in which they are drawn and applied."""

TASK = "task"
"""Beside the values of factors, draws see the name of the task that they are for under this key."""


def nominal_values(task: str) -> dict[str, Value]:
    """What draws for a task begin with: its name, and the nominal value of every factor that has one."""
    spec = find(task)
    values: dict[str, Value] = {TASK: task}
    for name, cls in REGISTRY.items():
        if cls.nominal is not None:
            values[name] = spec.nominal(name, cls.nominal)
    return values


def register(cls: type[Factor]) -> type[Factor]:
    """Class decorator that adds a factor to the catalogue."""
    if cls.name in REGISTRY:
        raise ValueError(f"two factors are called {cls.name!r}")
    missing = [name for name in cls.needs if name not in REGISTRY]
    if missing:
        raise ValueError(f"{cls.name!r} needs {', '.join(missing)}, which must be registered before it")
    REGISTRY[cls.name] = cls
    return cls
