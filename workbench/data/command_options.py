"""Options of ``workbench data``'s verbs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from domain_rand.notation import NotationError, number
from workbench.cli.options import OptionError, listed, option
from workbench.data.frame_actions import SPACES
from workbench.data.lerobot.export_choices import ExportChoices
from workbench.scale.ordered_map import LOCAL, RAY, Workers


@dataclass
class OutOptions:
    """Options of every verb that makes something."""

    out: str = option("", "folder to make; it must not exist, and appears when it is whole")

    def path(self) -> Path:
        """What to make; OptionError if that is not said."""
        if not self.out:
            raise OptionError("out= is missing: say what to make")
        return Path(self.out)


@dataclass
class WorkerOptions:
    """Options of every verb that may work in several processes; what comes of it does not depend on them."""

    workers: int = option(1, "processes that work at once")
    launcher: str = option(LOCAL, "local: workers on this machine; ray: over the machines of a Ray cluster")
    ray_address: str = option(
        "", "launcher=ray: a running cluster, or auto to find it; empty starts one here"
    )

    def who(self) -> Workers:
        """The workers; OptionError for what cannot be."""
        if self.workers < 1:
            raise OptionError(f"workers must be at least 1, not {self.workers}")
        if self.launcher not in (LOCAL, RAY):
            raise OptionError(f"option launcher={self.launcher}: choose one of {LOCAL}, {RAY}")
        if self.ray_address and self.launcher != RAY:
            raise OptionError(
                f"ray_address={self.ray_address} is for launcher={RAY}, not launcher={self.launcher}"
            )
        return Workers(self.workers, self.launcher, self.ray_address)


@dataclass
class ImportOptions(OutOptions):
    """Options of ``workbench data import``."""

    format: str = option("lerobot_v3", "layout to write: lerobot_v21 or lerobot_v3")
    filter: str = option("", "one subset that the dataset names, as train; empty: all episodes")
    instruction: str = option("", "demonstrations in HDF5: what was asked, where they do not say")
    fps: float = option(
        0.0, "demonstrations in HDF5: steps a second, where they do not say; 0: as they say", "Hz"
    )

    def check(self) -> None:
        """OptionError for what cannot be."""
        self.path()
        if self.format not in ("lerobot_v21", "lerobot_v3"):
            raise OptionError(f"format= must be lerobot_v21 or lerobot_v3, not {self.format!r}")
        if not 0 <= self.fps < math.inf:
            raise OptionError(f"fps must be positive, not {self.fps}")


@dataclass
class ConvertOptions(WorkerOptions, OutOptions):
    """Options of ``workbench data convert`` for every format."""

    format: str = option("", "lerobot_v21, lerobot_v3 or qa")


@dataclass
class V21Options:
    """Options of ``format=lerobot_v21``."""

    action_space: str = option("delta_eef", f"what the column action holds: {' or '.join(SPACES)}")
    annotations: bool = option(True, "write boxes, points, traces, poses of bodies and cameras")
    depth: bool = option(False, "write depth as PNG pictures of 16 bits, in millimetres")
    masks: bool = option(False, "write segmentation masks as PNG pictures")
    shares: str = option("train:0.9,val:0.1", "name and share of each part that info.json declares")
    seed: int = option(0, "seed: by it and an episode's index its part is decided")

    def check(self) -> None:
        """OptionError for what cannot be."""
        if self.action_space not in SPACES:
            raise OptionError(f"option action_space={self.action_space}: choose one of {', '.join(SPACES)}")
        parts_of(self.shares)

    def choices(self) -> ExportChoices:
        """The same, as the exports take it; OptionError for what cannot be."""
        self.check()
        return ExportChoices(
            self.action_space, self.annotations, self.depth, self.masks, parts_of(self.shares), self.seed
        )


@dataclass
class V3Options(V21Options):
    """Options of ``format=lerobot_v3``."""

    data_mb: float = option(100.0, "size after which a new table begins", "MiB")
    video_mb: float = option(200.0, "size about which a new video begins", "MiB")

    def check(self) -> None:
        """OptionError for what cannot be."""
        super().check()
        for name in ("data_mb", "video_mb"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} must be positive, not {getattr(self, name)}")


TOOL_MM = 5.0
"""Farthest that a replayed tool may be from where it was recorded [mm]. An archive that is replayed by the engine that
made it is off by 0.0 mm; an export whose frames are two control steps apart by 3.4 mm at most, since what was done
between two frames is played spread evenly; one whose x is 5 % too long by 14 mm."""
JOINTS_MRAD = 20.0
"""RMS error with which our arm may follow joints that another was told to take [mrad]: about twice the 9 mrad with
which it follows InternVLA-M1's public demonstrations."""


@dataclass
class ReplayOptions:
    """Options of ``workbench data replay``."""

    episodes: int = option(0, "how many at most; 0 for all", "episodes")
    physics: str = option("", "engine; empty: the one the dataset was made with")
    tool_mm: float = option(TOOL_MM, "farthest that the tool may be from where it was when recorded", "mm")
    joints_mrad: float = option(
        JOINTS_MRAD, "joints of others: RMS error with which they may be followed", "mrad"
    )

    def check(self) -> None:
        """OptionError for what cannot be."""
        if self.episodes < 0:
            raise OptionError(f"episodes must be at least 0, not {self.episodes}")
        for name in ("tool_mm", "joints_mrad"):
            if not 0 < getattr(self, name) < math.inf:
                raise OptionError(f"{name} must be positive, not {getattr(self, name)}")


@dataclass
class ViewOptions:
    """Options of ``workbench data view``."""

    names: str = option("", "episodes by name, comma-separated, as 000017-01; empty: the first ones")
    episodes: int = option(4, "how many, where no names are given", "episodes")
    to: str = option("", "write the recording here and do not open it")


@dataclass
class SplitOptions(OutOptions):
    """Options of ``workbench data split``."""

    shares: str = option(
        "train:0.9,val:0.1",
        "name and share of each part, which add up to 1; or declared: the subsets that a dataset of others names",
    )
    seed: int = option(0, "seed: by it and an episode's index its part is decided")

    def parts(self) -> dict[str, float]:
        """Shares by name; OptionError for what cannot be."""
        return parts_of(self.shares)


def parts_of(shares: str) -> dict[str, float]:
    """Shares by name, from ``NAME:SHARE,...``; OptionError for what cannot be."""
    found: dict[str, float] = {}
    said = f"option shares={shares}"
    for word in listed("shares", shares):
        name, _, share = word.partition(":")
        if not name.replace("_", "").replace("-", "").isalnum():
            raise OptionError(f"{said}: {name!r} is no name for a part: letters, digits, - and _")
        if name in found:
            raise OptionError(f"{said}: {name!r} is given twice")
        try:
            found[name] = number(share)
        except NotationError:
            raise OptionError(f"{said}: expected NAME:SHARE, not {word!r}") from None
    if not all(share > 0 for share in found.values()) or abs(sum(found.values()) - 1) > 1e-6:
        raise OptionError(f"{said}: shares must be positive and add up to 1")
    return found
