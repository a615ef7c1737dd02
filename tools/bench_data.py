"""What do ``workbench data``'s verbs take of memory and time, as archives grow?

    python -m tools.bench_data archive=data/mine                         # replicated to 240 and 2,400 episodes
    python -m tools.bench_data archive=data/mine episodes=24000 verbs=export_v3,validate_v3 workers=2

Each verb runs as the command line runs it, in a process of its own. Its memory is the largest sum of resident memory
over the process and all its children, looked at ten times a second: pages that they share count more than once. What a
verb wrote is cleared away before the next begins. Numbers go to ``<work>/measured.jsonl``, too, a line each.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.replicated_archive import replicate
from workbench.cli.options import OptionError, option, parse_options
from workbench.data.archive.archive import EPISODES, chunks
from workbench.runs.provenance import machine

LOOK_EVERY_S = 0.1
"""Time between two looks at the processes [s]."""


@dataclass
class BenchOptions:
    """Options of the benchmark."""

    archive: str = option("", "archive whose episodes are replicated; one that was rendered")
    work: str = option("runs/bench-data", "folder for what is made and measured")
    episodes: str = option("240,2400", "sizes, comma-separated", "episodes")
    verbs: str = option("", "what to measure, comma-separated; empty: all")
    workers: int = option(1, "processes of the verbs that take them")
    picture_px: int = option(64, "width of the pictures", "px")


@dataclass(frozen=True)
class Measured:
    """What one command took."""

    verb: str
    episodes: int
    workers: int
    seconds: float
    peak_mib: float
    """Of the whole process tree."""
    status: int


@dataclass(frozen=True)
class Place:
    """Where things are while archives of one size are measured."""

    archive: Path
    out: Path
    """What the verb writes."""
    workers: int

    def halves(self) -> list[str]:
        """The archive as two, of links."""
        found = []
        paths = chunks(self.archive / EPISODES)
        for k in range(2):
            half = self.archive.with_name(f"{self.archive.name}-half{k}")
            if not half.exists():
                (half / EPISODES).mkdir(parents=True)
                for path in paths[k::2]:
                    (half / EPISODES / path.name).symlink_to(path.resolve())
            found.append(str(half))
        return found

    def exported(self, format: str) -> str:
        """The archive in another format, made if it is not there yet."""
        folder = self.archive.with_name(f"{self.archive.name}-{format}")
        if not folder.exists():
            _workbench("export", str(self.archive), f"format={format}", f"out={folder}")
        return str(folder)

    def shared(self) -> list[str]:
        """The option of the verbs that take workers."""
        return [f"workers={self.workers}"] if self.workers > 1 else []


def _export(format: str) -> Callable[[Place], list[str]]:
    return lambda p: ["export", str(p.archive), f"format={format}", f"out={p.out}", *p.shared()]


VERBS: dict[str, Callable[[Place], list[str]]] = {
    "inspect": lambda p: ["inspect", str(p.archive)],
    "validate": lambda p: ["validate", str(p.archive), *p.shared()],
    "merge": lambda p: ["merge", *p.halves(), f"out={p.out}"],
    "split": lambda p: ["split", str(p.archive), f"out={p.out}"],
    "export_v21": _export("lerobot_v21"),
    "export_v3": _export("lerobot_v3"),
    "export_qa": _export("qa"),
    "inspect_v3": lambda p: ["inspect", p.exported("lerobot_v3")],
    "validate_v3": lambda p: ["validate", p.exported("lerobot_v3"), *p.shared()],
    "import_v3": lambda p: ["import", p.exported("lerobot_v3"), f"out={p.out}"],
    "validate_v21": lambda p: ["validate", p.exported("lerobot_v21"), *p.shared()],
}


def measure(words: list[str]) -> tuple[float, float, int]:
    """Run ``workbench data`` with these words: wall time [s], peak memory of its processes [MiB], exit status."""
    began, peak = time.perf_counter(), 0
    process = subprocess.Popen(_command(words), stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(LOOK_EVERY_S)
    return time.perf_counter() - began, peak / 2**20, process.returncode


def resident(pid: int) -> int:
    """Resident memory of a process and all that descend from it [bytes]; 0 for one that has ended."""
    total, waiting = 0, [pid]
    while waiting:
        process = Path(f"/proc/{waiting.pop()}")
        try:
            total += int((process / "statm").read_text("utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for thread in (process / "task").iterdir():
                waiting += map(int, (thread / "children").read_text("utf-8").split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def _command(words: list[str]) -> list[str]:
    return [sys.executable, "-m", "workbench.cli.main", "data", *words]


def _workbench(*words: str) -> None:
    subprocess.run(_command(list(words)), check=True, stdout=subprocess.DEVNULL)


def _clear(*paths: Path) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def main() -> int:
    """Measure and print."""
    console = Console()
    try:
        options = parse_options(BenchOptions, sys.argv[1:])
        verbs = options.verbs.split(",") if options.verbs else list(VERBS)
        if unknown := [verb for verb in verbs if verb not in VERBS]:
            raise OptionError(
                f"verbs={options.verbs}: there is no {unknown[0]!r}; choose of {', '.join(VERBS)}"
            )
        if not Path(options.archive or "-").is_dir():
            raise OptionError(f"archive={options.archive}: give the folder of a rendered archive")
        sizes = [int(word) for word in options.episodes.split(",")]
    except (OptionError, ValueError) as error:
        print(f"bench_data: {error}", file=sys.stderr)
        return 2
    work = Path(options.work)
    table = Table("verb", "episodes", "workers", "time [s]", "episodes/s", "peak memory [MiB]", "exit")
    for size in sizes:
        archive = work / f"archive-{size}"
        if not archive.exists():
            replicate(Path(options.archive), archive, size, options.picture_px)
        place = Place(archive, work / "out", options.workers)
        for verb in verbs:
            words = VERBS[verb](place)
            found = Measured(verb, size, options.workers, *measure(words))
            _clear(place.out, place.out.with_suffix(".hdf5"))
            with (work / "measured.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(found)) + "\n")
            print(f"{verb}, {size} episodes: {found.seconds:.0f} s, {found.peak_mib:.0f} MiB", flush=True)
            table.add_row(
                verb, f"{size:,}", str(options.workers), f"{found.seconds:.1f}", f"{size / found.seconds:.1f}",
                f"{found.peak_mib:,.0f}", str(found.status),
            )  # fmt: skip
    console.print(table)
    print(machine())
    return 0


if __name__ == "__main__":
    sys.exit(main())
