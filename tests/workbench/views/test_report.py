"""The report is one self-contained page that tells the truth at any size and trusts no string."""

import io
import re

import numpy as np
import pytest
from rich.console import Console

from tests.workbench.views.report_page import PIXEL, episode, report, words, write_run
from workbench.evaluation.overview import print_summary
from workbench.runs.folder import RunFolder, RunFolderError
from workbench.stats.sequential import anytime_interval
from workbench.views.report import write_report
from workbench.views.report.factors import at_any_time, factor_effects


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
