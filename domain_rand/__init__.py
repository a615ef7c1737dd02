"""What varies between episodes, by how much, and who decided: factors, their distributions, and sets of them."""

from domain_rand.episode import Episode, draw_episode
from domain_rand.factor import Factor
from domain_rand.sets import FactorSet, load_set

__all__ = ["Episode", "Factor", "FactorSet", "draw_episode", "load_set"]
