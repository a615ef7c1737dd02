"""The tool behind docs/statistics.md measures what it says, and fills the document."""

import numpy as np
import pytest

from tools import coverage
from tools.coverage_tables import TABLES

QUICK = ("rates", "unfinished", "ladders", "sequential", "recipes")


@pytest.mark.parametrize("name", QUICK)
def test_a_table_has_rows_as_wide_as_its_headings(name):
    headings, *rows = TABLES[name](np.random.default_rng(0), 2)
    assert rows
    assert {len(row) for row in rows} == {len(headings)}
    assert TABLES[name].__doc__


def test_the_same_command_prints_the_same_table(capsys):
    said = []
    for _ in range(2):
        assert coverage.main(["only=ladders", "repeats=5"]) == 0
        said.append(capsys.readouterr().out.rpartition("5 repeats")[0])
    assert said[0] == said[1]
    assert "| 0.300 |" in said[0]


def test_a_document_is_filled_between_its_marks_and_nowhere_else(tmp_path, capsys):
    document = tmp_path / "doc.md"
    document.write_text("before\n<!-- ladders -->\nold\n<!-- /ladders -->\nafter\n")
    assert coverage.main(["only=ladders", "repeats=2", f"write={document}"]) == 0
    text = document.read_text()
    assert text.startswith("before\n<!-- ladders -->\n")
    assert text.endswith("<!-- /ladders -->\nafter\n")
    assert "old" not in text
    assert "clean condition" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["only=nothing"], "there is no table 'nothing'"),
        (["write=nosuch.md"], "there is no such file"),
        (["repeat=3"], "no option 'repeat'"),
    ],
)
def test_words_that_cannot_be_used_are_one_sentence(words, said, capsys):
    assert coverage.main(words) == 2
    assert said in capsys.readouterr().err


def test_a_document_without_marks_is_one_sentence(tmp_path, capsys):
    (tmp_path / "doc.md").write_text("nothing here\n")
    assert coverage.main(["only=ladders", "repeats=2", f"write={tmp_path / 'doc.md'}"]) == 2
    assert "there is no <!-- ladders -->" in capsys.readouterr().err
