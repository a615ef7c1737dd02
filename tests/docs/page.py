"""A page of ``docs/`` as what it tells a newcomer to do: files to write, snippets to try, commands to run."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
ADDING = ("adding_a_task", "adding_a_robot", "adding_a_policy", "adding_a_factor")
"""Pages that are followed to the letter."""
_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w./-]+\.(?:py|toml))`")
_ENDING = {"python": ".py", "toml": ".toml"}
_INDENTED = re.compile(r"^    ((?:\.venv/bin/|workbench |python ).*)$", re.MULTILINE)
"""A command in a paragraph that is set off by four spaces."""


@dataclass(frozen=True)
class Page:
    """What a page says beside its sentences."""

    files: dict[str, str]
    """Path that the paragraph above a block names -> the block."""
    snippets: tuple[str, ...]
    """Blocks of Python that no file is named for."""
    commands: tuple[str, ...]
    """Lines for a shell, in their order."""


def read_page(name: str) -> Page:
    """A page of ``docs/`` by its name without ``.md``."""
    text = (DOCS / f"{name}.md").read_text("utf-8")
    files, snippets, commands = {}, [], []
    for block in _FENCE.finditer(text):
        kind, code = block.group(2), textwrap.dedent(block.group(3))
        paragraph = text[: block.start()].rstrip().rpartition("\n\n")[2]
        named = [path for path in _FILE.findall(paragraph) if path.endswith(_ENDING.get(kind, " "))]
        if kind == "sh":
            commands += [(block.start(), line) for line in code.splitlines()]
        elif named:
            files[named[0]] = code
        elif kind == "python":
            snippets.append(code)
    commands += [(line.start(), line.group(1)) for line in _INDENTED.finditer(_FENCE.sub(_blank, text))]
    return Page(files, tuple(snippets), tuple(line for _, line in sorted(commands, key=lambda c: c[0])))


def _blank(block: re.Match[str]) -> str:
    return " " * len(block.group(0))
