"""YAML whose scalars are read as `domain_rand.notation` says.

Apart from it, because a command line is read without YAML, and loading that takes longer than answering ``--help``.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from domain_rand.notation import NUMBER, NotationError, scalar


def load(text: str) -> Any:
    """Mappings and lists from YAML, with scalars as `scalar` reads them; None for an empty document.

    Quoted scalars are text. NotationError, in one line, for what is no YAML, for a key that is given twice, and for
    structures that hold themselves.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else loader.construct_object(node, deep=True)
    except yaml.YAMLError as error:
        raise NotationError(" ".join(str(error).split())) from None
    except RecursionError:
        raise NotationError("lists and mappings that are not nested hundreds deep") from None


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """YAML without YAML 1.1's opinion on plain scalars, and without the last of two equal keys winning."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node; ConstructorError for a repeated key."""
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"$"), [""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(f"(?:{NUMBER.pattern})$"), list("+-.0123456789")
)
for _tag in ("int", "float"):
    _Loader.add_constructor(
        f"tag:yaml.org,2002:{_tag}", lambda loader, node: scalar(loader.construct_scalar(node))
    )
