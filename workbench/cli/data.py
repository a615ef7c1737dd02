"""``workbench data``: look at datasets, check them, and turn them into other formats."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console

from workbench.cli.options import OptionError, help_table, parse_options
from workbench.cli.positional import called_like_an_option, separate
from workbench.cli.progress_bar import progress_bar, rate
from workbench.data.archive.survey import is_archive
from workbench.data.command_options import (
    ConvertOptions,
    ImportOptions,
    OutOptions,
    ReplayOptions,
    SplitOptions,
    V3Options,
    V21Options,
    ViewOptions,
    WorkerOptions,
)
from workbench.data.foreign.command import (
    DECLARED,
    export_foreign,
    import_foreign,
    merge_foreign,
    split_foreign,
)
from workbench.data.progress import Progress
from workbench.scale.ordered_map import Workers

USAGE = {
    "inspect": ("inspect DATASET", "what it holds"),
    "validate": ("validate DATASET [key=value ...]", "check every number, picture and index"),
    "convert": ("convert DATASET format=FORMAT out=FOLDER", "into another format"),
    "export": ("export DATASET format=FORMAT out=FOLDER", "the same"),
    "merge": ("merge DATASET DATASET ... out=FOLDER", "several as one"),
    "split": ("split DATASET out=FOLDER [key=value ...]", "for training and validation, by episode"),
    "import": ("import DATASET out=FOLDER [key=value ...]", "somebody's dataset, put in order"),
    "replay": ("replay DATASET [key=value ...]", "its actions in the simulator"),
    "view": ("view DATASET [key=value ...]", "pictures and annotations in Rerun"),
}
WORDS = (
    "An ARCHIVE is a folder that `workbench generate` made. "
    "A DATASET is an archive, a LeRobot dataset (v2.0, v2.1 or v3.0), or an HDF5 file in robomimic's layout."
)


def run(words: Sequence[str], console: Console) -> int:
    """Run a verb of ``workbench data``; returns the exit status. Errors as from what it calls."""
    if not words or words[0] in ("--help", "-h"):
        _print_usage(list(USAGE), console)
        return 0 if words else 2
    verb, rest = words[0], words[1:]
    if verb not in VERBS:
        raise OptionError(f"data does not know {verb!r}: choose one of {', '.join(VERBS)}")
    if any(word in ("--help", "-h") for word in rest):
        _print_usage([verb], console)
        _print_options(verb, console)
        return 0
    names, given = separate(rest, *_options(verb))
    if not names:
        raise OptionError(f"usage: workbench data {USAGE[verb][0]}{called_like_an_option(given)}")
    return VERBS[verb]([Path(name) for name in names], given, console)


def _print_usage(verbs: Sequence[str], console: Console) -> None:
    for k, verb in enumerate(verbs):
        form, meaning = USAGE[verb]
        console.print(f"{'usage:' if k == 0 else '':<6} workbench data {form:<44} {meaning}", markup=False)
    console.print(f"\n{WORDS}\n", markup=False)


def _print_options(verb: str, console: Console) -> None:
    if verb in ("convert", "export"):
        console.print(help_table(ConvertOptions))
        for name, form in FORMATS.items():
            console.print(f"\nformat={name}: {form.says}", markup=False)
            try:
                console.print(help_table(form.options()))
            except OptionError as missing:
                console.print(str(missing), markup=False)
    else:
        for options in _options(verb):
            console.print(help_table(options))


def _options(verb: str) -> list[type]:
    """The options dataclasses of a verb; of a conversion those of every format, as which it is follows from one."""
    if verb in ("convert", "export"):
        formats = [form.options() for form in FORMATS.values()]
        return [ConvertOptions, *formats]
    return OPTIONS.get(verb, [])


def _inspect(paths: Sequence[Path], given: Sequence[str], console: Console) -> int:
    from workbench.data.inspection import inspect

    path = _one("inspect", paths, given)
    with _bar("reading", console) as progress:
        lines = inspect(path, progress)
    for line in lines:
        console.print(line, markup=False)
    return 0


def _validate(paths: Sequence[Path], given: Sequence[str], console: Console) -> int:
    from workbench.data.validation.validate import examine

    path = _one("validate", paths)
    workers = parse_options(WorkerOptions, given).who()
    with _bar("checking", console) as progress:
        found = examine(path, progress, workers)
    problems = found.problems
    for problem in problems:
        console.print(str(problem), markup=False)
    for sentence in found.unchecked:
        console.print(sentence, markup=False)
    if found.content is not None:
        console.print(f"content {found.content}", markup=False)
    console.print(f"{path}: " + (f"{len(problems)} problems" if problems else "no problems"), markup=False)
    return 1 if problems else 0


def _convert(paths: Sequence[Path], given: Sequence[str], console: Console) -> int:
    path = _one("convert", paths)
    common = [field.name for field in fields(ConvertOptions)]
    asked = parse_options(ConvertOptions, [w for w in given if w.partition("=")[0] in common])
    if asked.format not in FORMATS:
        said = f", not {asked.format!r}" if asked.format else ""
        raise OptionError(f"format= must be one of {', '.join(FORMATS)}{said}")
    form = FORMATS[asked.format]
    options: Any = parse_options(form.options(), [w for w in given if w.partition("=")[0] not in common])
    notes: tuple[str, ...] = ()
    workers = asked.who()
    with _bar(f"writing {asked.format}", console) as progress:
        if is_archive(path):
            said = form.write(path, asked.path(), options, workers, progress)
        else:
            said, notes = export_foreign(path, asked.path(), asked.format, options, progress)
    _print_copied(asked.out, said, notes, console)
    return 0


def _print_copied(out: object, said: str, notes: Sequence[str], console: Console) -> None:
    for note in notes:
        console.print(note, markup=False)
    console.print(f"{out}: {said}", markup=False)


def _to_v21(path: Path, out: Path, options: V21Options, workers: Workers, progress: Progress) -> str:
    from workbench.data.lerobot.v21 import export_lerobot_v21

    found = export_lerobot_v21(path, out, progress, options.choices(), workers)
    return f"LeRobot v2.1, {len(found.entries)} episodes, {found.frames} frames at {found.fps:g} Hz"


def _to_v3(path: Path, out: Path, options: V3Options, workers: Workers, progress: Progress) -> str:
    from workbench.data.lerobot.v3 import export_lerobot_v3

    sizes = options.data_mb, options.video_mb
    found = export_lerobot_v3(path, out, options.choices(), progress, *sizes, workers)
    return f"LeRobot v3.0, {len(found.entries)} episodes, {found.frames} frames at {found.fps:g} Hz"


def _to_qa(path: Path, out: Path, options: Any, workers: Workers, progress: Progress) -> str:
    from workbench.data.archive.survey import stage

    export = importlib.import_module("workbench.data.qa.export").export_qa
    made = export(stage(path), out, options, progress, workers)
    count = sum(made.questions.values())
    return (
        f"{count} questions about {made.pictures} pictures of {made.episodes} episodes, in {made.path.name}"
    )


def _qa_options() -> type:
    try:
        return importlib.import_module("workbench.data.qa.options").QaOptions
    except ModuleNotFoundError:
        raise OptionError("format=qa: this version does not write questions and answers") from None


@dataclass(frozen=True)
class _Format:
    """A format that archives are converted to."""

    says: str
    options: Callable[[], type]
    """Its options, imported when they are wanted."""
    write: Callable[[Path, Path, Any, Workers, Progress], str]
    """Writes an archive into a folder; says what came of it."""


FORMATS = {
    "lerobot_v21": _Format("as InternVLA-M1's and GR00T's loaders read it", lambda: V21Options, _to_v21),
    "lerobot_v3": _Format("as the lerobot package reads it", lambda: V3Options, _to_v3),
    "qa": _Format("questions and answers about space, for the vision-language model", _qa_options, _to_qa),
}


def _merge(paths: Sequence[Path], given: Sequence[str], console: Console) -> int:
    from workbench.data.merge import merge

    if len(paths) < 2:
        raise OptionError(f"usage: workbench data {USAGE['merge'][0]}")
    out = parse_options(OutOptions, given).path()
    foreign = [path for path in paths if not is_archive(path)]
    if foreign and len(foreign) < len(paths):
        archive = next(path for path in paths if path not in foreign)
        raise OptionError(
            f"{archive} is an archive and {foreign[0]} is none: export the archive first (workbench data export "
            f"{archive} format=lerobot_v3 out=...), then merge what it gives"
        )
    notes: tuple[str, ...] = ()
    with _bar("copying", console) as progress:
        if foreign:
            said, notes = merge_foreign(paths, out, progress)
            said = f"{len(paths)} datasets, {said}"
        else:
            said = f"{len(paths)} archives, {merge(paths, out, progress)} rendered episodes"
    _print_copied(out, said, notes, console)
    return 0


def _split(paths: Sequence[Path], given: Sequence[str], console: Console) -> int:
    from workbench.data.split import split

    path = _one("split", paths)
    options = parse_options(SplitOptions, given)
    out, declared = options.path(), options.shares == DECLARED
    with _bar("splitting", console) as progress:
        if not is_archive(path):
            said = split_foreign(path, out, None if declared else options.parts(), options.seed, progress)
        elif declared:
            raise OptionError(f"shares={DECLARED}: an archive names no subsets; give names and shares")
        else:
            counts = split(path, out, options.parts(), options.seed, progress)
            said = {part: f"{count} rendered episodes" for part, count in counts.items()}
    for part, words in said.items():
        console.print(f"{out / part}: {words}", markup=False)
    return 0


def _import(paths: Sequence[Path], given: Sequence[str], console: Console) -> int:
    path = _one("import", paths)
    options = parse_options(ImportOptions, given)
    options.check()
    with _bar("reading", console) as progress:
        said, notes = import_foreign(path, options, progress)
    _print_copied(options.out, said, notes, console)
    return 0


def _replay(paths: Sequence[Path], given: Sequence[str], console: Console) -> int:
    from workbench.data.replay.command import replay

    path = _one("replay", paths)
    return replay(path, parse_options(ReplayOptions, given), console)


def _view(paths: Sequence[Path], given: Sequence[str], console: Console) -> int:
    from workbench.data.view_command import view_dataset

    path = _one("view", paths)
    view_dataset(path, parse_options(ViewOptions, given), console)
    return 0


OPTIONS: dict[str, list[type]] = {
    "validate": [WorkerOptions],
    "merge": [OutOptions],
    "split": [SplitOptions],
    "import": [ImportOptions],
    "replay": [ReplayOptions],
    "view": [ViewOptions],
}
"""Options of the verbs that have some, conversions aside."""

VERBS: dict[str, Callable[[Sequence[Path], Sequence[str], Console], int]] = {
    "inspect": _inspect,
    "validate": _validate,
    "convert": _convert,
    "export": _convert,
    "merge": _merge,
    "split": _split,
    "import": _import,
    "replay": _replay,
    "view": _view,
}


def _one(verb: str, paths: Sequence[Path], unwanted: Sequence[str] = ()) -> Path:
    """The one folder; OptionError for none, several, one that is not there, or options that there are not."""
    if len(paths) != 1 or unwanted:
        raise OptionError(f"usage: workbench data {USAGE[verb][0]}")
    if paths[0].is_file() and paths[0].suffix not in (".hdf5", ".h5"):
        raise OptionError(
            f"{paths[0]} is a file; give the folder of the dataset, or a file .hdf5 of demonstrations"
        )
    if not paths[0].exists():
        raise OptionError(f"there is no folder {paths[0]}")
    return paths[0]


@contextmanager
def _bar(what: str, console: Console) -> Iterator[Progress]:
    """A bar with rate and time left, gone when it is done, in a log lines; gives what to tell how far the work is."""
    began = time.monotonic()
    with progress_bar(console, transient=True) as bar:
        task = bar.add_task(what, total=None, note="")
        yield lambda done, total: bar.update(
            task, completed=done, total=total, note=rate(done, time.monotonic() - began)
        )
