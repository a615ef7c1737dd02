"""What kind of folder a path is, for commands that look at evaluations: each kind has commands of its own."""

from __future__ import annotations

from pathlib import Path

from workbench.runs.folder import RunFolder, RunFolderError

GENERATE = "generate"
_DATASET = "a dataset, made by `workbench {command}`: `workbench data inspect {path}` says what it holds"
_OTHERS = {
    GENERATE: _DATASET + ", `workbench data view {path}` shows it",
    "merge": _DATASET.replace("{command}", "data merge"),
    "split": _DATASET.replace("{command}", "data split"),
    "train": "a training, made by `workbench train`: losses.jsonl says how it went, and "
    "`workbench eval policy=m1 checkpoint={path}/checkpoint` how well it acts",
}
"""Commands whose folders hold no episodes of a policy -> what they are."""


def command_of(folder: Path) -> str:
    """The command that made a folder; RunFolderError for one that none made."""
    return str(RunFolder(folder).config().get("command", "eval"))


def require_evaluation(folder: Path) -> None:
    """RunFolderError for a folder that holds no episodes of a policy, with what would be right for its kind."""
    command = command_of(folder)
    if command in _OTHERS:
        what = _OTHERS[command].format(command=command, path=folder)
        raise RunFolderError(f"{folder} is no evaluation but {what}")
