"""The archive as questions and answers about space, in LLaVA's JSON: `export_qa`.

    <out>/grounding_qa.jsonl          one question and its answer a line (or grounding_qa.json, one array)
    <out>/images/<episode>/...        the pictures, at the size at which the model sees them
    <out>/episodes/<episode>.json     what one episode gave; an episode that is here is done
    <out>/options.json, summary.json  how it was made; how much there is

Coordinates are whole pixels of the stored picture, which has a size that Qwen2.5-VL's processor leaves as it is
within the same limits. Every answer is read back by `policy.answer_parser` before it is written.

An entry holds its picture under ``image`` and under ``images``: of InternVLA-M1's loader and its documentation, one
reads what the other does not name. What chance decides about an episode depends on the seed and the episode's name
alone, so episodes added later change nothing that is there.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from workbench.cli.options import OptionError
from workbench.data.archive.archive import ArchiveError, Chunk, chunks
from workbench.data.qa.entries import episode_entries
from workbench.data.qa.options import QaOptions
from workbench.runs.durable import naming, write_atomically
from workbench.scale.ordered_map import HERE, Workers, ordered_map

FORMAT = 1
"""Version of the layout and of the questions: what differs in it is not continued."""

_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True)
class QaSummary:
    """How much an export holds."""

    path: Path
    """The file of questions and answers."""
    episodes: int
    pictures: int
    """Pictures that something is asked about."""
    questions: dict[str, int]
    """Number by kind."""
    passed: dict[str, dict[str, int]]
    """Questions that a picture did not allow, by kind and reason."""


def export_qa(
    folder: Path,
    out: Path,
    options: QaOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: Workers = HERE,
) -> QaSummary:
    """Writes questions and answers about the episodes of an archive; continues what was broken off.

    Memory holds one episode at a time. A kill costs the episode in hand; the file of questions appears when all
    episodes are done, whole.

    Args:
        folder: where the archive's chunks are.
        out: folder to write into; made if missing.
        options: what to ask; see `QaOptions`.
        progress: called with the number of episodes done and of all.
        workers: who asks about the episodes; what is written does not depend on it.

    Raises:
        OptionError: for options that cannot be, or that differ from those that ``out`` was begun with.
        ArchiveError: for a folder without chunks, a chunk that cannot be read, a picture that is none.
    """
    options = options or QaOptions()
    options.check()
    rows = _rows(folder)
    (out / "episodes").mkdir(parents=True, exist_ok=True)
    _claim(out, options)
    parts = [out / "episodes" / f"{name}.json" for _, _, name in rows]
    missing = [(row, part) for row, part in zip(rows, parts, strict=True) if not part.exists()]
    there = len(rows) - len(missing)
    for done, _ in enumerate(ordered_map(partial(_write_part, out, options), missing, workers), there + 1):
        if progress:
            progress(done, len(rows))
    return _assemble(out, parts, options)


def _write_part(out: Path, options: QaOptions, missing: tuple[tuple[Path, int, str], Path]) -> None:
    (chunk, row, _), part = missing
    with Chunk(chunk) as opened:
        episode = opened.read(row, options.camera_names())
    write_atomically(
        part, json.dumps(episode_entries(episode, out, options), ensure_ascii=False, allow_nan=False)
    )


def _rows(folder: Path) -> list[tuple[Path, int, str]]:
    """Chunk, row and name of every episode; ArchiveError where a name is no file's or stands twice."""
    found = []
    for path in chunks(folder):
        with Chunk(path) as chunk:
            found += [(path, row, name) for row, name in enumerate(chunk.names())]
    if not found:
        raise ArchiveError(f"{folder} holds no episodes (files chunk-*.hdf5)")
    for name, times in Counter(name for _, _, name in found).items():
        if times > 1:
            raise ArchiveError(f"{folder} holds episode {name} {times} times")
        if not _NAME.fullmatch(name):
            raise ArchiveError(f"{folder} holds an episode called {name!r}, which no file can be called")
    return found


def _claim(out: Path, options: QaOptions) -> None:
    """Write down the options, or compare them with those that the folder was begun with."""
    # How the file is written matters to no question.
    mine = {"format": FORMAT} | {k: v for k, v in asdict(options).items() if k != "form"}
    path = out / "options.json"
    if not path.exists():
        write_atomically(path, json.dumps(mine, indent=2, allow_nan=False) + "\n")
        return
    theirs = json.loads(path.read_text("utf-8"))
    for key, value in mine.items():
        if theirs.get(key) != value:
            raise OptionError(
                f"{out} was begun with {key}={theirs.get(key)}, not {key}={value}; choose another folder"
            )


def _assemble(out: Path, parts: list[Path], options: QaOptions) -> QaSummary:
    path = out / f"grounding_qa.{options.form}"
    partial = path.with_name(f"{path.name}.tmp")
    kinds: Counter[str] = Counter(dict.fromkeys(options.kind_names(), 0))
    passed: dict[str, Counter[str]] = {}
    pictures = 0
    opening, between, closing = ("[\n", ",\n", "\n]\n") if options.form == "json" else ("", "\n", "\n")
    with naming(path), partial.open("w", encoding="utf-8") as file:
        file.write(opening)
        for number, entry in enumerate(_entries(parts, passed)):
            file.write((between if number else "") + json.dumps(entry, ensure_ascii=False, allow_nan=False))
            kinds[entry["kind"]] += 1
            pictures += entry["id"].endswith("/0")
        if sum(kinds.values()) or options.form == "json":
            file.write(closing)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    by_kind = {kind: dict(sorted(reasons.items())) for kind, reasons in sorted(passed.items())}
    summary = QaSummary(path, len(parts), pictures, dict(kinds), by_kind)
    write_atomically(out / "summary.json", json.dumps(asdict(summary) | {"path": path.name}, indent=2) + "\n")
    return summary


def _entries(parts: list[Path], passed: dict[str, Counter[str]]) -> Iterator[dict[str, Any]]:
    for part in parts:
        content = json.loads(part.read_text(encoding="utf-8"))
        for kind, reason, count in content["passed"]:
            passed.setdefault(kind, Counter())[reason] += count
        yield from content["entries"]
