"""GR00T's ModalityConfig: which keys of a modality a policy takes or gives, and at which steps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policy.serve.errors import Path, ProtocolError, shown

DEEPEST = 8
"""Containers inside containers; GR00T's own use three."""
LONGEST_JSON = 64 << 10
"""A configuration names some tens of keys; JSON is parsed into objects many times its length [bytes]."""


@dataclass(frozen=True)
class ModalityConfig:
    """One modality (video, state, action, language) as a server describes it."""

    entries: Mapping[str, Any]
    """All that is said of it, in the order in which it is said."""

    @property
    def delta_indices(self) -> list[int]:
        """Steps relative to now: frames of the past, or the steps of an action chunk."""
        return list(self.entries["delta_indices"])

    @property
    def modality_keys(self) -> list[str]:
        """Names of cameras, of parts of the state, or of parts of an action."""
        return list(self.entries["modality_keys"])


def config_from(value: object, path: Path, as_text: bool) -> ModalityConfig:
    """A configuration from what ``as_json`` holds: JSON text (N1.5) or a map (N1.6, N1.7).

    Raises:
        ProtocolError: It is the other of the two, no JSON, or lacks steps or keys.
    """
    entries = parse_json(value, path) if as_text else value
    if not isinstance(entries, dict):
        raise ProtocolError(path, f"as_json is {type(entries).__name__}, not a map")
    for key, kind, what in (("delta_indices", int, "whole numbers"), ("modality_keys", str, "texts")):
        items = entries.get(key)
        if not isinstance(items, list) or any(type(item) is not kind for item in items):
            raise ProtocolError((*path, key), f"it is {shown(items)}, not a list of {what}")
    check_plain(entries, path)
    return ModalityConfig(entries)


def config_map(config: ModalityConfig, path: Path) -> dict[str, Any]:
    """What ``as_json`` holds in N1.6 and N1.7.

    Raises:
        ProtocolError: The configuration holds what has no form in JSON.
    """
    entries = dict(config.entries)
    check_plain(entries, path)
    return entries


def config_text(config: ModalityConfig, path: Path) -> str:
    """What ``as_json`` holds in N1.5: JSON as pydantic writes it, no spaces, text as it is.

    Raises:
        ProtocolError: The configuration holds what has no form in JSON.
    """
    return json.dumps(config_map(config, path), separators=(",", ":"), ensure_ascii=False)


def check_plain(value: object, path: Path, depth: int = DEEPEST) -> None:
    """Return if a value is of JSON's types, text for keys, finite numbers of 64 bits.

    Raises:
        ProtocolError: It is not, or is nested deeper than `DEEPEST`.
    """
    if isinstance(value, dict | list):
        if not depth:
            raise ProtocolError(path, f"it is nested deeper than {DEEPEST} levels")
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(value, dict) and not isinstance(step, str):
                raise ProtocolError(path, f"its key {shown(step)} is not text")
            check_plain(item, (*path, step), depth - 1)
    elif value is not None and not isinstance(value, bool | str):
        whole = isinstance(value, int) and -(1 << 63) <= value < 1 << 64
        if not whole and not (isinstance(value, float) and math.isfinite(value)):
            raise ProtocolError(path, f"{shown(value)} has no form in JSON")


def parse_json(value: object, path: Path) -> Any:
    """A value from JSON text.

    Raises:
        ProtocolError: It is not text, too long, nested too deep, or no JSON (which has no NaN).
    """
    if not isinstance(value, str):
        raise ProtocolError(path, f"as_json is {type(value).__name__}, not JSON text")
    if len(value) > LONGEST_JSON:
        raise ProtocolError(path, f"as_json is longer than {LONGEST_JSON} characters")
    try:
        return json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise ProtocolError(path, f"as_json is not JSON ({shown(str(problem))})") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")
