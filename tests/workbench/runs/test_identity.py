"""Two experiments never share a rate: what was measured is bound to a run by content, and every start is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml

from tests.workbench.runs.test_folder import CONFIG as OTHER_CONFIG
from tests.workbench.runs.test_folder import episode
from workbench.runs.folder import RunFolder, RunFolderError
from workbench.runs.history import history_lines
from workbench.runs.records import StartRecord

CONFIG = {"command": "eval", "task": "pick", "seed": 7, "episodes": 32}
FACTORS = {f"camera.factor_{k}": {"kind": "range", "lo": 0.5, "hi": 1.5} for k in range(90)}
PROVENANCE = {
    "versions": {"isaaclab": "3.0.0"},
    "git_commit": "abc",
    "factor_set": {"name": "mine.yaml", "fingerprint": "1", "factors": FACTORS},
    "checkpoint": {"files": {"config.json": "c1", "model.safetensors": "m1"}, "ends": "e1"},
}
MAY_GROW = {"episodes": ""}


def start(path, config=CONFIG, provenance=PROVENANCE, growing=MAY_GROW, add=()):
    """Start the command on a folder, and record some episodes."""
    with RunFolder(path) as run:
        run.create_or_resume(config, provenance, growing=growing)
        for index in add:
            run.append(episode(index))
        return run


def refusal(path, config=CONFIG, provenance=PROVENANCE, growing=MAY_GROW):
    """The sentence that a start is refused with; the folder stays as it is."""
    before = {p.name: p.read_bytes() for p in path.iterdir()}
    with pytest.raises(RunFolderError) as error:
        RunFolder(path).create_or_resume(config, provenance, growing=growing)
    assert {p.name: p.read_bytes() for p in path.iterdir()} == before
    said = str(error.value)
    assert "\n" not in said
    assert len(said) < 1500, "too long to be read"
    return said


def changed(**parts):
    return json.loads(json.dumps(PROVENANCE)) | parts


@pytest.fixture
def begun(tmp_path):
    path = tmp_path / "run"
    start(path, add=range(20))
    return path


def test_an_edited_factor_set_of_the_same_name_is_refused_by_the_keys_that_differ(begun):
    factors = FACTORS | {"camera.factor_3": {"kind": "range", "lo": 0.5, "hi": 1.4}}
    said = refusal(
        begun, provenance=changed(factor_set={"name": "mine.yaml", "fingerprint": "2", "factors": factors})
    )
    assert "another factor set" in said
    assert "camera.factor_3.hi (there 1.5, now 1.4)" in said
    assert "factor_4" not in said
    fewer = {name: value for name, value in FACTORS.items() if name != "camera.factor_3"}
    said = refusal(
        begun, provenance=changed(factor_set={"name": "mine.yaml", "fingerprint": "3", "factors": fewer})
    )
    assert "camera.factor_3.hi (there 1.5, now absent)" in said


def test_a_factor_set_that_means_the_same_is_the_same(begun):
    whole = json.loads(json.dumps(FACTORS).replace("1.5", "1.50"))
    same = changed(factor_set={"name": "mine.yaml", "fingerprint": "1", "factors": whole})
    assert start(begun, provenance=same).completed().keys() == RunFolder(begun).completed().keys()


def test_ninety_factors_that_differ_make_a_sentence_and_not_a_page(begun):
    factors = {name: {"kind": "log_range", "lo": 0.1, "hi": 9.0} for name in FACTORS}
    said = refusal(
        begun, provenance=changed(factor_set={"name": "m", "fingerprint": "4", "factors": factors})
    )
    assert "and 262 more" in said


def test_another_checkpoint_under_the_same_path_is_refused_by_the_file_that_differs(begun):
    other = {"files": {"config.json": "c1", "model.safetensors": "m2"}, "ends": "e1"}
    said = refusal(begun, provenance=changed(checkpoint=other))
    assert "another checkpoint" in said
    assert 'model.safetensors (there "m1", now "m2")' in said
    assert "config.json" not in said
    more = {"files": {**PROVENANCE["checkpoint"]["files"], "chat_template.jinja": "t1"}, "ends": "e1"}
    assert "chat_template.jinja (there absent" in refusal(begun, provenance=changed(checkpoint=more))


def test_a_run_of_an_older_release_is_held_to_what_that_recorded(tmp_path):
    path = tmp_path / "run"
    start(path, provenance=changed(checkpoint="e1"), add=range(3))
    (path / "starts.jsonl").unlink()
    assert "another checkpoint" in refusal(path, provenance=changed(checkpoint={"files": {}, "ends": "e2"}))
    start(path)
    first, second = RunFolder(path).starts()
    assert (first.started, first.recorded, first.provenance["checkpoint"]) == (None, 0, "e1")
    assert second.recorded == 3
    old = tmp_path / "older"
    start(old, provenance={"git_commit": "abc"}, add=range(3))
    start(old)  # it recorded nothing that could be held against this start


def test_records_of_another_seed_or_task_are_refused_by_name(begun):
    for other, said in (
        (
            replace(episode(20), split="seen", held_out=[]),
            "line 21: episode 20 is of split seen, and the run of split none",
        ),
        (replace(episode(20), seed=8), "line 21: episode 20 is of seed 8, and the run of seed 7"),
        (replace(episode(20), task="juggle"), 'episode 20 is of task "juggle", and the run of task "pick"'),
        (episode(32), "episode 32 is none of the run's 32"),
        (replace(episode(20), episode=5), "episode 20 was run under a condition"),
        (replace(episode(20), condition="dark"), "episode 20 was run under a condition"),
    ):
        file = begun / "episodes.jsonl"
        before = file.read_text("utf-8")
        file.write_text(before + other.to_json_line() + "\n", "utf-8")
        with pytest.raises(RunFolderError) as error:
            RunFolder(begun).completed()
        assert said in str(error.value)
        file.write_text(before, "utf-8")
    assert len(RunFolder(begun).completed()) == 20


# -- a longer quota


def test_a_run_is_extended_and_says_so(begun):
    run = start(begun, CONFIG | {"episodes": 64}, add=range(20, 64))
    assert run.notices == ["extended from episodes=32 to episodes=64"]
    assert run.config() == CONFIG | {"episodes": 64}
    assert len(run.completed()) == 64
    told = run.told()
    assert told == {"history": {"extended": [{"option": "episodes", "from": 32, "to": 64, "recorded": 20}]}}
    (line,) = history_lines(told["history"])
    assert line.startswith("extended from episodes=32 to 64 when 20 were on record")
    start(begun, CONFIG | {"episodes": 64})
    assert run.told() == told


def test_a_run_is_not_cut_short(begun):
    start(begun, CONFIG | {"episodes": 64})
    said = refusal(begun, CONFIG)
    assert "holds a run with episodes=64, which cannot become 32" in said
    assert "resume it with episodes=64" in said


def test_a_run_that_may_not_grow_says_why(begun):
    said = refusal(begun, CONFIG | {"episodes": 64}, growing={"episodes": "the test fixes its end"})
    assert "episodes=32, which cannot become 64: the test fixes its end; resume it with episodes=32" in said
    assert "episodes (there 32, now 64)" in refusal(begun, CONFIG | {"episodes": 64}, growing={})


def test_other_options_are_still_refused_when_a_run_is_extended(begun):
    assert "seed (there 7, now 8)" in refusal(begun, CONFIG | {"episodes": 64, "seed": 8})
    assert yaml.safe_load((begun / "config.yaml").read_text())["episodes"] == 32


# -- every start is kept


def test_every_start_keeps_its_provenance_and_the_first_stays_where_it_is(begun):
    start(begun, provenance=changed(git_commit="def"), add=range(20, 24))
    start(begun, provenance=changed(git_commit="ghi"))
    run = RunFolder(begun)
    assert run.provenance() == PROVENANCE
    assert [(s.recorded, s.provenance["git_commit"]) for s in run.starts()] == [
        (0, "abc"),
        (20, "def"),
        (24, "ghi"),
    ]
    assert all(isinstance(s, StartRecord) and s.asked == {"episodes": 32} for s in run.starts())


def test_another_commit_that_added_something_is_in_the_summary_with_how_much(begun):
    later = changed(git_commit="def", versions={"isaaclab": "3.0.1"})
    run = start(begun, provenance=later, add=range(20, 24))
    found = run.told()["history"]["provenance"]
    assert found["git_commit"] == [{"value": "abc", "recorded": 20}, {"value": "def", "recorded": 4}]
    assert found["versions.isaaclab"] == [
        {"value": "3.0.0", "recorded": 20},
        {"value": "3.0.1", "recorded": 4},
    ]
    assert 'not of one make: git_commit was "abc" (20 on record), "def" (4 on record)' in history_lines(
        run.told()["history"]
    )


def test_a_start_that_added_nothing_is_no_part_of_the_result(begun):
    run = start(begun, provenance=changed(git_commit="def"))
    assert run.told() == {}
    assert len(run.starts()) == 2


def test_a_killed_run_has_the_history_of_one_that_was_not(begun):
    assert start(begun, add=range(20, 32)).told() == {}


def test_a_run_without_conditions_in_its_config_is_read_as_before(tmp_path):
    start(tmp_path / "run", OTHER_CONFIG, add=range(3))
    assert len(RunFolder(tmp_path / "run").completed()) == 3
