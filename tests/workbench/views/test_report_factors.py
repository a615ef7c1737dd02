"""What a report says of factors: which matter, which cannot be shown to, and how values are drawn."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.grounding import Box, Grounding
from tests.workbench.views.report_page import PIXEL, episode, report, words, write_run
from workbench.runs.records import grounding_record
from workbench.views.report.charts import histogram, measure, nice_edges, number
from workbench.views.report.factors import factor_effects


def test_the_factor_that_matters_comes_first_and_noise_is_not_called_evident():
    rng = np.random.default_rng(3)
    records = []
    for i in range(300):
        friction = float(rng.uniform(0, 1))
        noise = {f"noise_{n}": float(rng.random()) for n in range(6)}
        success = bool(rng.random() < 0.2 + 0.7 * friction)
        shape = str(rng.choice(["cube", "ball"]))
        records.append(episode(i, success, factors=noise | {"friction": friction, "shape": shape}))
    effects, notes = factor_effects(records, 0.95)
    assert effects[0].name == "friction"
    assert effects[0].p_value < 1e-6
    assert all(e.p_value > 0.05 for e in effects[1:])
    rates = [level.successes / level.episodes for level in effects[0].levels]
    assert rates == sorted(rates)
    assert len(rates) == 5
    assert {sum(level.episodes for level in e.levels) for e in effects} == {300}
    assert notes == []


def test_holm_keeps_the_chance_of_any_false_alarm():
    """With 12 factors that do nothing, some uncorrected p falls below 0.05 in almost half of all runs."""
    alarms = 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        records = [
            episode(i, bool(rng.random() < 0.5), factors={f"f{n}": float(rng.random()) for n in range(12)})
            for i in range(60)
        ]
        effects, _ = factor_effects(records, 0.95)
        alarms += effects[0].p_value < 0.05
    assert alarms <= 8


def test_factors_that_cannot_be_shown_are_named():
    records = [
        episode(
            i,
            i % 3 > 0,
            factors={
                "id": f"scene{i}",
                "pose": [0.1 * i] * 7,
                "names": ["a"],
                "same": 3,
                "offset": [float(i), 1.0],
            },
        )
        for i in range(40)
    ]
    effects, notes = factor_effects(records, 0.95)
    assert [e.name for e in effects] == ["offset[0]"]
    said = " ".join(notes)
    for part in ("id has another value", "pose is a list", "names is a list", "same = 3", "offset[1] = 1"):
        assert part in said, part


def test_levels_keep_their_kind_and_order():
    values = [True, False, True, False]
    records = [episode(i, True, factors={"on": values[i % 4], "count": i % 3}) for i in range(24)]
    levels = {e.name: [level.label for level in e.levels] for e in factor_effects(records, 0.95)[0]}
    assert levels == {"count": ["0", "1", "2"], "on": ["no", "yes"]}


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=80), st.integers(2, 30))
def test_histogram_edges_are_even_and_hold_everything(values, bins):
    edges = nice_edges(min(values), max(values), bins)
    assert edges[0] <= min(values)
    assert max(values) <= edges[-1]
    assert np.all(np.diff(edges) > 0)
    assert np.histogram(values, edges)[0].sum() == len(values)
    assert len(edges) <= 2 * bins + 3


def test_a_histogram_draws_every_value():
    drawn = histogram({"success": [1.0, 1.1, 5.0], "failure": [5.0]}, "s")
    assert sum(map(int, re.findall(r": (\d+) (?:success|failure) of", drawn))) == 4


@pytest.mark.parametrize(
    ("value", "measured", "plain"),
    [
        (0, "0", "0"),
        (0.5, "0.500", "0.5"),
        (1234.5, "1,234", "1,234"),
        (1e-7, "1e-07", "1e-07"),
        (100, "100", "100"),
    ],
)
def test_numbers_are_written_as_people_write_them(value, measured, plain):
    assert (measure(value), number(value)) == (measured, plain)


def with_factors(n, deciding=None):
    """Episodes of which half succeed, under 30 factors of 3 families; one of them may decide."""
    rng = np.random.default_rng(0)
    names = [f"{family}.f{k}" for family in ("camera", "control", "scene") for k in range(10)]
    draws = {name: rng.uniform(size=n) for name in names}
    wins = draws[deciding] > 0.5 if deciding else rng.uniform(size=n) > 0.5
    box = Grounding("front", (64, 48), (Box("target", (0, 0, 10, 10)),))
    claim = grounding_record(box, box)
    return [
        episode(i, bool(wins[i]), factors={k: float(v[i]) for k, v in draws.items()}, grounding=claim)
        for i in range(n)
    ]


def opening_and_folded(text):
    """The page as it shows before anything is opened, and what its folds hold by their summaries."""
    folds = re.findall(r"<details.*?><summary>(.*?)</summary>(.*?)</details>", text, re.DOTALL)
    return re.sub(r"<details.*?</details>", "", text, flags=re.DOTALL), {words(s): body for s, body in folds}


def test_the_page_opens_with_what_matters_and_folds_the_rest(tmp_path):
    write_run(tmp_path, with_factors(120, "control.f3"))
    frames = tmp_path / "frames" / "last"
    frames.mkdir(parents=True)
    (frames / "000000.png").write_bytes(PIXEL)
    text, _ = report(tmp_path)
    opening, folded = opening_and_folded(text)
    assert "Success depends on control.f3 , of 30 factors tested." in words(opening)
    assert re.findall(r"<h3>([a-z]+\.f\d)", opening) == ["control.f3"]
    charts = {family: len(re.findall(r"<h3>[a-z]+\.f\d", body)) for family, body in folded.items()}
    assert charts["camera 10 charts, none shown to matter"] == 10
    assert charts["control 9 charts, none shown to matter"] == 9
    assert charts["scene 10 charts, none shown to matter"] == 10
    order = [
        "success:",
        "What went wrong",
        "Did it know, and could it do it?",
        "Last frames",
        "Which factors matter",
    ]
    places = [opening.index(heading) for heading in order]
    assert places == sorted(places)


def test_a_page_on_which_no_factor_matters_says_so_and_opens_no_chart(tmp_path):
    opening, folded = opening_and_folded(report(write_run(tmp_path, with_factors(120)))[0])
    assert "None that these episodes can tell from chance. 30 factors were tested" in words(opening)
    assert not re.findall(r"<h3>[a-z]+\.f\d", opening)
    assert sum("charts, none shown to matter" in summary for summary in folded) == 3


def test_a_page_whose_factors_cannot_be_tested_says_why(tmp_path):
    all_won = [episode(i, factors={"camera.f0": float(i)}) for i in range(30)]
    opening, _ = opening_and_folded(report(write_run(tmp_path / "won", all_won))[0])
    assert "None could be tested: there are too few failures to compare." in words(opening)
