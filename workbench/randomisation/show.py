"""``workbench dr show``: contact sheets of what factors look like, one row a factor, one environment a column."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.progress import track

from domain_rand.checks.check import default_levels
from domain_rand.checks.trial import Trial
from domain_rand.description import what_it_is
from domain_rand.factor import REGISTRY, Factor, Value
from workbench.cli.options import OptionError
from workbench.randomisation.commands import (
    CheckOptions,
    chosen_factors,
    laboratory,
    log_of,
    short,
    unsupported_reason,
)
from workbench.runs.durable import write_atomically

VISIBLE = ("scene", "appearance", "camera")
"""Families that a still picture shows."""
COLUMNS = 4
WORDS = 300
"""Width of the column of words [px]."""
MARGIN = 6


def show_factors(words: Sequence[str], options: CheckOptions, console: Console) -> list[Path]:
    """Draw a contact sheet a family into the folder of the options; returns their paths."""
    names = [n for n in chosen_factors(words) if n.partition(".")[0] in VISIBLE]
    if not names:
        raise OptionError(f"a still picture shows none of {', '.join(words)}; it shows {', '.join(VISIBLE)}")
    rows: dict[str, list[Image.Image]] = {}
    with log_of(options), laboratory(options) as env:
        trial = Trial(env)
        env.reset()
        for name in track(names, description="drawing", console=console):
            if unsupported_reason(name, options) is None:
                rows.setdefault(name.partition(".")[0], []).append(_row(trial, name))
    sheets = []
    for family, pictures in rows.items():
        sheet = Image.new("RGB", (pictures[0].width, sum(p.height for p in pictures)), "white")
        top = 0
        for picture in pictures:
            sheet.paste(picture, (0, top))
            top += picture.height
        sheets.append(Path(options.out) / f"show_{family}_{options.physics}.png")
        packed = io.BytesIO()
        sheet.save(packed, "PNG")
        write_atomically(sheets[-1], packed.getvalue())
    return sheets


def _row(trial: Trial, name: str) -> Image.Image:
    cls = REGISTRY[name]
    values = shown_levels(cls)
    if cls.nominal is None:
        captions = _draw_scenes(trial, name, values)
    else:
        trial.begin(name, values)
        captions = [short(value) for value in values]
    trial.idle(2)
    if name in ("camera.frame_latency", "camera.frame_loss"):
        for _ in range(6):
            trial.step(0.03, joint=0)
    images = trial.env.image("front").cpu().numpy()
    height, width = images.shape[1:3]
    row = Image.new("RGB", (WORDS + COLUMNS * (width + MARGIN), height + 22), "white")
    pen, font = ImageDraw.Draw(row), ImageFont.load_default(13)
    says = what_it_is(cls)
    pen.text((MARGIN, 4), f"{name} [{cls.unit}]", "black", ImageFont.load_default(15))
    pen.multiline_text((MARGIN, 28), _wrapped(says, 42), "dimgray", font, spacing=3)
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = WORDS + i * (width + MARGIN)
        row.paste(Image.fromarray(image), (left, 0))
        pen.text((left + 2, height + 2), caption[:36], "black", font)
    return row


def shown_levels(cls: type[Factor]) -> list[Value]:
    """Four values that are worth seeing: from low to high with nominal among them; of a vector, opposite corners."""
    if cls.default is None:
        return [None] * COLUMNS  # type: ignore[list-item]
    levels: list[Any] = list(default_levels(cls))
    if cls.length > 1:
        low, middle, high = levels
        levels = [low, middle, high, [high[i] if i % 2 else low[i] for i in range(cls.length)]]
    elif len(levels) == 3 and not isinstance(levels[0], str):
        between = (levels[0] + levels[1]) / 2 if levels[0] != levels[1] else (levels[1] + levels[2]) / 2
        levels.append(int(between) if isinstance(levels[0], int) else between)
        levels.sort()
    elif len(levels) == 2 and not isinstance(levels[0], str):
        low, high = levels
        levels = [low, *((low + (high - low) * k / 3 if isinstance(low, float) else round(low + (high - low) * k / 3))
                         for k in (1, 2)), high]  # fmt: skip
    return (levels * COLUMNS)[:COLUMNS] if len(levels) < COLUMNS else levels[-COLUMNS:]


def _draw_scenes(trial: Trial, name: str, values: Sequence[Value]) -> list[str]:
    """Start scenes that differ in what the factor says; of one that is composed, four draws."""
    from domain_rand.checks.scene import drawn_scenes

    drawn, scenes = drawn_scenes(name, values)
    trial.begin_scenes(scenes)
    return [short(value) if not isinstance(value, list) else f"{len(value)} values" for value in drawn]


def _wrapped(text: str, width: int) -> str:
    lines, line = [], ""
    for word in text.split():
        if len(line) + len(word) + 1 > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, line])
