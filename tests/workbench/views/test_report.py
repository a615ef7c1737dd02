"""The report is one self-contained page that tells the truth at any size and trusts no string."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from policy.grounding import Box, Grounding
from workbench.evaluation.overview import print_summary
from workbench.evaluation.summary import summarise
from workbench.runs.folder import RunFolder, RunFolderError
from workbench.runs.records import EpisodeRecord, SessionRecord, grounding_record
from workbench.stats.sequential import anytime_interval
from workbench.views.report import write_report
from workbench.views.report.charts import histogram, measure, nice_edges, number
from workbench.views.report.factors import at_any_time, factor_effects

META = {
    "task": "pick", "policy": "expert", "seed": 7, "physics": "ovphysx", "renderer": "newton_warp", "device": "cpu",
    "num_envs": 4,
}  # fmt: skip
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def episode(index, success=True, **changes):
    return EpisodeRecord(
        **{
            "index": index, "task": "pick", "seed": 7, "instruction": "pick the cube", "factors": {},
            "success": success, "failure_reason": None if success else "dropped", "steps": 10,
            "duration_s": 1.0 + index % 5, "time_to_success_s": 1.0 + index % 5 if success else None,
            "path_length_m": 0.5 + 0.01 * (index % 7),
            "smoothness": -2.0, "grounding": None, "wall_s": 2.0,
        } | changes
    )  # fmt: skip


def write_run(path, records, **meta):
    meta = META | meta
    with RunFolder(path) as run:
        run.create_or_resume(meta, {"git": {"commit": "4f1c2d9"}, "versions": {"isaaclab": "3.0.0"}})
        (path / "episodes.jsonl").write_text("".join(r.to_json_line() + "\n" for r in records))
        phases = {"physics": 5.0, "policy": 1.0}
        run.append_session(
            SessionRecord("t0", "t1", 8.0, phases, {"episodes": len(records), "env_steps": 100})
        )
        run.write_summary(summarise(records, meta, run.sessions()))
    return path


class Page(HTMLParser):
    """Checks that tags are balanced and collects what the page refers to."""

    VOID = frozenset({"meta", "img", "br", "input", "link"})

    def __init__(self, text):
        super().__init__()
        self.open, self.references, self.tags, self.attributes = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.references += [value for name, value in attrs if name in ("src", "href", "xlink:href", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"


def report(path):
    text = write_report(path).read_text("utf-8")
    return text, Page(text)


def words(text):
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_the_headline_gives_rate_counts_and_interval(tmp_path):
    text, _ = report(write_run(tmp_path, [episode(i, i < 15) for i in range(20)]))
    assert "75.0 % success: 15 of 20 episodes 95 % interval 53.1 to 88.8 % (Wilson)" in words(text)
    assert "expert on pick" in words(text)
    assert "git.commit 4f1c2d9" in words(text)
    assert "dropped 5 25.0 %" in words(text)


def test_the_share_of_commands_that_the_robots_limits_changed_is_said_where_it_is_known(tmp_path):
    limited = write_run(tmp_path / "limited", [episode(i, limited_share=0.25) for i in range(4)])
    said = " ".join(re.sub("<[^>]+>", "", write_report(limited).read_text("utf-8")).split())
    assert "limits of motion changed the command in 25.0 % of the steps" in said
    older = write_run(tmp_path / "older", [episode(i) for i in range(4)])
    assert "limits of motion" not in write_report(older).read_text("utf-8")


def test_the_page_needs_no_network(tmp_path):
    text, page = report(write_run(tmp_path, [episode(i, i < 15) for i in range(20)]))
    assert "link" not in page.tags
    assert not re.search(r"https?://|@import|url\(", text)
    assert all(r.startswith("data:") for r in page.references)
    assert "default-src 'none'" in text


@pytest.mark.parametrize(
    "records", [[], [episode(0)], [episode(0, False)], [episode(i, False) for i in range(30)]]
)
def test_the_smallest_and_the_worst_runs_have_a_page(tmp_path, records):
    text, _ = report(write_run(tmp_path, records))
    if not records:
        assert "No episode is recorded." in words(text)
    elif not any(r.success for r in records):
        assert "0.0 % success: 0 of" in words(text)
        assert "No success with a time is recorded." in words(text)


def test_hostile_strings_stay_strings(tmp_path):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}{% endfor %}"
    records = [
        episode(i, i % 2 > 0, instruction=evil, task=evil, factors={evil: evil if i % 3 else "b"})
        if i % 2
        else episode(i, False, failure_reason=evil, task=evil, factors={evil: "b"})
        for i in range(40)
    ]
    write_run(tmp_path, records, policy=evil, task=evil)
    (tmp_path / "frames" / "last").mkdir(parents=True)
    (tmp_path / "frames" / "last" / "000000.png").write_bytes(PIXEL)
    text, page = report(tmp_path)
    assert page.tags.count("script") == 1
    assert page.tags.count("img") == 1
    assert not [a for a in page.attributes if a.startswith("on")]
    assert "{{ 7*7 }}" in text, "templates inside data are shown, not run"


def test_last_frames_are_embedded_failures_first(tmp_path):
    write_run(tmp_path, [episode(i, i % 4 > 0) for i in range(200)])
    frames = tmp_path / "frames" / "last"
    frames.mkdir(parents=True)
    for i in range(0, 200, 2):
        (frames / f"{i:06d}.png").write_bytes(PIXEL)
    (frames / "notes.txt").write_text("not a frame")
    text, page = report(tmp_path)
    assert text.count("data:image/png;base64,") == page.tags.count("figure") == 36
    shown = [int(i) for i in re.findall(r"last frame of episode (\d+)", text)]
    assert shown == [*range(0, 96, 4), *range(2, 50, 4)]
    assert "36 of 100 frames" in words(text)


def test_a_run_without_frames_says_so(tmp_path):
    text, _ = report(write_run(tmp_path, [episode(0)]))
    assert "No last frames are stored in this run" in words(text)


def test_episodes_link_to_the_files_that_exist(tmp_path):
    write_run(tmp_path, [episode(i) for i in range(3)])
    (tmp_path / "trajectories").mkdir()
    (tmp_path / "trajectories" / "episode_000001.npz").write_bytes(b"")
    (tmp_path / "recording.rrd").write_bytes(b"")
    _, page = report(tmp_path)
    assert page.references == ["recording.rrd", "trajectories/episode_000001.npz"]


def test_five_thousand_episodes_fit(tmp_path):
    rng = np.random.default_rng(0)
    records = [
        episode(i, bool(rng.random() < 0.7), factors={"mass": float(rng.random()), "texture": f"t{i % 40}"})
        for i in range(5200)
    ]
    text, page = report(write_run(tmp_path, records))
    assert len(text) < 6_000_000
    assert page.tags.count("tr") - 5000 < 100
    assert "The first 5000 of 5200 episodes" in words(text)
    assert "28 rarer levels are not drawn" in words(text)


def test_an_unfinished_run_says_so(tmp_path):
    text, _ = report(write_run(tmp_path, [episode(0), episode(1)], episodes_planned=50))
    assert "Incomplete: 2 of 50 planned episodes" in words(text)


def test_an_early_stop_is_explained(tmp_path):
    records = [episode(i) for i in range(30)]
    text, _ = report(write_run(tmp_path, records, episodes_planned=50, stop_above=0.5))
    assert re.search(r"above , decided after \d episodes", words(text))
    assert "anytime-valid" in text
    assert "Incomplete" not in text


def test_a_run_that_was_stopped_says_on_page_and_terminal_that_its_rate_leans(tmp_path):
    write_run(tmp_path, [episode(i) for i in range(30)], episodes_planned=50, stop_above=0.5)
    assert "Mind that the run stopped because its outcomes sufficed" in words(report(tmp_path)[0])
    console = Console(file=io.StringIO(), width=300)
    print_summary(RunFolder(tmp_path).summary(), str(tmp_path), console)
    assert "(anytime-valid)" in console.file.getvalue()
    assert "on average the rate reads too high" in console.file.getvalue()


def test_levels_of_factors_of_a_stopped_run_have_intervals_that_allow_for_it():
    records = [episode(i, i % 3 > 0, factors={"size": "small" if i % 2 else "large"}) for i in range(40)]
    effects, _ = factor_effects(records, 0.95)
    (effect,) = at_any_time(effects, 0.95)
    assert len(effect.levels) == 2
    for level, fixed in zip(effect.levels, effects[0].levels, strict=True):
        assert level.interval == anytime_interval(level.successes, level.episodes)
        assert level.interval[0] < fixed.interval[0] < fixed.interval[1] < level.interval[1]


def test_a_run_stopped_against_another_names_it(tmp_path):
    other = {"run": "runs/other", "outcomes": "0" * 50}
    text, _ = report(
        write_run(tmp_path, [episode(i) for i in range(30)], episodes_planned=50, stop_against=other)
    )
    assert re.search(
        r"this run or runs/other on the same episodes: this run , decided after \d+ episodes", words(text)
    )


def test_a_rate_over_strata_is_shown_with_its_weights(tmp_path):
    records = [episode(i, i < 15, factors={"shape": "cube" if i < 16 else "cone"}) for i in range(20)]
    write_run(tmp_path, records, strata="shape", weights="cube:1,cone:3")
    assert "By shape , weighted: 23.4 % , 95 % interval" in words(report(tmp_path)[0])
    assert "cube 15/16 × 0.25" in words(report(tmp_path)[0]).replace("&times;", "×")
    console = Console(file=io.StringIO(), width=300)
    print_summary(RunFolder(tmp_path).summary(), str(tmp_path), console)
    assert "by shape: 23.4%" in console.file.getvalue()


def test_numbers_are_computed_afresh_from_the_records(tmp_path):
    write_run(tmp_path, [episode(i) for i in range(4)])
    with (tmp_path / "episodes.jsonl").open("a") as file:
        file.write(episode(4, False).to_json_line() + "\n")
    assert "4 of 5 episodes" in words(report(tmp_path)[0])


def test_a_folder_without_a_summary_is_one_sentence(tmp_path):
    with pytest.raises(RunFolderError, match="not a run folder"):
        write_report(tmp_path)


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
