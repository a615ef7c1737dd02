"""`Settings`: per-environment tensors and what is nominal, the base of everything that can be set about an image.

They live on the host: asking which rows are nominal, and so need no work, then never waits for a device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import torch

Index = slice | list[int]


@dataclass
class Rows:
    """A record of tensors ``[N, ...]``, one row an environment."""

    def rows(self, index: Index) -> Self:
        """The same of some of the environments; a field that is None stays so."""

        def pick(value: Any) -> Any:
            if value is None:
                return None
            return value.rows(index) if isinstance(value, Rows) else value[index]

        return type(self)(**{field.name: pick(getattr(self, field.name)) for field in fields(self)})


@dataclass
class Settings(Rows):
    """What can be set, environment by environment."""

    NOMINAL: ClassVar[Mapping[str, float | tuple[float, ...]]]
    """Field -> value that changes nothing; its type is the tensor's, a tuple makes rows vectors."""
    ACCESSORY: ClassVar[frozenset[str]] = frozenset()
    """Fields without effect while all others are nominal, such as the direction of a lamp that is off."""

    @classmethod
    def nominal(cls, num_envs: int, width: int | None = None) -> Self:
        """Nominal values for ``N`` environments; ``width`` makes every scalar a vector of so many."""
        values = {name: torch.tensor(value) for name, value in cls.NOMINAL.items()}
        if width is not None:
            values = {name: value.repeat(width) for name, value in values.items()}
        return cls(**{name: value.repeat(num_envs, *(1,) * value.dim()) for name, value in values.items()})

    def active(self) -> torch.Tensor:
        """Which rows ``[N]`` are not nominal."""
        changed = []
        for name, nominal in self.NOMINAL.items():
            if name not in self.ACCESSORY:
                value = getattr(self, name)
                differs = value != torch.tensor(nominal, device=value.device)
                changed.append(differs.flatten(1).any(1) if differs.dim() > 1 else differs)
        return torch.stack(changed).any(0)


def on_rows(
    image: torch.Tensor, active: torch.Tensor, op: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """``op(image[rows], rows)`` where ``active`` ``[N]``; other rows keep their values, bit for bit.

    Without an active row that is the image itself.
    """
    rows = active.nonzero()[:, 0].cpu()
    if len(rows) == 0:
        return image
    if len(rows) == len(image):
        return op(image, rows)
    result = image.clone()
    result[rows] = op(image[rows], rows)
    return result


class NamedSettings:
    """Several groups of settings, set by name."""

    def __init__(self, *groups: Settings) -> None:
        self._groups = {name: group for group in groups for name in group.NOMINAL}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all settings."""
        return tuple(self._groups)

    def get(self, name: str) -> torch.Tensor:
        """Values of a setting ``[N, ...]``. ValueError if there is none of that name."""
        if name not in self._groups:
            raise ValueError(f"no image setting is called {name!r}; there are {', '.join(self.names)}")
        held: torch.Tensor = getattr(self._groups[name], name)
        return held

    def set(self, name: str, rows: Sequence[int], values: Sequence[Any] | torch.Tensor) -> None:
        """Set a value in each of the environments ``rows``: ``[n, ...]``. ValueError if that is not possible."""
        held, index = self.get(name), list(rows)
        given = torch.as_tensor(values).to(held)
        expected = [len(index), *held.shape[1:]]
        if list(given.shape) != expected:
            raise ValueError(
                f"{name} in {len(index)} environments has shape {expected}, not {list(given.shape)}"
            )
        held[index] = given

    def reset(self, rows: Sequence[int]) -> None:
        """Make everything nominal in the environments ``rows``."""
        for name, group in self._groups.items():
            held = self.get(name)
            held[list(rows)] = torch.tensor(group.NOMINAL[name], dtype=held.dtype)
