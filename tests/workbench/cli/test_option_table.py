"""Options in columns: nothing is lost and nothing too wide, however wide the terminal is."""

import io

import pytest
from rich.console import Console

from workbench.cli.option_table import OptionTable
from workbench.cli.options import help_table
from workbench.evaluation.options import EvalOptions


def printed(table, width):
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue()


@pytest.mark.parametrize("width", [70, 80, 120, 160, 400])
def test_every_word_is_there_and_no_line_is_too_wide(width):
    table = help_table(EvalOptions)
    said = printed(table, width)
    assert max(map(len, said.splitlines())) <= width
    letters = "".join(said.split())
    for name, *_ in table.rows:
        assert name in said
    assert len(letters) == sum(len("".join("".join(row).split())) for row in (table.headings, *table.rows))


def test_a_cell_goes_on_under_its_column():
    table = OptionTable(("a", "b", "c"), [("x", "1", "one two three four five six"), ("y", "", "z")])
    assert printed(table, 38).splitlines() == [
        "  a    b    c",
        "  x    1    one two three four five",
        "            six",
        "  y         z",
    ]


def test_defaults_give_way_where_there_is_no_room_for_what_an_option_means():
    table = OptionTable(("option", "default", "meaning"), [("seed", "d" * 30, "m" * 24)])
    assert printed(table, 60).splitlines() == [
        "  option    default               meaning",
        "  seed      " + "d" * 18 + "    " + "m" * 24,
        "            " + "d" * 12,
    ]
