"""A path may hold ``=``, as sweepers name folders: every command that takes a path takes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.policy.m1.published import published_tensors, write_qwen, write_run
from tests.workbench.data.archives import write_archive
from tests.workbench.data.made_up import made_up_episode
from tests.workbench.views.test_report import episode
from tests.workbench.views.test_report import write_run as write_evaluation
from workbench.cli.main import main
from workbench.cli.options import OptionError, option
from workbench.cli.positional import positional, separate


@dataclass
class Options:
    """Options of a made-up command."""

    episode: int = option(0, "which")
    to: str = option("", "where")


NAME = "lr=0.1,seed=1"


@pytest.mark.parametrize(
    "path", [f"runs/{NAME}", f"./{NAME}", f"../{NAME}", f"/tmp/{NAME}/a=b", "runs/episode=3", NAME]
)
def test_a_word_with_an_equals_sign_may_be_a_path(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    Path(NAME).mkdir()
    assert separate([path, "episode=3", f"to={path}"], Options) == ([path], ["episode=3", f"to={path}"])


def test_an_option_is_one_even_where_a_folder_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("episode=3").mkdir()
    assert separate(["episode=3", "./episode=3"], Options) == (["./episode=3"], ["episode=3"])
    with pytest.raises(OptionError) as error:
        positional(["episode=3"], 1, "usage: see RUN", Options)
    assert str(error.value) == (
        "usage: see RUN (episode=3 is an option; the folder of that name is ./episode=3)"
    )


def test_a_word_that_is_neither_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError) as error:
        separate(["run", "episod=3"], Options)
    assert str(error.value) == (
        "there is no option 'episod'; did you mean episode=? (and there is no file or folder episod=3)"
    )


# -- the commands themselves


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of runs and datasets whose names all hold ``=``."""
    root = tmp_path_factory.mktemp("a=b")
    for name in ("a", "b"):
        write_evaluation(root / f"run={name}", [episode(i, i % 3 != 0) for i in range(6)])
    write_archive(root / "data=1,seed=2", *(made_up_episode(k, 0, stride=2) for k in range(2)))
    write_run(root / "published=1", published_tensors())
    write_qwen(root / "qwen=1")
    return root


@pytest.fixture(params=["absolute", "relative"])
def at(request, folders, tmp_path, monkeypatch):
    """How a folder of `folders` is named: by its whole path, or from where it is."""
    monkeypatch.chdir(folders if request.param == "relative" else tmp_path)
    return (lambda name: name) if request.param == "relative" else (lambda name: str(folders / name))


def test_commands_that_look_at_runs(at, folders, tmp_path, capsys):
    assert main(["compare", at("run=a"), at("run=b"), "confidence=0.9"]) == 0
    assert "6 shared episodes" in capsys.readouterr().out
    assert main(["report", at("run=a")]) == 0
    assert main(["view", at("run=a"), "episode=1"]) == 2  # none was recorded
    assert "run=a has no recording.rrd" in capsys.readouterr().err
    target = tmp_path / "x=1.yaml"
    assert main(["dr", "export", at("run=a"), "episode=1", f"to={target}"]) == 0
    assert target.exists()


def test_commands_that_take_datasets(at, folders, tmp_path, capsys):
    data, out = at("data=1,seed=2"), tmp_path / "of=it"
    assert main(["data", "inspect", data]) == 0
    assert main(["data", "validate", data]) in (0, 1)  # made up, and held to be what was simulated
    assert main(["data", "view", data, "names=000099-00", f"to={out}.rrd"]) == 2
    assert "has no episode 000099-00" in capsys.readouterr().err
    assert main(["data", "split", data, f"out={out}-parts", "shares=a:0.5,b:0.5"]) == 0
    assert main(["data", "merge", f"{out}-parts/a", f"{out}-parts/b", f"out={out}-whole"]) == 0
    assert main(["data", "export", data, "format=lerobot_v3", f"out={out}-v3"]) == 0
    assert main(["data", "inspect", f"{out}-v3"]) == 0
    capsys.readouterr()
    assert main(["data", "replay", data]) == 2
    assert "was not made by `workbench generate`" in capsys.readouterr().err
    assert main(["train", "stage=grounding", f"data={data}", "steps=-1"]) == 2
    assert "steps must be" in capsys.readouterr().err


def test_a_published_run_is_imported_from_such_a_folder(at, tmp_path, capsys):
    out = tmp_path / "imported=1"
    assert main(["policy", "import", at("published=1"), f"qwen={at('qwen=1')}", f"out={out}"]) == 0
    assert json.loads((out / "config.json").read_text())["model"]["images"]["views"] == ["front", "wrist"]
