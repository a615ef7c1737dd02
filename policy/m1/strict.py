"""Frozen dataclasses from plain JSON types, where an unknown, missing or ill-typed key is an error that names it.

A configuration that silently drops a key is how a published model came to train without the gradient scale that its
file asked for. Here a key that no field takes cannot be read.
"""

from __future__ import annotations

import dataclasses
import reprlib
import sys
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from policy.action import ADDED_LATER

_SHORT = reprlib.Repr(maxlevel=2, maxlist=4, maxtuple=4, maxdict=4, maxstring=80, maxother=80, maxlong=24)


def shown(value: Any) -> str:
    """A value of unknown origin in few characters, for a sentence that says that it is wrong."""
    return _SHORT.repr(value)


class ConfigError(ValueError):
    """A configuration that cannot be used, in one sentence."""


def from_plain[T](cls: type[T], data: Any, where: str = "config", sparse: bool = False) -> T:
    """A dataclass ``cls`` from nested mappings, lists, numbers and strings; the inverse of `to_plain`.

    Every field must be given, but for those that files of older releases lack (`policy.action.ADDED_LATER`), or with
    ``sparse``, for files that people write, those with a default. Raises ConfigError for a key that is unknown (naming
    the valid ones), missing, or of the wrong type, and for values that ``cls`` itself refuses.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where} must be a mapping, not {type(data).__name__}")
    hints = get_type_hints(cls)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]  # T is one of dataclasses, which no type can say
    names = [f.name for f in fields]
    unknown = [str(key) for key in data if key not in names]
    if unknown:
        raise ConfigError(f"{where} has no key {', '.join(unknown)}; its keys are {', '.join(names)}")
    missing = [f.name for f in fields if f.name not in data and not _may_lack(f, sparse)]
    if missing:
        raise ConfigError(f"{where} lacks {', '.join(missing)}")
    values = {
        name: _value(hints[name], data[name], f"{where}.{name}", sparse) for name in names if name in data
    }
    try:
        return cls(**values)
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error


def to_plain(config: Any) -> dict[str, Any]:
    """Plain JSON types of a dataclass; tuples become lists when written."""
    return dataclasses.asdict(config)


def _may_lack(f: dataclasses.Field[Any], sparse: bool) -> bool:
    has_default = f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING
    return ADDED_LATER.items() <= f.metadata.items() or (sparse and has_default)


def _value(kind: Any, value: Any, where: str, sparse: bool = False) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (inner,) = [a for a in arguments if a is not type(None)]
        return _value(inner, value, where, sparse)
    if origin is Literal:
        if value not in arguments:
            raise ConfigError(f"{where} must be one of {', '.join(map(str, arguments))}, not {shown(value)}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where} must be a list, not {shown(value)}")
        if arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise ConfigError(f"{where} must have {len(arguments)} entries, not {len(value)}")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        pairs = enumerate(zip(kinds, value, strict=True))
        return tuple(_value(k, v, f"{where}[{i}]", sparse) for i, (k, v) in pairs)
    if origin is Mapping:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ConfigError(f"{where} must be a mapping with names for keys, not {shown(value)}")
        return {key: _value(arguments[1], v, f"{where}.{key}", sparse) for key, v in value.items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return from_plain(kind, value, where, sparse)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= sys.float_info.max:
            raise ConfigError(f"{where} must be a finite number, not {shown(value)}")
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{where} must be {_NAMES.get(kind, kind)}, not {shown(value)}")
    return value


_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
