"""What a factor is, in its own words: the first paragraph of its class's docstring."""

from __future__ import annotations

import ast
import inspect
import textwrap

from domain_rand.factor import Factor


def what_it_is(factor: type[Factor]) -> str:
    """The paragraph on one line; read from the source where Python's ``-OO`` has left no docstrings."""
    return " ".join((factor.__doc__ or _written(factor)).strip().split("\n\n")[0].split())


def _written(factor: type[Factor]) -> str:
    try:
        module = ast.parse(textwrap.dedent(inspect.getsource(factor)))
    except OSError:
        return ""  # a class that stands in no file
    definition = module.body[0]
    return ast.get_docstring(definition) or "" if isinstance(definition, ast.ClassDef) else ""
