"""Several runs at once: the error rate is the family's, and no interval contradicts its verdict."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from workbench.cli.options import OptionError
from workbench.comparison import ComparisonError, compare_records
from workbench.comparison.clusters import Recipe, compare_recipes, recipes_named, variance_of_difference
from workbench.comparison.command import compare_command
from workbench.comparison.family import family_of, which_pairs
from workbench.comparison.sample import Sample
from workbench.runs.records import EpisodeRecord
from workbench.stats import holm


def episode(index, success, **changes):
    return EpisodeRecord(
        **{
            "index": index, "task": "pick", "seed": 7, "instruction": "pick", "factors": {}, "success": success,
            "failure_reason": None if success else "timeout", "steps": 10, "duration_s": 1.0,
            "time_to_success_s": None, "path_length_m": None, "smoothness": None, "grounding": None, "wall_s": 1.0,
        } | changes
    )  # fmt: skip


def run_of(outcomes):
    return {i: episode(i, bool(s), steps=int(7 * i + s)) for i, s in enumerate(outcomes)}


def write(path, outcomes, **config):
    path.mkdir()
    options = {"command": "eval", "physics": "ovphysx", "confidence": 0.95, "episodes": len(outcomes)}
    (path / "config.yaml").write_text(json.dumps(options | config))
    (path / "provenance.json").write_text("{}")
    lines = (record.to_json_line() + "\n" for record in run_of(outcomes).values())
    (path / "episodes.jsonl").write_text("".join(lines))
    return str(path)


def say(*words):
    console = Console(file=io.StringIO(), width=160)
    compare_command(words, console)
    return console.file.getvalue()


def contrasts(rng, rates, n=60):
    runs = [run_of(rng.random(n) < rate) for rate in rates]
    return [compare_records(runs[i], runs[j]) for i, j in which_pairs(len(runs), "pairs")]


def test_the_smallest_p_value_is_tested_at_the_strictest_level_and_intervals_agree():
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(12):
        family = family_of(contrasts(rng, (0.9, 0.6, 0.55)), 0.95)
        adjusted = holm([m.contrast.p_value for m in family.members])
        for member, p in zip(family.members, adjusted, strict=True):
            assert member.p_adjusted == p
            assert member.real == (p < 0.05) == (member.interval[0] > 0 or member.interval[1] < 0)
            low, high = member.contrast.difference_interval
            assert member.interval[0] <= low + 1e-9
            assert high - 1e-9 <= member.interval[1]
            seen.add(member.real)
    assert seen == {True, False}


def test_equal_policies_are_rarely_told_apart_however_many_there_are():
    """Four equal policies, six pairs: without correction, a pair would look different in one run in eight."""
    rng = np.random.default_rng(1)
    false = sum(any(m.real for m in family_of(contrasts(rng, [0.7] * 4), 0.95).members) for _ in range(40))
    assert false <= 5, f"{false} of 40 at 5 %"


def test_which_are_compared():
    assert which_pairs(3, "pairs") == [(0, 1), (0, 2), (1, 2)]
    assert which_pairs(3, "first") == [(1, 0), (2, 0)]


def test_several_runs_on_the_command_line(tmp_path):
    good = write(tmp_path / "good", [True] * 40)
    bad, worse = write(tmp_path / "bad", [False] * 40), write(tmp_path / "worse", [False] * 30)
    text = say(good, bad, worse)
    assert text.count("good succeeds more often") == 2
    assert "not told apart" in text
    assert "30 shared episodes" in text
    assert "the first 30 episodes are compared, which all runs have" in text
    assert "bad" not in say(worse, good, bad, "against=first").split("p (Holm)")[1].split("worse")[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a"], "two run folders or more"),
        (["a", "b", "confidence=95"], "between 0 and 1"),
        (["a", "b", "against=best"], "choose one of pairs, first"),
        (["a", "b", "agains=first"], "no option 'agains'"),
    ],
)
def test_words_that_cannot_be_used_are_refused(words, said):
    with pytest.raises(OptionError, match=said):
        say(*words)


# -- recipes of several training seeds


def recipe(name, tables):
    runs = tuple(Sample(f"{name}-{k}", run_of(row)) for k, row in enumerate(tables))
    return Recipe(name, runs)


def outcomes(rng, runs, episodes, seed_deviation, rate=0.7):
    """Runs whose policies differ in their own rate, on episodes of different difficulty."""
    logit = np.log(rate / (1 - rate)) + rng.normal(0, seed_deviation, (runs, 1)) + rng.normal(0, 1, episodes)
    return rng.random((runs, episodes)) < 1 / (1 + np.exp(-logit))


@pytest.mark.parametrize("seed_deviation", [0.0, 0.8])
def test_equal_recipes_are_rarely_told_apart_though_their_runs_are(seed_deviation):
    rng = np.random.default_rng(2)
    false = naive = 0
    for _ in range(60):
        a, b = (recipe(name, outcomes(rng, 3, 100, seed_deviation)) for name in "ab")
        false += compare_recipes(a, b, confidence=0.95).p_value < 0.05
        naive += compare_records(a.runs[0].records, b.runs[0].records).p_value < 0.05
    assert false <= 7, f"{false} of 60 at 5 %"
    if seed_deviation:
        assert naive > 15, "single runs differ, which says nothing of their recipes"


def test_a_recipe_that_is_much_better_is_found_with_three_seeds():
    rng = np.random.default_rng(3)
    a, b = recipe("a", outcomes(rng, 3, 100, 0.3, 0.9)), recipe("b", outcomes(rng, 3, 100, 0.3, 0.4))
    found = compare_recipes(a, b, confidence=0.95)
    assert found.p_value < 0.05
    assert found.difference_interval[0] > 0
    assert found.freedom == 4
    assert (found.difference_interval[0] > 0) == (found.p_value < 0.05)
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_variance_counts_runs_and_episodes():
    """Two runs a recipe that agree on every episode: what is left is how the recipes' episodes differ."""
    first = np.array([[1, 1, 1, 0, 1, 1, 0, 1.0]] * 2)
    second = np.array([[1, 0, 1, 0, 0, 1, 0, 1.0]] * 2)
    assert variance_of_difference(first, second) == pytest.approx((first[0] - second[0]).var(ddof=1) / 8)


def test_what_says_nothing_of_a_recipe_is_refused():
    rng = np.random.default_rng(4)
    one, two = recipe("one", outcomes(rng, 1, 20, 0)), recipe("two", outcomes(rng, 2, 20, 0))
    with pytest.raises(ComparisonError, match="one is one training seed"):
        compare_recipes(one, two, confidence=0.95)
    sure = recipe("sure", np.ones((2, 20), bool))
    with pytest.raises(ComparisonError, match="end every episode alike"):
        compare_recipes(sure, sure, confidence=0.95)
    stopped = Recipe("stopped", (two.runs[0], Sample("x", two.runs[1].records, chosen=True)))
    with pytest.raises(ComparisonError, match="x is unfinished or was stopped"):
        compare_recipes(stopped, two, confidence=0.95)
    with pytest.raises(ComparisonError, match="named twice"):
        recipes_named([("a", [two.runs[0]]), ("b", [two.runs[0]])])


def test_recipes_on_the_command_line(tmp_path):
    rng = np.random.default_rng(5)
    deep = [write(tmp_path / f"deep-seed{k}", row) for k, row in enumerate(outcomes(rng, 3, 80, 0.2, 0.9))]
    flat = [write(tmp_path / f"flat-seed{k}", row) for k, row in enumerate(outcomes(rng, 3, 80, 0.2, 0.3))]
    text = say(",".join(deep), ",".join(flat))
    assert "deep-seed* succeeds more often" in text
    assert "80 shared episodes" in text
    with pytest.raises(ComparisonError, match="one training seed"):
        say(",".join(deep), flat[0])


def test_a_folder_whose_name_holds_a_comma_is_one_run(tmp_path):
    runs = [write(tmp_path / f"lr=0.1,seed={k}", [k == 1] * 20) for k in (1, 2)]
    assert "lr=0.1,seed=1 succeeds more often than lr=0.1,seed=2" in say(*runs)
