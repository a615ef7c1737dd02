"""Options of the commands that look at runs: ``view``, ``dr export``."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.cli.options import OptionError, option


@dataclass
class ViewOptions:
    """Options of ``workbench view``."""

    episode: int | None = option(None, "index of the episode to show; the table of all by default")
    web: bool = option(False, "in the browser instead of a window")

    def resolve(self) -> None:
        """OptionError for what cannot be."""
        _not_negative("episode", self.episode)


@dataclass
class ExportOptions:
    """Options of ``workbench dr export``."""

    episode: int | None = option(None, "index of the episode")
    to: str = option("", "YAML file to write; named after the episode by default")

    def resolve(self) -> None:
        """OptionError for what cannot be."""
        _not_negative("episode", self.episode)


def _not_negative(name: str, value: int | None) -> None:
    if value is not None and value < 0:
        raise OptionError(f"{name} must be at least 0, not {value}")
