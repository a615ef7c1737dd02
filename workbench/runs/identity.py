"""Whether a start belongs to the run that is in a folder: the same options, the same content, the same episodes.

Two experiments in one rate are worse than none. Names do not tell them apart: a factor file can be edited and a
checkpoint written anew under the same path, so what was measured is bound to a run by content (`BOUND`). With which
commit and versions is not: a run may be finished by another release, and says so (`workbench.runs.history`).

Everything here looks and answers with a sentence, or None where all is well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from workbench.runs.differences import ABSENT, below, differences, sentence, shown
from workbench.runs.records import EpisodeRecord

BOUND = {
    "factor_set.factors": "factor set",
    "checkpoint.files": "checkpoint",
    "policy.files": "policy",
    "from_checkpoint.files": "checkpoint to begin with",
    "qwen.files": "Qwen2.5-VL to begin with",
    "data.content": "dataset",
}
"""Dotted keys of the provenance that say what is measured -> what to call it."""
ELSEWHERE = "choose another out="


def other_command(path: object, before: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """Whether the folder is that of another command."""
    commands = before.get("command"), config.get("command")
    if commands[0] == commands[1]:
        return None
    return f"{path} was made by `workbench {commands[0]}`, not by `workbench {commands[1]}`; {ELSEWHERE}"


def other_options(
    path: object,
    before: Mapping[str, Any],
    config: Mapping[str, Any],
    ignore: Collection[str],
    growing: Mapping[str, str],
) -> str | None:
    """Whether options differ that must not.

    Args:
        path: of the folder, for the sentence.
        before: the run's options.
        config: those of this start.
        ignore: dotted keys that may differ, with all below them.
        growing: keys of whole numbers that may become greater -> why not in this run, or "" if they may.
    """
    found = [d for d in differences(before, config) if not below(d, {*ignore, *growing})]
    if found:
        return (
            f"{path} holds a run with other options: {sentence(found)}; resume it with its own options, or "
            f"{ELSEWHERE}"
        )
    for key, obstacle in growing.items():
        was, now = before.get(key), config.get(key)
        if was == now:
            continue
        if not isinstance(was, int) or not isinstance(now, int):
            return (
                f"{path} holds a run with another {key} (there {shown(was)}, now {shown(now)}); {ELSEWHERE}"
            )
        if now < was:
            return (
                f"{path} holds a run with {key}={was}, which cannot become {now}: what would be left out could "
                f"depend on how it went; resume it with {key}={was}, or {ELSEWHERE}"
            )
        if obstacle:
            return (
                f"{path} holds a run with {key}={was}, which cannot become {now}: {obstacle}; resume it with "
                f"{key}={was}, or {ELSEWHERE}"
            )
    return None


def grown(before: Mapping[str, Any], config: Mapping[str, Any], growing: Collection[str]) -> dict[str, int]:
    """The keys that became greater, with their new values."""
    return {key: config[key] for key in growing if key in before and before[key] != config[key]}


def other_content(path: object, first: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Whether the run measured something else under the same names.

    ``first`` and ``now`` are provenances. What the first one does not record, because an older release wrote it,
    cannot be held against this start.
    """
    for key, what in BOUND.items():
        was, found = _both(first, now, key)
        if was is ABSENT:
            continue
        differing = differences(was, found, "" if isinstance(was, Mapping) else f"{key}.")
        if differing:
            return (
                f"{path} holds a run of another {what}, by content and not by name: {sentence(differing)}; two "
                f"experiments have no rate in common: resume it with what it began with, or {ELSEWHERE}"
            )
    return None


def other_circumstances(first: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs from the first start beside what is measured, as a notice for the user, if anything does."""
    bound = {key.partition(".")[0] for key in BOUND}
    other = [d for d in differences(first, now) if d.key.partition(".")[0] not in bound]
    if not other:
        return []
    return [f"provenance differs from the first start's: {sentence(other, '{key} was {first}, is {second}')}"]


def foreign_record(record: EpisodeRecord, config: Mapping[str, Any]) -> str | None:
    """Whether a record is of another run than the one with these options."""
    for key in ("task", "seed"):
        own = config.get(key, ABSENT)
        theirs = getattr(record, key)
        if own is not ABSENT and own != theirs:
            return f"episode {record.index} is of {key} {shown(theirs)}, and the run of {key} {shown(own)}"
    splits = record.split or "none", config.get("split", "none")
    if splits[0] != splits[1]:
        return f"episode {record.index} is of split {splits[0]}, and the run of split {splits[1]}"
    planned = config.get("episodes")
    is_plain = config.get("command") == "eval" and config.get("attribute") is None
    if is_plain and isinstance(planned, int) and record.index >= planned:
        return f"episode {record.index} is none of the run's {planned}"
    if is_plain and (record.condition is not None or record.episode != record.index):
        return f"episode {record.index} was run under a condition, and this run has none"
    return None


def _both(first: Mapping[str, Any], now: Mapping[str, Any], key: str) -> tuple[Any, Any]:
    """What two provenances have at a dotted key.

    Releases that looked at the ends of a checkpoint's weights alone recorded a text; it is held against the same
    of today.
    """
    if key == "checkpoint.files" and isinstance(first.get("checkpoint"), str):
        return first["checkpoint"], _at(now, "checkpoint.ends")
    return _at(first, key), _at(now, key)


def _at(nested: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(nested, Mapping) or part not in nested:
            return ABSENT
        nested = nested[part]
    return nested
