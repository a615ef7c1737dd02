"""`VerdictFile`: ``verdict.json``, as it is written, read and bound."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from workbench.verdict.decide import Decision
from workbench.verdict.line import Line

FORMAT, VERSION = "sim2real-workbench/verdict", 1
FILE = "verdict.json"


class VerdictError(ValueError):
    """A file that is no verdict, in one sentence."""


@dataclass(frozen=True)
class Bound:
    """What a verdict is about; of anything else it says nothing."""

    policy: str
    """As ``policy=`` named it."""
    policy_fingerprint: str
    """See `workbench.verdict.identity.policy_fingerprint`."""
    policy_files: Mapping[str, str]
    """What of it was hashed: file -> hash, for people."""
    robot: str
    task: str
    action_space: str
    execution: Mapping[str, Any]
    """See `workbench.rollout.chunk_options.chosen_ways`."""
    factor_set: str
    factor_set_hash: str
    calibration: str | None
    """Name of the calibrated set's file; None where the simulator was not calibrated to the robot."""
    requirements_hash: str
    seed: int
    commit: str | None
    """Of the workbench."""


@dataclass(frozen=True)
class VerdictFile:
    """A verdict, with everything that it rests on."""

    content: Mapping[str, Any]
    """As in the file, the signature among it."""

    @classmethod
    def made(
        cls,
        bound: Bound,
        decision: Decision,
        lines: Sequence[Line],
        scope: Mapping[str, Any],
        days: float,
        now: datetime | None = None,
    ) -> Self:
        """A verdict of today, not signed yet; it holds for so many days."""
        issued = now or datetime.now(UTC)
        return cls(
            {
                "format": FORMAT,
                "version": VERSION,
                "verdict": decision.word,
                "first": decision.first,
                "reasons": list(decision.reasons),
                "restrictions": dict(decision.restrictions),
                "issued": issued.isoformat(timespec="seconds"),
                "expires": (issued + timedelta(days=days)).isoformat(timespec="seconds"),
                "bound": asdict(bound),
                "applies": dict(scope),
                "lines": [line.to_dict() for line in lines],
                "signature": None,
            }
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """The verdict in a file; VerdictError for what is none."""
        try:
            content = json.loads(path.read_text("utf-8"))
        except OSError as problem:
            raise VerdictError(f"verdict={path} cannot be read: {problem.strerror}") from None
        except ValueError as problem:
            raise VerdictError(f"verdict={path} is no JSON: {problem}") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise VerdictError(f"verdict={path} is no verdict: workbench validate makes one")
        if content.get("version") != VERSION:
            raise VerdictError(
                f"verdict={path} has version {content.get('version')}, and this workbench reads {VERSION}"
            )
        found = cls(content)
        try:
            _ = found.bound, found.lines, found.expires, found.issued, found.word, found.reasons
            dict(found.restrictions), dict(found.scope)
        except (KeyError, TypeError, ValueError, IndexError) as problem:
            raise VerdictError(f"verdict={path} is not whole: {problem}") from None
        return found

    @property
    def word(self) -> str:
        """``go``, ``go with restrictions`` or ``no-go``."""
        return str(self.content["verdict"])

    @property
    def reasons(self) -> list[str]:
        """Sentences, the cause first."""
        return [str(reason) for reason in self.content["reasons"]]

    @property
    def restrictions(self) -> Mapping[str, Any]:
        """See `workbench.verdict.decide.RESTRICTIONS`."""
        return dict(self.content["restrictions"])

    @property
    def bound(self) -> Bound:
        """What it is about."""
        return Bound(**self.content["bound"])

    @property
    def scope(self) -> Mapping[str, Any]:
        """What its evidence covers: see `workbench.verdict.scope`."""
        return dict(self.content["applies"])

    @property
    def lines(self) -> list[Line]:
        """All requirements, in the order of causes."""
        return [Line.from_dict(line) for line in self.content["lines"]]

    @property
    def issued(self) -> datetime:
        """When it was made (UTC)."""
        return datetime.fromisoformat(self.content["issued"])

    @property
    def expires(self) -> datetime:
        """When it ends to hold (UTC)."""
        return datetime.fromisoformat(self.content["expires"])
