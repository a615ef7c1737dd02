"""Runs on the same episodes: is one policy better, by how much, and on which episodes do they differ?

Episodes are paired by their number in the suite. Pairing only means something where both runs faced the same draw, so
task, seed, instruction and factors must agree on every pair; that they do is checked, not assumed. Which episodes a
run may contribute is decided in `sample`: never by which of them happened to finish.
"""

from workbench.comparison.result import Comparison, ComparisonError
from workbench.comparison.two import compare, compare_records, compare_samples

__all__ = ["Comparison", "ComparisonError", "compare", "compare_records", "compare_samples"]
