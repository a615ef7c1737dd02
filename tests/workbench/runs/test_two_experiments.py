"""One rate is of one experiment: what changes between a kill and the next start is refused, or kept and said."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace

import pytest

from domain_rand.sets import load_set
from tests.policy.m1.tiny import tiny_model
from tests.workbench.planted import install
from workbench.cli import main as cli
from workbench.cli.options import parse_options
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.data.generate import generate as generating
from workbench.data.generate.options import GenerateOptions
from workbench.evaluation.options import EvalOptions
from workbench.evaluation.summary import without_times
from workbench.runs.folder import RunFolder

QUICK = ["device=cpu", "num_envs=4", "record=0", "last_frames=0"]
RUN = ["eval", *QUICK, "episodes=12"]
FACTORS = "camera.exposure: {lo: 0.8, hi: 1.2}\ncontrol.action_delay: {lo: 0, hi: 2}\n"


def rule(values):
    return 0.6


def start(monkeypatch, *words, left=10**9):
    """Run a command in the made-up simulation, with the factor sets that there are; its exit status."""
    install(monkeypatch, rule, left=left)
    monkeypatch.setattr("domain_rand.sets.load_set", load_set)
    return cli.main(list(words))


@pytest.fixture
def say(monkeypatch, capsys):
    """Starts a command that is refused, and gives the sentence."""

    def refused(*words):
        capsys.readouterr()
        assert start(monkeypatch, *words, left=0) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1, told
        return told

    return refused


@pytest.fixture
def mine(tmp_path):
    """A factor file of the user's."""
    file = tmp_path / "mine.yaml"
    file.write_text(FACTORS)
    return file


@pytest.fixture
def killed(tmp_path, mine, monkeypatch):
    """A run with that file that was interrupted after five episodes, and the words to resume it."""
    words = [*RUN, f"dr={mine}", f"out={tmp_path / 'run'}"]
    assert start(monkeypatch, *words, left=5) == 130
    return words


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def page(folder):
    return " ".join(re.sub(r"<[^>]+>", " ", (folder / "report.html").read_text("utf-8")).split())


# -- refused


def test_a_factor_file_that_was_edited_between_kill_and_resume(killed, mine, tmp_path, monkeypatch, say):
    before = (tmp_path / "run" / "episodes.jsonl").read_bytes()
    mine.write_text(FACTORS.replace("1.2", "3.0"))
    said = say(*killed)
    assert (
        "a run of another factor set, by content and not by name: camera.exposure.hi (there 1.2, now 3.0)"
        in said
    )
    assert (tmp_path / "run" / "episodes.jsonl").read_bytes() == before
    mine.write_text("# a note changes nothing\n" + FACTORS.replace("1.2", "1.20"))
    assert start(monkeypatch, *killed) == 0
    assert "history" not in summary(tmp_path / "run")


def test_a_file_is_read_once_however_often_the_run_asks_for_its_set(mine):
    options = parse_options(EvalOptions, ["device=cpu", f"dr={mine}"])
    options.resolve()
    mine.write_text(FACTORS.replace("1.2", "3.0"))
    for asked in (options, pickle.loads(pickle.dumps(options))):  # here, and in a worker
        held = {f.name: f.distribution for f in asked.factor_set().factors}
        assert held["camera.exposure"].hi == 1.2
    options.dr = "none"
    assert options.factor_set().name == "none"


def test_another_checkpoint_under_the_same_path(tmp_path, monkeypatch, say):
    from policy.m1.checkpoint import save_checkpoint

    checkpoint = tmp_path / "checkpoint"
    save_checkpoint(tiny_model(), checkpoint)
    words = [*RUN, "policy=m1", f"checkpoint={checkpoint}", f"out={tmp_path / 'run'}"]
    assert start(monkeypatch, *words, left=5) == 130
    weights = checkpoint / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    said = say(*words)
    assert "a run of another checkpoint, by content and not by name: model.safetensors (there" in said


def test_records_of_another_seed_that_were_added_by_hand(killed, tmp_path, monkeypatch, say):
    other = tmp_path / "other"
    assert start(monkeypatch, *killed[:-1], "seed=1", f"out={other}") == 0
    file = tmp_path / "run" / "episodes.jsonl"
    mine, theirs = RunFolder(tmp_path / "run").completed(), RunFolder(other).completed()
    record = next(theirs[i] for i in theirs if i not in mine)
    before = file.read_text("utf-8")
    file.write_text(before + record.to_json_line() + "\n", "utf-8")
    assert f"episode {record.index} is of seed 1, and the run of seed 0" in say(*killed)
    # One whose seed was made to fit gives itself away by what it met.
    file.write_text(before + replace(record, seed=0).to_json_line() + "\n", "utf-8")
    assert f"episode {record.index} is drawn otherwise today: " in say(*killed)
    file.write_text(before + replace(record, seed=0, index=99, episode=99).to_json_line() + "\n", "utf-8")
    assert "episode 99 is none of the run's 12" in say(*killed)
    assert len(file.read_text("utf-8").splitlines()) == len(mine) + 1


def test_a_search_for_ranges_holds_to_its_factor_file_too(mine, tmp_path, monkeypatch, say):
    words = ["tune", "adr", *QUICK, f"dr={mine}", "batch=4", "most=4", f"out={tmp_path / 'run'}"]
    assert start(monkeypatch, *words, left=3) == 130
    mine.write_text(FACTORS.replace("0.8", "0.9"))
    assert "camera.exposure.lo (there 0.8, now 0.9)" in say(*words)


def test_a_dataset_holds_to_its_factor_file_and_can_be_extended(mine, tmp_path, monkeypatch, say, capsys):
    monkeypatch.setattr(generating, "_run", lambda *given: None)
    words = ["generate", "device=cpu", f"dr={mine}", f"out={tmp_path / 'data'}"]
    assert cli.main([*words, "episodes=10"]) == 0
    capsys.readouterr()
    assert cli.main([*words, "episodes=20"]) == 0
    assert "extended from episodes=10 to episodes=20" in capsys.readouterr().out
    assert RunFolder(tmp_path / "data").config()["episodes"] == 20
    assert "extended from episodes=10 to 20" in page(tmp_path / "data")
    assert "holds a run with episodes=20, which cannot become 10" in say(*words, "episodes=10")
    mine.write_text(FACTORS.replace("1.2", "1.3"))
    assert "camera.exposure.hi (there 1.2, now 1.3)" in say(*words, "episodes=20")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            {"index": 1, "kept": False, "record": {"seed": 9}},
            "episode 1 of seed 9, and the dataset is of 0",
        ),
        (
            {"index": 1, "kept": False, "record": {"task": "stack"}},
            "episode 1 of task stack, and the dataset is of",
        ),
        ({"index": 4, "kept": False, "record": {"seed": 0}}, "episode 4, which is none of the dataset's 4"),
    ],
)
def test_a_chunk_of_another_dataset_is_refused(tmp_path, monkeypatch, say, line, said):
    monkeypatch.setattr(generating, "_run", lambda *given: None)
    words = ["generate", "device=cpu", f"out={tmp_path / 'data'}", "episodes=4"]
    assert cli.main(words) == 0
    with ChunkWriter(tmp_path / "data" / "plan" / "chunk-copied.hdf5", "pick_place") as writer:
        writer.lines.append(line)
    assert said in say(*words)


def test_the_options_of_a_dataset_are_those_of_its_config_when_it_is_replayed(mine):
    options = GenerateOptions(dr=str(mine), device="cpu")
    options.resolve()
    assert "_factor_set" not in options.config("generate")


# -- kept, and said


def test_a_run_that_was_extended_is_the_longer_run_and_says_so(killed, tmp_path, monkeypatch, capsys):
    assert start(monkeypatch, *killed) == 0
    longer = [word.replace("episodes=12", "episodes=24") for word in killed]
    capsys.readouterr()
    assert start(monkeypatch, *longer) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "extended from episodes=12 to episodes=24" in told
    note = "extended from episodes=12 to 24 when 12 were on record: intervals hold if that was decided without looking"
    assert note in told
    assert note in page(tmp_path / "run")
    at_once = [*longer[:-1], f"out={tmp_path / 'at-once'}"]
    assert start(monkeypatch, *at_once) == 0
    one, two = (without_times(summary(tmp_path / name)) for name in ("run", "at-once"))
    assert one.pop("history") == {"extended": [{"option": "episodes", "from": 12, "to": 24, "recorded": 12}]}
    assert one == two
    records = [RunFolder(tmp_path / name).completed() for name in ("run", "at-once")]
    assert [{i: replace(r, wall_s=0.0) for i, r in found.items()} for found in records[:1]] == [
        {i: replace(r, wall_s=0.0) for i, r in found.items()} for found in records[1:]
    ]


def test_a_run_keeps_its_number_of_environments_when_it_is_extended(tmp_path, monkeypatch, capsys):
    words = ["eval", "device=cpu", "record=0", "last_frames=0", f"out={tmp_path / 'run'}"]
    assert start(monkeypatch, *words, "episodes=3") == 0
    assert start(monkeypatch, *words, "episodes=20") == 0
    assert "goes on in 3 environments, as it began" in capsys.readouterr().out
    assert RunFolder(tmp_path / "run").config()["num_envs"] == 3


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (
            "stop_above=0.5",
            "stop_above= is a test that was planned for so many episodes, and is not planned twice",
        ),
        ("attribute=ladder", "a ladder numbers its episodes through all conditions"),
    ],
)
def test_a_run_that_cannot_be_extended_says_why(tmp_path, monkeypatch, say, word, reason):
    words = ["eval", *QUICK, word, "dr=none", "dr.control.action_delay.hi=2", f"out={tmp_path / 'run'}"]
    start(monkeypatch, *words, "episodes=12", left=5)
    assert reason in say(*words, "episodes=24")


def test_a_run_is_not_cut_short_afterwards(killed, say):
    said = say(*[word.replace("episodes=12", "episodes=6") for word in killed])
    assert (
        "with episodes=12, which cannot become 6: what would be left out could depend on how it went" in said
    )


def test_another_commit_and_other_versions_are_in_summary_report_and_terminal(
    killed, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("workbench.runs.provenance.git_commit", lambda: "f00d")
    capsys.readouterr()
    assert start(monkeypatch, *killed) == 0
    told = " ".join(capsys.readouterr().out.split())
    found = summary(tmp_path / "run")["history"]["provenance"]["git_commit"]
    assert [entry["recorded"] for entry in found] == [5, 7]
    assert found[1]["value"] == "f00d"
    note = f'not of one make: git_commit was "{found[0]["value"]}" (5 on record), "f00d" (7 on record)'
    assert note in told
    assert note in page(tmp_path / "run").replace("&#34;", '"')
    starts = RunFolder(tmp_path / "run").starts()
    assert [s.provenance["git_commit"] for s in starts] == [found[0]["value"], "f00d"]
