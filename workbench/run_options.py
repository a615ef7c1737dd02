"""Options of the commands that look at runs: ``compare``, ``view``, ``dr export``."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.options import OptionError, option


@dataclass
class CompareOptions:
    """Options of ``workbench compare``."""

    confidence: float = option(0.95, "of all intervals and tests")

    def resolve(self) -> None:
        """OptionError for what cannot be."""
        if not 0 < self.confidence < 1:
            raise OptionError(f"confidence must lie between 0 and 1, not {self.confidence:g}")


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
