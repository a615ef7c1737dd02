"""``dr.FACTOR.KEY=value`` on the command line: changes to a factor set, as a YAML file would hold them.

    dr.camera.exposure.hi=1.5  dr.control.action_delay.value=2  dr.dynamics.object_mass=nominal

What a key or a value means is for `domain_rand.sets.load_set` to judge; here, words become data.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any

from domain_rand.notation import NotationError, scalar
from workbench.cli.options import OptionError

PREFIX = "dr."


def parse_overrides(words: Mapping[str, Any], factors: Collection[str]) -> dict[str, Any]:
    """Overrides by factor, from what follows ``dr.``: ``{"camera.exposure.hi": "1.5"}`` gives
    ``{"camera.exposure": {"hi": 1.5}}``.

    Args:
        words: rest of the key -> text as typed, or data that is parsed already.
        factors: names of all factors.

    Raises:
        OptionError: no such factor, text that is no value, or a factor set as a whole and by key at once.
    """
    overrides: dict[str, Any] = {}
    for rest, given in words.items():
        word = f"{PREFIX}{rest}={given}"
        factor = _factor(rest, word, factors)
        key = rest[len(factor) + 1 :]
        value = _value(given, word) if isinstance(given, str) else given
        if "." in key:
            raise OptionError(
                f"option {word}: {key!r} is no key of a factor; write {PREFIX}{factor}.KEY=value"
            )
        if not key:
            clash, overrides[factor] = factor in overrides, value
        else:
            held = overrides.setdefault(factor, {})
            clash = not isinstance(held, dict) or key in held
            if not clash:
                held[key] = value
        if clash:
            raise OptionError(f"option {word}: {factor} is given twice, as a whole and by key")
    return overrides


def _factor(rest: str, word: str, factors: Collection[str]) -> str:
    """The factor that ``rest`` begins with; the longest, where one name begins another."""
    found = [name for name in factors if rest == name or rest.startswith(f"{name}.")]
    if found:
        return max(found, key=len)
    # What stands before the last dot may be the factor, or all of it.
    near = [
        m
        for text in (rest.rpartition(".")[0], rest)
        for m in difflib.get_close_matches(text, factors, 1, 0.8)
    ]
    family = [name for name in factors if name.partition(".")[0] == rest.partition(".")[0]]
    if near:
        hint = f"did you mean {PREFIX}{near[0]}?"
    elif family:
        hint = f"there are {', '.join(family)}"
    else:
        hint = (
            f"families of factors are {', '.join(dict.fromkeys(name.partition('.')[0] for name in factors))}"
        )
    raise OptionError(f"option {word}: there is no such factor; {hint}")


def _value(text: str, word: str) -> Any:
    """Numbers, words and lists or mappings of them, as `domain_rand.notation` reads them in a file."""
    # What stands behind a # would be left out in silence, as a file's comments are.
    is_structure = text.lstrip()[:1] in ("[", "{") and not re.search(r"\s#", text)
    try:
        value = _loaded(text) if is_structure else scalar(text)
    except NotationError:
        value = None
    if value is None or not text.strip():
        raise OptionError(f"option {word}: expected a number, a word or a list of them")
    return value


def _loaded(text: str) -> Any:
    from domain_rand.yaml_notation import load

    return load(text)
