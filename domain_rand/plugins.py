"""Factors, and checks of them, that other installed packages bring: entry points, imported by name.

    [project.entry-points."workbench.factors"]
    rolling = "my_package.factors"          # importing it registers factors, with domain_rand.factor.register

    [project.entry-points."workbench.checks"]
    rolling = "my_package.checks"           # importing it registers checks, with domain_rand.checks.check.check

A package that cannot be imported costs its own factors, with a line on standard error, and nothing else.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint

from robots.entry_points import entry_points

FACTORS, CHECKS = "workbench.factors", "workbench.checks"


@dataclass(frozen=True)
class Plugin:
    """One entry point, and how its import went."""

    group: str
    name: str
    module: str
    package: str
    """Name and version of the package that brings it."""
    problem: str
    """Why it could not be imported; empty where it could."""


@cache
def load(group: str) -> tuple[Plugin, ...]:
    """Import what is registered under a group, once; what fails is said on standard error."""
    found = tuple(_loaded(group, point) for point in entry_points(group=group))
    for plugin in found:
        if plugin.problem:
            print(
                f"workbench: {plugin.package} registers {plugin.name} under {group}, but {plugin.module} cannot be "
                f"imported: {plugin.problem}; mend or uninstall it",
                file=sys.stderr,
            )
    return found


def _loaded(group: str, point: EntryPoint) -> Plugin:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "a package"
    problem = ""
    try:
        point.load()
    except Exception as failure:  # of somebody else's code, any kind
        problem = f"{type(failure).__name__}: {' '.join(str(failure).split())}"
    return Plugin(group, point.name, point.value, package, problem)
