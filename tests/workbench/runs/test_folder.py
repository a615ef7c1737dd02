"""A run folder survives kills at any byte, refuses to mix runs, and never deletes anything."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workbench.runs.folder import RunFolder, RunFolderError
from workbench.runs.records import EpisodeRecord, SessionRecord

CONFIG = {
    "task": "pick",
    "seed": 7,
    "physics": "ovphysx",
    "randomisation": {"level": "heavy", "list": [1, 2.5]},
}
PROVENANCE = {"versions": {"isaaclab": "3.0.0"}, "commit": "abc"}


def episode(index, **changes):
    return EpisodeRecord(
        **{
            "index": index, "task": "pick", "seed": 7, "instruction": f"pick {index} — 赤い箱", "factors": {"m": 0.1},
            "success": True, "failure_reason": None, "steps": 10, "duration_s": 1.0, "time_to_success_s": 1.0,
            "path_length_m": 0.5, "smoothness": -2.0, "grounding": None, "wall_s": 2.0,
        } | changes
    )  # fmt: skip


@pytest.fixture
def started(tmp_path):
    """A run folder with episodes 0 to 2, let go of."""
    path = tmp_path / "run"
    with RunFolder(path) as run:
        run.create_or_resume(CONFIG, PROVENANCE)
        for index in (0, 2, 1):
            run.append(episode(index))
    return path


def resume(path, **options):
    run = RunFolder(path)
    run.create_or_resume(CONFIG, PROVENANCE, **options)
    return run


def test_a_new_run_holds_its_config_and_provenance(tmp_path):
    run = RunFolder(tmp_path / "deep" / "run")
    assert run.create_or_resume(CONFIG, PROVENANCE) == "created"
    assert yaml.safe_load((run.path / "config.yaml").read_text()) == CONFIG == run.config()
    assert json.loads((run.path / "provenance.json").read_text()) == PROVENANCE == run.provenance()
    assert run.completed() == {}
    assert run.sessions() == []


def test_the_same_config_resumes_and_finds_the_episodes_by_index(started):
    with RunFolder(started) as run:
        assert run.create_or_resume(CONFIG, PROVENANCE) == "resumed"
        assert run.notices == []
        run.append(episode(3))
        assert run.completed() == {i: episode(i) for i in range(4)}
        assert list(run.completed()) == [0, 1, 2, 3]


def test_a_different_config_names_every_differing_key_and_leaves_the_folder_alone(started):
    before = {p.name: p.read_bytes() for p in started.iterdir()}
    other = CONFIG | {"seed": 8, "randomisation": {"level": "light", "list": [1, 2.5]}, "new": None}
    with pytest.raises(RunFolderError) as raised:
        RunFolder(started).create_or_resume(other, PROVENANCE)
    for part in (
        "seed (there 7, now 8)",
        'randomisation.level (there "heavy", now "light")',
        "new (there absent, now null)",
    ):
        assert part in str(raised.value)
    assert "out=" in str(raised.value)
    assert "physics" not in str(raised.value)
    assert {p.name: p.read_bytes() for p in started.iterdir()} == before
    resume(started).close()  # and the lock is free again


def test_ignored_keys_may_differ_with_what_is_below_them(started):
    other = CONFIG | {"view": {"live": True}, "randomisation": {"level": "light"}}
    with RunFolder(started) as run:
        assert run.create_or_resume(other, PROVENANCE, ignore=["view", "randomisation"]) == "resumed"
        assert run.config() == CONFIG
    with pytest.raises(RunFolderError, match=r"randomisation.level"):
        RunFolder(started).create_or_resume(other, PROVENANCE, ignore=["view", "random"])


def test_a_config_with_tuples_and_floats_is_equal_to_itself_read_back(tmp_path):
    config = {"range": (0.1, 1e-7, 1e22), "text": "1e-7", "yes": "on", "nothing": None, "empty": {}}
    for expected in ("created", "resumed", "resumed"):
        with RunFolder(tmp_path / "run") as run:
            assert run.create_or_resume(config, {}) == expected


def test_changed_provenance_is_a_notice(started):
    with RunFolder(started) as run:
        run.create_or_resume(CONFIG, PROVENANCE | {"commit": "def"})
        assert run.notices == ['provenance differs from the first start\'s: commit was "abc", is "def"']
        assert run.provenance() == PROVENANCE


def test_a_folder_with_something_else_in_it_is_refused_and_not_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(
        RunFolderError, match=r"not a run folder \(it holds thesis.tex\); choose another out="
    ):
        RunFolder(tmp_path).create_or_resume(CONFIG, PROVENANCE)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_start_killed_before_the_config_can_be_started_again(tmp_path):
    for name in (".lock", "provenance.json", "config.yaml.tmp"):
        (tmp_path / name).write_text("half")
    assert RunFolder(tmp_path).create_or_resume(CONFIG, PROVENANCE) == "created"


def test_a_path_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(RunFolderError, match="file is a file"):
            RunFolder(path).create_or_resume(CONFIG, PROVENANCE)


def test_a_path_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(
        RunFolderError,
        match=r"cannot write the run folder .*: Permission denied; mend that, or choose another out=",
    ):
        RunFolder(tmp_path / "run").create_or_resume(CONFIG, PROVENANCE)


def test_two_processes_cannot_write_the_same_run(started):
    holder = resume(started)
    with pytest.raises(RunFolderError, match=f"being written by another process .pid {os.getpid()}."):
        resume(started)
    holder.close()
    resume(started).close()


def test_the_lock_of_a_killed_process_is_free(started):
    """Also: what the process appended before SIGKILL is there."""
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from workbench.runs.records import EpisodeRecord
from workbench.runs.folder import RunFolder
run = RunFolder({str(started)!r})
run.create_or_resume({CONFIG!r}, {PROVENANCE!r})
first = run.completed()[0]
from dataclasses import replace
run.append(replace(first, index=9))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    with resume(started) as run:
        assert list(run.completed()) == [0, 1, 2, 9]


def test_a_kill_at_any_byte_loses_only_the_line_being_written(started, tmp_path):
    content = (started / "episodes.jsonl").read_bytes()
    for size in range(0, len(content), 7):
        (started / "episodes.jsonl").write_bytes(content[:size])
        whole = content[:size].count(b"\n")
        stumps_before = sorted(started.glob("*.partial-*"))
        with resume(started) as run:
            assert len(run.completed()) == whole
            cut = not content[:size].endswith(b"\n") and size > 0
            assert len(run.notices) == cut
            assert len(sorted(started.glob("*.partial-*"))) == len(stumps_before) + cut
            if cut:
                newest = started / f"episodes.jsonl.partial-{len(stumps_before) + 1}"
                assert (started / "episodes.jsonl").read_bytes() + newest.read_bytes() == content[:size]
            run.append(episode(50))
            assert len(run.completed()) == whole + 1


def test_reading_commands_report_a_cut_line_and_change_nothing(started):
    path = started / "episodes.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    before = path.read_bytes()
    with pytest.raises(RunFolderError, match=r"episodes.jsonl line 3 is cut off.*workbench eval.*out="):
        RunFolder(started).completed()
    assert path.read_bytes() == before
    assert not list(started.glob("*.partial-*"))


@pytest.mark.parametrize("broken", [b"{\n", b"\xff\xfe\n", b'{"index": 1}\n', b"\n"])
def test_a_broken_line_in_the_middle_is_an_error_that_leaves_the_file_alone(started, broken):
    path = started / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], broken, *lines[1:]]))
    before = path.read_bytes()
    with resume(started) as run, pytest.raises(RunFolderError, match=r"episodes.jsonl line 2"):
        run.completed()
    assert path.read_bytes() == before


def test_the_same_line_twice_is_harmless_but_two_truths_are_an_error(started):
    with resume(started) as run:
        run.append(episode(1))
        assert len(run.completed()) == 3
        run.append(episode(1, steps=11))
        with pytest.raises(RunFolderError, match="line 5: episode 1 is on line 3 too, with other content"):
            run.completed()


def test_a_full_disk_is_one_sentence_and_leaves_whole_lines(started, monkeypatch):
    with resume(started) as run:
        real = os.write

        def full(descriptor, data):
            if len(data) < 100:
                raise OSError(28, "No space left on device")
            return real(descriptor, data[:100])

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(RunFolderError, match="No space left on device; what is in it is whole"):
            run.append(episode(3))
        monkeypatch.undo()
        assert list(run.completed()) == [0, 1, 2]
        run.append(episode(3))
        assert list(run.completed()) == [0, 1, 2, 3]


def test_sessions_add_up_over_resumes_and_a_cut_one_is_moved_aside(started):
    session = SessionRecord("t0", "t1", 10.0, {"physics": 4.0}, {"episodes": 3})
    with resume(started) as run:
        run.append_session(session)
    with (started / "sessions.jsonl").open("a") as file:
        file.write('{"started"')
    with resume(started) as run:
        assert run.notices == [
            "the last line of sessions.jsonl was cut off and is now in sessions.jsonl.partial-1"
        ]
        run.append_session(session)
        assert run.sessions() == [session, session]


def test_the_summary_is_replaced_whole(started):
    with pytest.raises(RunFolderError, match=r"no summary.json yet: finish the run with `workbench eval`"):
        RunFolder(started).summary()
    with resume(started) as run:
        run.write_summary({"success_rate": 0.5, "note": "ü"})
        run.write_summary({"success_rate": 0.75})
        assert run.summary() == {"success_rate": 0.75}
        with pytest.raises(ValueError, match="JSON"):
            run.write_summary({"success_rate": float("nan")})
        assert run.summary() == {"success_rate": 0.75}
    assert not list(started.glob("*.tmp"))


def test_text_that_is_not_utf_8_survives(started):
    odd = os.fsdecode(b"/data/caf\xe9")
    with resume(started) as run:
        run.append(episode(3, instruction=odd))
        run.write_summary({"policy": odd})
        assert run.completed()[3].instruction == odd
        assert run.summary() == {"policy": odd}


def test_writing_without_taking_the_folder_is_a_bug(started):
    with pytest.raises(RuntimeError, match="create_or_resume"):
        RunFolder(started).append(episode(5))


def test_reading_what_is_no_run_is_one_sentence(tmp_path):
    for read in (RunFolder.completed, RunFolder.config, RunFolder.summary, RunFolder.sessions):
        with pytest.raises(RunFolderError, match=r"is not a run folder: it has no config.yaml"):
            read(RunFolder(tmp_path))


def test_a_cut_line_is_an_error_unless_repair_is_allowed(started):
    episodes = started / "episodes.jsonl"
    content = episodes.read_bytes()
    episodes.write_bytes(content[:-20])
    with pytest.raises(RunFolderError, match="cut off: add repair=true"):
        RunFolder(started).create_or_resume(CONFIG, PROVENANCE, repair=False)
    assert episodes.read_bytes() == content[:-20], "a refused run must not touch the file"
    with RunFolder(started) as run:
        run.create_or_resume(CONFIG, PROVENANCE, repair=True)
        assert (started / "episodes.jsonl.partial-1").exists()


def test_a_folder_of_another_command_says_which(tmp_path):
    with RunFolder(tmp_path) as folder:
        folder.create_or_resume({"command": "eval", "seed": 1}, {})
    with RunFolder(tmp_path) as folder, pytest.raises(RunFolderError) as error:
        folder.create_or_resume({"command": "generate", "renders": 3}, {})
    assert str(error.value) == (
        f"{tmp_path} was made by `workbench eval`, not by `workbench generate`; choose another out="
    )
