"""One run, one folder: what is in it, who may write to it, and how it survives being killed.

    config.yaml       resolved options: they say what the run *is*; only a quota can grow later
    provenance.json   versions, commit, hashes, hardware at the first start
    starts.jsonl      the same of every start, with what was on record then
    episodes.jsonl    one fsynced line an episode: the truth
    sessions.jsonl    one line a session, from a start to its end, for rates
    summary.json      derived from the above

A line counts when its newline is on disk. A power cut can cut the last line short; `create_or_resume` then moves that
stump to ``episodes.jsonl.partial-<n>``, if allowed to, and the episode is run again. Any other broken line is an error,
and the file stays as it is. Commands that only read change nothing, and say of a cut line how to finish the run.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import yaml

from workbench.runs import identity as run_identity
from workbench.runs.durable import append_line, cut_line, move_cut_line_aside, write_atomically
from workbench.runs.history import history
from workbench.runs.records import EpisodeRecord, RecordError, SessionRecord, StartRecord

Record = TypeVar("Record", EpisodeRecord, SessionRecord, StartRecord)

# What a start that was killed before config.yaml may leave behind; such a folder may be started again.
_START_LEFTOVERS = {".lock", "provenance.json", "provenance.json.tmp", "config.yaml.tmp"}


class RunFolderError(Exception):
    """The run folder cannot be used as asked; one sentence says why and what would work."""


class RunFolder:
    """A run folder, for reading; after `create_or_resume`, for writing, by this process alone.

    Use as a context manager, or call `close`, to let go of the lock (the end of the process does so too).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.notices: list[str] = []
        """What the user should be told about resuming, one sentence each."""
        self._lock: int | None = None

    def create_or_resume(
        self,
        config: Mapping[str, Any],
        provenance: Mapping[str, Any],
        ignore: Collection[str] = (),
        repair: bool = True,
        growing: Mapping[str, str] | None = None,
        recorded: int | None = None,
    ) -> Literal["created", "resumed"]:
        """Takes the folder for writing: makes a new run, or resumes the one in it if it is the same.

        Args:
            config: Resolved options, plain JSON types, nested as one likes.
            provenance: Plain JSON types. On resuming, what of it says what is measured must be equal
                (`workbench.runs.identity`); other differences are kept and become notices.
            ignore: Dotted config keys that may differ on resuming, with all below them, since they say nothing
                about the results. They keep their first value in config.yaml.
            repair: Whether a last line of ``episodes.jsonl`` that is cut short may be moved aside; without it,
                it is an error. A kill alone does not cut lines (each is one write): a power cut or a hand does.
            growing: Config keys of a quota, which may become greater -> why not in this run, or "" if they may.
            recorded: What is on record already, where that is not ``episodes.jsonl``.

        Raises:
            RunFolderError: another process writes here; the config or what is measured differs (differing keys
                are named with both values); the folder holds something else than a run; or it cannot be written.
        """
        growing = growing or {}
        config, provenance = _json_types(config, "config"), _json_types(provenance, "provenance")
        self._check_place()  # before anything is created
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            resuming = self._check_place()  # again: another process may have come first
            if resuming:
                self._check_same_run(config, provenance, ignore, growing)
            else:
                # config.yaml last: a folder with one is a run, complete with its provenance.
                write_atomically(self.path / "provenance.json", _json_text(provenance))
                write_atomically(self.path / "config.yaml", _yaml_text(config))
            if not repair and cut_line(self.path / EpisodeRecord.file_name) is not None:
                raise RunFolderError(
                    f"the last line of {self.path / EpisodeRecord.file_name} is cut off: add repair=true to move "
                    "it aside (nothing is deleted) and run its episode again"
                )
            for kind in (EpisodeRecord, SessionRecord, StartRecord):
                self._move_stump_aside(kind.file_name)
            self._note_start(config, provenance, growing, recorded)
        except OSError as problem:
            self.close()
            raise RunFolderError(
                f"cannot write the run folder {self.path}: {problem.strerror}; mend that, or choose another out="
            ) from None
        except RunFolderError:
            self.close()
            raise
        return "resumed" if resuming else "created"

    def config(self) -> dict[str, Any]:
        """The resolved options of the run; RunFolderError when this is no run folder."""
        path = self.path / "config.yaml"
        if not path.is_file():
            raise RunFolderError(f"{self.path} is not a run folder: it has no config.yaml")
        try:
            config = yaml.safe_load(path.read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as problem:
            raise RunFolderError(f"{path} is not valid YAML: {' '.join(str(problem).split())}") from None
        if not isinstance(config, dict):
            raise RunFolderError(f"{path} must hold keys and values, not {type(config).__name__}")
        return config

    def provenance(self) -> dict[str, Any]:
        """Versions, commit, hashes and hardware of the first start."""
        return self._json("provenance.json")

    def summary(self) -> dict[str, Any]:
        """What `write_summary` wrote; RunFolderError when the run has none yet."""
        if not (self.path / "summary.json").is_file():
            self.config()  # no run folder at all is the better complaint
            raise RunFolderError(f"{self.path} has no summary.json yet: {self._how_to_finish()}")
        return self._json("summary.json")

    def append(self, record: EpisodeRecord) -> None:
        """Adds an episode; on disk when this returns."""
        self._append_line(EpisodeRecord.file_name, record.to_json_line())

    def append_session(self, session: SessionRecord) -> None:
        """Adds a session; on disk when this returns."""
        self._append_line(SessionRecord.file_name, session.to_json_line())

    def completed(self) -> dict[int, EpisodeRecord]:
        """The episodes done so far by index, in the order of their indices.

        RunFolderError on a broken or cut line, on an index that is there twice with different content, and on a
        record of another task, seed or quota.
        """
        found: dict[int, tuple[int, EpisodeRecord]] = {}
        config = self.config()
        for line_number, record in self._read_lines(EpisodeRecord):
            where = f"{self.path / EpisodeRecord.file_name} line {line_number}"
            foreign = run_identity.foreign_record(record, config)
            if foreign:
                raise RunFolderError(f"{where}: {foreign}; remove the line (or keep it elsewhere)")
            first_line, first = found.setdefault(record.index, (line_number, record))
            if first != record:
                raise RunFolderError(
                    f"{where}: episode {record.index} is on line {first_line} too, with other content; "
                    "keep the right line and remove the other"
                )
        return {index: found[index][1] for index in sorted(found)}

    def sessions(self) -> list[SessionRecord]:
        """The sessions that ended properly, in order; a killed one leaves no line."""
        return [session for _, session in self._read_lines(SessionRecord)]

    def starts(self) -> list[StartRecord]:
        """Every start of the run, in order; of a run that an older release began, the first as far as known."""
        found = [start for _, start in self._read_lines(StartRecord)]
        return found or [StartRecord(None, 0, {}, self.provenance())]

    def told(self, recorded: int | None = None) -> dict[str, Any]:
        """What a summary says of how the run came about: ``history``, see there, or nothing for an ordinary run."""
        found = history(self.starts(), self._recorded(recorded))
        return {"history": found} if found else {}

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replaces summary.json in one step."""
        self._require_lock()
        write_atomically(self.path / "summary.json", _json_text(summary))

    def close(self) -> None:
        """Lets go of the lock; the folder stays readable."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_place(self) -> bool:
        """Whether there is a run to resume; RunFolderError when nothing can be put here. Changes nothing."""
        for parent in (self.path, *self.path.parents):
            if parent.exists() and not parent.is_dir():
                raise RunFolderError(f"out={self.path} cannot be a folder: {parent} is a file")
        try:
            names = {p.name for p in self.path.iterdir()} if self.path.exists() else set()
        except OSError as problem:
            raise RunFolderError(f"cannot read the run folder {self.path}: {problem.strerror}") from None
        if "config.yaml" in names:
            return True
        foreign = sorted(names - _START_LEFTOVERS)
        if foreign:
            raise RunFolderError(
                f"{self.path} is not empty and not a run folder (it holds {', '.join(foreign[:3])}"
                f"{' ...' if len(foreign) > 3 else ''}); choose another out="
            )
        return False

    def _take_lock(self) -> None:
        lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise RunFolderError(
                f"{self.path} is being written by another process ({owner}); "
                "wait for it to end or choose another out="
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, f"pid {os.getpid()}\n".encode())
        self._lock = lock

    def _check_same_run(
        self,
        config: Mapping[str, Any],
        provenance: Mapping[str, Any],
        ignore: Collection[str],
        growing: Mapping[str, str],
    ) -> None:
        before, first = _json_types(self.config(), "config.yaml"), self.provenance()
        refusal = (
            run_identity.other_command(self.path, before, config)
            or run_identity.other_options(self.path, before, config, ignore, growing)
            or run_identity.other_content(self.path, first, provenance)
        )
        if refusal:
            raise RunFolderError(refusal)
        self.notices += run_identity.other_circumstances(first, provenance)

    def _note_start(
        self,
        config: Mapping[str, Any],
        provenance: Mapping[str, Any],
        growing: Collection[str],
        recorded: int | None,
    ) -> None:
        before = self.config()
        asked = {key: config[key] for key in growing if key in config}
        if not (self.path / StartRecord.file_name).exists() and self._recorded(recorded):
            older = {key: before[key] for key in asked if key in before}
            self._append_line(
                StartRecord.file_name, StartRecord(None, 0, older, self.provenance()).to_json_line()
            )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        start = StartRecord(now, self._recorded(recorded), asked, dict(provenance))
        self._append_line(StartRecord.file_name, start.to_json_line())
        grown = run_identity.grown(before, config, growing)
        if grown:
            # Second: a kill in between leaves the old quota, and the next start asks again.
            write_atomically(self.path / "config.yaml", _yaml_text({**before, **grown}))
            self.notices += [f"extended from {k}={before[k]} to {k}={value}" for k, value in grown.items()]

    def _recorded(self, told: int | None) -> int:
        if told is not None:
            return told
        path = self.path / EpisodeRecord.file_name
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def _move_stump_aside(self, name: str) -> None:
        aside = move_cut_line_aside(self.path / name)
        if aside is not None:
            redo = "; that episode is run again" if name == EpisodeRecord.file_name else ""
            self.notices.append(f"the last line of {name} was cut off and is now in {aside.name}{redo}")

    def _read_lines(self, kind: type[Record]) -> Iterable[tuple[int, Record]]:
        self.config()
        path = self.path / kind.file_name
        if not path.exists():
            return
        lines = path.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], start=1):
            try:
                yield number, kind.from_json(line.decode("utf-8"), file=str(path), line_number=number)
            except UnicodeDecodeError:
                raise RunFolderError(f"{path} line {number} is not UTF-8 text") from None
            except RecordError as problem:
                raise RunFolderError(str(problem)) from None
        if lines[-1]:
            raise RunFolderError(
                f"{path} line {len(lines)} is cut off, as when a run is killed: {self._how_to_finish()}"
            )

    def _how_to_finish(self) -> str:
        try:
            command = self.config().get("command", "eval")
        except RunFolderError:
            command = "eval"
        return f"finish the run with `workbench {command}` and its own options, out={self.path}"

    def _append_line(self, name: str, line: str) -> None:
        self._require_lock()
        try:
            append_line(self.path / name, line)
        except OSError as problem:
            raise RunFolderError(
                f"cannot write {self.path / name}: {problem.strerror}; "
                f"what is in it is whole: make room, then {self._how_to_finish()}"
            ) from None

    def _require_lock(self) -> None:
        if self._lock is None:
            raise RuntimeError("RunFolder.create_or_resume must be called before writing")

    def _json(self, name: str) -> dict[str, Any]:
        path = self.path / name
        try:
            data = json.loads(path.read_text("utf-8"))
        except OSError as problem:
            raise RunFolderError(f"cannot read {path}: {problem.strerror}") from None
        except ValueError as problem:
            raise RunFolderError(f"{path} is not valid JSON: {problem}") from None
        if not isinstance(data, dict):
            raise RunFolderError(f"{path} must hold a JSON object, not {type(data).__name__}")
        return data


def _json_types(data: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The same data as it reads back from disk, so that comparisons see no tuple where a list returns."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(data), allow_nan=False))
    except (TypeError, ValueError) as problem:
        raise RunFolderError(f"the {what} holds something that JSON cannot: {problem}") from None
    return plain


def _yaml_text(data: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True))


def _json_text(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
