"""The study of what `gap visual` tells says which draws it was refused, and takes options by name."""

import pytest

from tools.visual_gap_study import Told, main, table_row

TAKES_OTHER_EDGES = 219
"""Seed of a planted camera that is off by more than the search reaches."""


def test_a_draw_whose_camera_is_refused_is_named(capsys):
    assert main(["draws=1", f"seed={TAKES_OTHER_EDGES}"]) == 0

    said = capsys.readouterr().out
    assert f"The camera was not found in 1 of 1 draws, of seed {TAKES_OTHER_EDGES}." in said
    assert "read noise" in said, "noise needs no camera that was found"
    assert "gain of a channel" not in said


@pytest.mark.parametrize(
    ("words", "sentence"), [(["20"], "draws"), (["draws=0"], "draws must be at least 1")]
)
def test_wrong_options_are_a_sentence(capsys, words, sentence):
    assert main(words) == 2
    assert sentence in capsys.readouterr().err


def test_help_has_the_options(capsys):
    assert main(["--help"]) == 0
    assert "planted gaps" in capsys.readouterr().out


@pytest.mark.parametrize(("held", "says"), [((True, False), "1 of 2"), ((None, None), "no interval")])
def test_what_has_no_interval_says_so(held, says):
    row = table_row("blur [px]", [Told("blur [px]", -0.5, held[0]), Told("blur [px]", 0.1, held[1])])

    assert row == f"| blur [px] | 0.3 | 0.5 | {says} |"
