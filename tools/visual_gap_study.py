"""How well `workbench gap visual` tells what was planted, and how often its intervals hold it: a table in markdown.

    python -m tools.visual_gap_study draws=20 seed=300

Drawn pictures (144 x 144, 4 pairs, JPEG at 92) of a camera that is off by 1 cm and 0.6 degrees in each coordinate and
1 % in focal length, with gains from 0.7 to 1.3, noise and blur, all drawn anew for each; and as many without any gap.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from tools.planted_pictures import COLORS, NO_ERROR, axes_of, pairs
from workbench.cli.command import BAD_INPUT, wants_help
from workbench.cli.options import OptionError, help_table, option, parse_options
from workbench.rollout.options import at_least
from workbench.visual_gap.camera_fit import PARAMETERS, projected
from workbench.visual_gap.findings import findings
from workbench.visual_gap.measures import CameraGap, measure
from workbench.visual_gap.pairs import Pairs

MIDDLE = 0.2
"""Light of a middle tone [full scale]."""


@dataclass
class StudyOptions:
    """Options of the study."""

    draws: int = option(20, "planted gaps, and as many pairs without one")
    seed: int = option(0, "of the first; each next has the next")


@dataclass(frozen=True)
class Planted:
    """What a pair's real pictures are off by."""

    camera: np.ndarray
    """By `PARAMETERS` ``[8]``."""
    gain: np.ndarray
    """Of each channel ``[3]``."""
    read: float
    shot: float
    """Noise [full scale]."""
    blur: float
    """[px]"""

    @staticmethod
    def drawn(seed: int) -> Planted:
        """All by chance."""
        random = np.random.default_rng(seed)
        return Planted(
            camera=np.concatenate((random.normal(0, 0.01, 7), (0.0,))),
            gain=random.uniform(0.7, 1.3) * random.uniform(0.9, 1.1, 3),
            read=random.uniform(0.003, 0.01),
            shot=random.uniform(0.01, 0.03),
            blur=random.uniform(0.5, 1.5),
        )

    def pairs(self, seed: int) -> Pairs:
        """The pictures; the seed is of their noise."""
        red, green, blue = self.gain.tolist()
        return pairs(
            self.camera, gain=(red, green, blue), read=self.read, shot=self.shot, blur=self.blur, seed=seed
        )


@dataclass(frozen=True)
class Told:
    """One number, found against planted."""

    measure: str
    error: float
    held: bool | None
    """Whether its interval holds what was planted; None where there is no interval."""


def main(words: Sequence[str] | None = None) -> int:
    """Run the study and print its table; returns the exit status."""
    console, words = Console(soft_wrap=True, highlight=False), sys.argv[1:] if words is None else words
    if wants_help(words):
        console.print("usage: python -m tools.visual_gap_study [key=value ...]\n", markup=False)
        console.print(help_table(StudyOptions))
        return 0
    try:
        options = parse_options(StudyOptions, words)
        at_least("draws", options.draws, 1)
        at_least("seed", options.seed, 0)
    except OptionError as problem:
        print(f"visual_gap_study: {problem}", file=sys.stderr)
        return BAD_INPUT
    told: dict[str, list[Told]] = {}
    refused, alarms, measures = [], 0, 0
    for seed in range(options.seed, options.seed + options.draws):
        planted = Planted.drawn(seed)
        one = planted.pairs(seed)
        gap = measure(one, seed=seed)
        if gap.fit is None:
            refused.append(str(seed))
        for each in _told(gap, planted, one.intrinsics):
            told.setdefault(each.measure, []).append(each)
        none = findings(measure(pairs(read=0.001, seed=seed), seed=seed), COLORS)
        alarms += sum(f.differs for f in none)
        measures += len(none)
    console.print(
        "| measure | error, median | at worst | intervals at 95 % that hold it |\n|---|---|---|---|"
    )
    for name, found in told.items():
        console.print(table_row(name, found), markup=False)
    which = f", of seed {', '.join(refused)}" if refused else ""
    console.print(f"\nThe camera was not found in {len(refused)} of {options.draws} draws{which}.")
    console.print(f"Without a gap: {alarms} of {measures} measures are said to differ.")
    return 0


def table_row(name: str, found: Sequence[Told]) -> str:
    """The line of a measure: median and greatest error, and how often intervals held what was planted."""
    errors = [abs(each.error) for each in found]
    held = [each.held for each in found if each.held is not None]
    intervals = f"{sum(held)} of {len(held)}" if held else "no interval"
    return f"| {name} | {np.median(errors):.2g} | {max(errors):.2g} | {intervals} |"


def _told(gap: CameraGap, planted: Planted, intrinsics: np.ndarray) -> Iterator[Told]:
    """Every number that was told of a gap."""
    fit, color, noise, sharp = gap.fit, gap.color, gap.noise, gap.sharpness
    if fit is not None:
        units = {"x": "place [m]", "y": "place [m]", "z": "place [m]", "focal": "focal length [1]"}
        for k, name in enumerate(PARAMETERS[:7]):
            truth = planted.camera[k]
            held = bool(fit.low[k] <= truth <= fit.high[k])
            yield Told(units.get(name, "turn [rad]"), fit.values[k] - truth, held)
        yield Told("points on the table and 20 cm above [px]", _pixels(fit.values, planted, intrinsics), None)
    if color is not None:
        for gain, low, high, truth in zip(
            color.gain, color.gain_low, color.gain_high, planted.gain, strict=True
        ):
            yield Told("gain of a channel [1]", gain - truth, bool(low <= truth <= high))
    if noise is not None:
        middle = [
            float(np.hypot(read, shot * MIDDLE**0.5))
            for read, shot in ((noise.read, noise.shot), (planted.read, planted.shot))
        ]
        yield Told("noise of a middle tone, as a share of it [1]", middle[0] / middle[1] - 1, None)
        yield _one("read noise [full scale]", noise.read, noise.read_interval, planted.read)
        yield _one("shot noise [full scale]", noise.shot, noise.shot_interval, planted.shot)
    if sharp is not None:
        yield _one("blur [px]", sharp.blur, sharp.interval, planted.blur)


def _one(name: str, value: float, interval: tuple[float, float], truth: float) -> Told:
    return Told(name, value - truth, interval[0] <= truth <= interval[1])


def _pixels(values: np.ndarray, planted: Planted, intrinsics: np.ndarray) -> float:
    """How far apart the found and the true camera see points within the view, at worst [px]."""
    points = np.array([(x, y, z) for x in (-0.2, 0.2) for y in (-0.2, 0.2) for z in (1.0, 1.2)])
    # Along the base's axes, as the camera sees them.
    axes = np.broadcast_to(axes_of(NO_ERROR).T, (len(points), 3, 3))
    seen, true = (projected(points, v, intrinsics, axes) for v in (values, planted.camera))
    return float(np.abs(seen - true).max())


if __name__ == "__main__":
    sys.exit(main())
