"""``workbench compare``: two runs, several, or recipes of several training seeds each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from workbench.cli.options import OptionError, option, parse_options
from workbench.cli.positional import called_like_an_option, separate
from workbench.comparison.clusters import Recipe, compare_recipes, recipes_named
from workbench.comparison.family import AGAINST, PAIRS, Contrast, family_of, which_pairs
from workbench.comparison.sample import Sample, read_sample
from workbench.comparison.show import render, render_family
from workbench.comparison.two import compare, compare_samples, named
from workbench.stats import CONFIDENCE

USAGE = """usage: workbench compare RUN_A RUN_B [RUN_C ...] [key=value ...]
       workbench compare A1,A2,... B1,B2,... [...]      recipes, each as runs of several training seeds
"""


@dataclass
class CompareOptions:
    """Options of ``workbench compare``."""

    confidence: float = option(CONFIDENCE, "of all intervals and tests, of several comparisons together")
    against: str = option(
        PAIRS, "three runs and more: pairs compares each with each, first each with the first"
    )

    def resolve(self) -> None:
        """OptionError for what cannot be."""
        if not 0 < self.confidence < 1:
            raise OptionError(f"confidence must lie between 0 and 1, not {self.confidence:g}")
        if self.against not in AGAINST:
            raise OptionError(f"there is no against {self.against!r}: choose one of {', '.join(AGAINST)}")


def compare_command(words: Sequence[str], console: Console) -> None:
    """Compare the runs named and print what that shows; OptionError for words that cannot be used."""
    folders, given = separate(words, CompareOptions)
    options = parse_options(CompareOptions, given)
    options.resolve()
    if len(folders) < 2:
        usage = "compare takes two run folders or more: workbench compare RUN_A RUN_B"
        raise OptionError(usage + called_like_an_option(given))
    groups = [runs_of(word) for word in folders]
    if all(len(group) == 1 for group in groups):
        if len(folders) == 2:
            console.print(render(compare(folders[0], folders[1], options.confidence)))
            return
        samples = common(named(*(read_sample(folder) for folder in folders)))
        pairs = which_pairs(len(samples), options.against)
        contrasts: list[Contrast] = [
            compare_samples(samples[i], samples[j], confidence=options.confidence) for i, j in pairs
        ]
    else:
        recipes = read_recipes(folders, groups)
        contrasts = [
            compare_recipes(recipes[i], recipes[j], confidence=options.confidence)
            for i, j in which_pairs(len(recipes), options.against)
        ]
    console.print(render_family(family_of(contrasts, options.confidence)))


def runs_of(word: str) -> list[str]:
    """Run folders that a word names: one, or several separated by commas unless the whole is a folder."""
    return [word] if Path(word).exists() else [name for name in word.split(",") if name]


def common(samples: Sequence[Sample]) -> list[Sample]:
    """The samples cut to the row of episodes that all have, so that all rates are about the same episodes."""
    count = min(len(sample.records) for sample in samples)
    cut = [s for s in samples if len(s.records) > count]
    note = f"the first {count} episodes are compared, which all runs have"
    return [
        replace(s, records=dict(list(s.records.items())[:count]), notes=(*s.notes, note) if cut else s.notes)
        for s in samples
    ]


def read_recipes(words: Sequence[str], groups: Sequence[Sequence[str]]) -> list[Recipe]:
    """Recipes from words, named by what their runs' names begin with, or as typed where that tells too little."""
    names = [_prefix([Path(run).resolve().name for run in group]) for group in groups]
    if len(set(names)) < len(names) or not all(names):
        names = list(words)
    return recipes_named(
        [(name, [read_sample(run) for run in group]) for name, group in zip(names, groups, strict=True)]
    )


def _prefix(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    length = next(
        (i for i, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1),
        min(map(len, names)),
    )
    return names[0][:length].rstrip("-_.=, ") + "*" if length else ""
