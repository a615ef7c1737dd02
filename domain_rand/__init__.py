"""What varies between episodes, by how much, and who decided: factors, their distributions, and sets of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from domain_rand.episode import Episode, draw_episode
    from domain_rand.factor import Factor
    from domain_rand.sets import FactorSet, load_set

__all__ = ["Episode", "Factor", "FactorSet", "draw_episode", "load_set"]

_HOMES = {
    "Episode": "domain_rand.episode",
    "draw_episode": "domain_rand.episode",
    "Factor": "domain_rand.factor",
    "FactorSet": "domain_rand.sets",
    "load_set": "domain_rand.sets",
}


def __getattr__(name: str) -> Any:
    # When asked for: every command reads its options through `domain_rand.notation`, and few of them need PyTorch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
