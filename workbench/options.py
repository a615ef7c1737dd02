"""Options as ``key=value``: typed dataclasses in, one clear sentence out when something is wrong.

A command's options are a dataclass whose fields carry ``option("what it means", unit="s")``. Types, unknown keys and
the text of ``--help`` all come from it. A mapping field
with ``metadata=words("dr.", ...)`` collects the options whose key begins so.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.table import Table


class OptionError(Exception):
    """Options that cannot be used, in one sentence."""


def option(default: Any, text: str, unit: str = "") -> Any:
    """A field of an options dataclass: default, what it means, its unit."""
    return dataclasses.field(default=default, metadata={"help": text, "unit": unit})


def words(prefix: str, form: str, text: str) -> dict[str, str]:
    """Metadata of a mapping field for all options whose key begins with ``prefix``: rest of the key -> text as typed.

    ``form`` says in ``--help`` what such a key looks like.
    """
    return {"help": text, "prefix": prefix, "form": form}


def parse_options[Options](cls: type[Options], given: Sequence[str]) -> Options:
    """An options dataclass from words ``key=value``; OptionError for anything unknown or of the wrong type."""
    prefixes = {
        f.metadata["prefix"]: f.name
        for f in dataclasses.fields(cls)  # type: ignore[arg-type]
        if "prefix" in f.metadata
    }
    names = [f.name for f in dataclasses.fields(cls) if f.name not in prefixes.values()]  # type: ignore[arg-type]
    pairs: dict[str, str] = {}
    collected: dict[str, dict[str, str]] = {}
    for word in given:
        key, equals, value = word.partition("=")
        if not equals:
            raise OptionError(
                f"options are written key=value, not {word!r}{_suggest(word.lstrip('-'), names)}"
            )
        prefix = next((p for p in prefixes if key.startswith(p)), None)
        if key not in names and prefix is None:
            raise OptionError(f"there is no option {key!r}{_suggest(key.lstrip('-'), names)}")
        into = pairs if prefix is None else collected.setdefault(prefixes[prefix], {})
        rest = key.removeprefix(prefix or "")
        if rest in into:
            raise OptionError(f"option {key!r} is given twice")
        into[rest] = value
    schema = OmegaConf.structured(cls)
    texts = {f.name for f in dataclasses.fields(cls) if str(f.type) == "str"}  # type: ignore[arg-type]
    for key, value in pairs.items():
        if key in texts:
            continue  # taken as typed: a folder may be called 007
        try:
            merged = OmegaConf.merge(schema, OmegaConf.from_dotlist([f"{key}={value}"]))
        except (OmegaConfBaseException, ValueError) as error:
            kind = next(f.type for f in dataclasses.fields(cls) if f.name == key)  # type: ignore[arg-type]
            raise OptionError(f"option {key}={value}: expected {_kind(str(kind))}") from error
        schema = merged
    options = OmegaConf.to_object(schema)
    assert isinstance(options, cls)
    for key in texts & pairs.keys():
        setattr(options, key, pairs[key])
    for key, by_rest in collected.items():
        setattr(options, key, by_rest)
    return options


def help_table(cls: type) -> Table:
    """Every option of a dataclass: name, default, unit, meaning."""
    table = Table(box=None, padding=(0, 2), show_edge=False)
    for heading in ("option", "default", "unit", "meaning"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "option")
    for f in dataclasses.fields(cls):
        if "form" in f.metadata:
            table.add_row(f.metadata["form"], "", "", f.metadata["help"])
            continue
        default = (
            ""
            if f.default is None
            else str(f.default).lower()
            if isinstance(f.default, bool)
            else str(f.default)
        )
        table.add_row(f.name, default, f.metadata.get("unit", ""), f.metadata.get("help", ""))
    return table


def _suggest(key: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, names, 1)
    return f"; did you mean {near[0]}=?" if near else f"; there are {', '.join(names) or 'none'}"


def _kind(annotation: str) -> str:
    plain = annotation.removesuffix(" | None")
    names = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}
    return names.get(plain, plain)
