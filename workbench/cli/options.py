"""Options as ``key=value``: typed dataclasses in, one clear sentence out when something is wrong.

A command's options are a dataclass whose fields carry ``option("what it means", unit="s")``. Types, unknown keys and
the text of ``--help`` all come from it. A mapping field
with ``metadata=words("dr.", ...)`` collects the options whose key begins so.

A word is read by the type of its option, as `domain_rand.notation` says: ``seed=010`` is ten, ``seed=0x10`` is refused,
text is taken as it is typed. An option that may be absent takes ``none``.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from domain_rand.notation import NotationError, number, scalar, truth, whole
from workbench.cli.option_table import OptionTable

READERS: dict[Any, Callable[[str], Any]] = {
    int: whole, float: number, bool: truth, str: str, Path: Path, Any: scalar,
}  # fmt: skip
"""How a word is read, by the type that is declared."""
_ABSENT = ("none", "null")
"""Words for the absence of a value, where an option may have none."""


class OptionError(Exception):
    """Options that cannot be used, in one sentence."""


def option(default: Any, text: str, unit: str = "", key: str = "") -> Any:
    """A field of an options dataclass: default, what it means, its unit; its key if that is no name in Python."""
    return dataclasses.field(default=default, metadata={"help": text, "unit": unit, "key": key})


def _key(field: dataclasses.Field) -> str:
    return field.metadata.get("key") or field.name


def words(prefix: str, form: str, text: str) -> dict[str, str]:
    """Metadata of a mapping field for all options whose key begins with ``prefix``: rest of the key -> text as typed.

    ``form`` says in ``--help`` what such a key looks like.
    """
    return {"help": text, "prefix": prefix, "form": form}


def parse_options[Options](cls: type[Options], given: Sequence[str]) -> Options:
    """An options dataclass from words ``key=value``; OptionError for anything unknown or of the wrong type."""
    names, prefixes = option_keys(cls)
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
            raise OptionError(unknown_option(key, names))
        into = pairs if prefix is None else collected.setdefault(prefixes[prefix], {})
        rest = key.removeprefix(prefix or "")
        if rest in into:
            raise OptionError(f"option {key!r} is given twice")
        into[rest] = value
    kinds = get_type_hints(cls)
    fields = {_key(f): f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {
        fields[key]: read_option(key, word, kinds[fields[key]]) for key, word in pairs.items()
    }
    return cls(**values, **collected)


def read_option(key: str, word: str, kind: Any) -> Any:
    """The value of an option as typed; OptionError for what is none.

    Args:
        key: of the option.
        word: as typed.
        kind: its declared type: one of `READERS`, a `Literal`, or one of these or None.
    """
    members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if type(None) in members and word.strip().lower() in _ABSENT:
        return None
    kind, *others = [member for member in members if member is not type(None)]
    if get_origin(kind) is Literal and not others:
        options = {str(option): option for option in get_args(kind)}
        if word not in options:
            raise OptionError(f"option {key}={_cut(word)}: choose one of {', '.join(options)}")
        return options[word]
    if kind not in READERS or others:
        raise OptionError(f"option {key}: its type, {members}, cannot be written on a command line")
    try:
        return READERS[kind](word)
    except NotationError as problem:
        raise OptionError(f"option {key}={_cut(word)}: expected {problem}") from None


def listed(key: str, names: str) -> tuple[str, ...]:
    """What an option lists, separated by commas; OptionError for nothing where a name should be, as in ``a,,b``."""
    if not names.strip():
        return ()
    found = tuple(name.strip() for name in names.split(","))
    if "" in found:
        raise OptionError(f"option {key}={_cut(names)}: a name is missing beside a comma")
    return found


def option_keys(*classes: type) -> tuple[list[str], dict[str, str]]:
    """Keys of the options of dataclasses, and the prefixes of those not known by name -> the field for them."""
    fields = [f for cls in classes for f in dataclasses.fields(cls)]
    prefixes = {f.metadata["prefix"]: f.name for f in fields if "prefix" in f.metadata}
    return list(dict.fromkeys(_key(f) for f in fields if "prefix" not in f.metadata)), prefixes


def unknown_option(key: str, names: Sequence[str]) -> str:
    """Says that there is no such option, and what there is."""
    return f"there is no option {key!r}{_suggest(key.lstrip('-'), names)}"


def help_table(cls: type) -> OptionTable:
    """Every option of a dataclass: name, default, unit, meaning."""
    return OptionTable(("option", "default", "unit", "meaning"), [_row(f) for f in dataclasses.fields(cls)])


def _row(f: dataclasses.Field[Any]) -> tuple[str, str, str, str]:
    if "form" in f.metadata:
        return f.metadata["form"], "", "", f.metadata["help"]
    default = "" if f.default is None else str(f.default)
    if isinstance(f.default, bool):
        default = default.lower()
    return _key(f), default, f.metadata.get("unit", ""), f.metadata.get("help", "")


def _suggest(key: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, names, 1)
    return f"; did you mean {near[0]}=?" if near else f"; there are {', '.join(names) or 'none'}"


def _cut(word: str, most: int = 60) -> str:
    """A word as it can stand in a sentence: of one line, and short."""
    shown = word if word.isprintable() else repr(word)[1:-1]
    return shown if len(shown) <= most else shown[: most - 3] + "..."
