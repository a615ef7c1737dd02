"""`Command`: what a word after ``workbench`` does, says and looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

BAD_INPUT = 2
"""Exit status of words that cannot be used."""


@dataclass(frozen=True)
class Command:
    """One command. Its words are data: Python's ``-OO`` leaves no docstrings."""

    run: Callable[[Sequence[str], Console], int]
    """Takes the words after the command's; gives the exit status."""
    says: str
    example: str
    """A line to start from, above its options."""


def print_commands(commands: Mapping[str, Command], console: Console) -> None:
    """The list that ``workbench --help`` prints."""
    console.print("usage: workbench COMMAND [key=value ...]      workbench COMMAND --help\n", markup=False)
    table = Table(box=None, padding=(0, 2), show_edge=False, show_header=False)
    for name, command in commands.items():
        table.add_row(name, command.says)
    console.print(table)


def wants_help(words: Sequence[str]) -> bool:
    """Whether help is asked for anywhere among them."""
    return any(word in ("--help", "-h") for word in words)
