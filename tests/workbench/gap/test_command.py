"""``workbench gap compare`` on tables and on pairs of runs."""

import json

import pytest

from tests.workbench.comparison.test_family import write
from workbench.cli.main import main

TABLE = """policy,task,real_successes,real_trials,sim_successes,sim_trials
a,pick,18,20,90,100
b,pick,12,20,70,100
c,pick,5,20,40,100
d,pick,9,20,66,100
"""


@pytest.fixture
def table(tmp_path):
    (tmp_path / "t.csv").write_text(TABLE, "utf-8")
    return tmp_path / "t.csv"


def test_a_table_is_scored_and_written(table, tmp_path, capsys):
    out = tmp_path / "card.json"
    assert main(["gap", "compare", str(table), f"out={out}"]) == 0
    said = capsys.readouterr().out
    assert "Simulation orders policies better than chance does" in said
    card = json.loads(out.read_text())
    assert card["scores"]["mmrv"]["value"] == 0
    assert card["scores"]["bias"]["value"] == pytest.approx(0.115)
    assert [c["real"] for c in card["cells"]] == [[18, 20], [12, 20], [5, 20], [9, 20]]


def test_runs_pair_by_number_and_say_how_they_ended(tmp_path, capsys):
    words = []
    for side in ("real", "sim"):
        (tmp_path / side).mkdir()
    for name, real, sim in (
        ("good", [1] * 12, [1] * 40),
        ("fair", [1, 0] * 6, [1, 0, 1, 1] * 10),
        ("poor", [0] * 11 + [1], [0] * 36 + [1] * 4),
    ):
        for side, outcomes in (("real", real), ("sim", sim)):
            write(tmp_path / side / name, outcomes, policy=name, task="pick")
        words.append(f"{tmp_path / 'real' / name},{tmp_path / 'sim' / name}")
    assert main(["gap", "compare", *words]) == 0
    said = capsys.readouterr().out
    assert "12 of 12" in said  # good ended alike throughout
    assert "9 of 12" in said
    assert "on the robot, success in simulation" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["measure"], "gap does not know 'measure': choose one of compare, replay, report, visual"),
        (["measure", "--help"], "gap does not know 'measure'"),
        (["compare"], "takes a table, or pairs of runs"),
        (["compare", "a"], "'a' is neither a table nor a pair REAL_RUN,SIM_RUN"),
        (["compare", "a,b"], "a"),
        (["compare", "{table}", "threshold=2"], "threshold must lie between 0 and 1"),
        (["compare", "{lacking}"], "lacks the columns real_trials"),
        (["compare", "{words}"], "line 2: real_successes, real_trials, sim_successes, sim_trials must be whole"),
        (["compare", "{short}"], "2 policies on tasks have no order"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(table, tmp_path, capsys, words, says):
    places = {
        "table": table,
        "lacking": tmp_path / "l.csv",
        "words": tmp_path / "w.csv",
        "short": tmp_path / "s.csv",
    }
    places["lacking"].write_text(TABLE.replace("real_trials,", "", 1), "utf-8")
    places["words"].write_text(TABLE.replace("18", "many"), "utf-8")
    places["short"].write_text("\n".join(TABLE.splitlines()[:3]), "utf-8")
    assert main(["gap", *(w.format(**places) for w in words)]) == 2
    captured = capsys.readouterr()
    assert says in captured.out + captured.err


@pytest.mark.parametrize(("words", "status"), [([], 2), (["--help"], 0)])
def test_the_verbs_are_listed_with_a_line_each(capsys, words, status):
    assert main(["gap", *words]) == status
    said = capsys.readouterr().out
    for verb in ("compare", "replay", "report", "visual"):
        (line,) = [line for line in said.splitlines() if line.partition("workbench gap ")[2].startswith(f"{verb} ")
                   and "runs/" not in line]  # fmt: skip
        assert line.split("  ")[-1].strip(), "a verb's line says what it is for"


@pytest.mark.parametrize(
    ("verb", "option"),
    [("compare", "confidence"), ("replay", "interpolation"), ("report", "verdict"), ("visual", "lens")],
)
def test_a_verbs_help_has_its_own_options(capsys, verb, option):
    assert main(["gap", verb, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"workbench gap {verb} " in said
    assert option in said
