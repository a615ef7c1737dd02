"""What tests of imported datasets share."""

from __future__ import annotations

from workbench.cli.main import main


def workbench(capsys, *words):
    """Exit status and output of ``workbench data``."""
    status = main(["data", *map(str, words)])
    done = capsys.readouterr()
    return status, done.out + done.err
