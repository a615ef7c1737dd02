"""Options of ``workbench generate``, and what makes them impossible."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.cli.options import OptionError, listed, option
from workbench.rollout.options import (
    AUTO,
    NO_SPLIT,
    SPLIT_HELP,
    EnvironmentOptions,
    at_least,
    choose,
    split_of,
)
from workbench.rollout.policy_names import M1

PLAN, RENDER = "plan", "render"
STAGES = (PLAN, RENDER)
CAMERAS = ("front", "wrist")
PRESENTATION = ("stages", "chunk")
"""Options that change how a dataset is made, not what is in it; a resumed run may differ in them."""


@dataclass
class GenerateOptions(EnvironmentOptions):
    """Options of ``workbench generate``."""

    dr: str = option("heavy", "factor set that episodes are drawn from: a name, or a YAML file")
    episodes: int = option(100, "episodes to plan; those that succeed are kept", "episodes")
    split: str = option(NO_SPLIT, SPLIT_HELP)
    renders: int = option(3, "renderings of each kept episode, each under fresh appearance and cameras")
    stages: str = option("plan,render", "what to do: plan, render or both")
    cameras: str = option("front,wrist", "cameras to render, separated by commas")
    frame_every: int = option(2, "steps between two frames", "control steps")
    depth: bool = option(False, "store depth images")
    masks: bool = option(False, "store segmentation masks")
    min_visibility: float = option(0.2, "a rendering that never shows this share of the object is dropped")
    min_brightness: float = option(25.0, "a rendering whose mean brightness is below is dropped", "of 255")
    jpeg_quality: int = option(95, "quality of the stored pictures, 1 to 100")
    chunk: int = option(16, "episodes or renderings a file; a crash costs those of one file at most")
    out: str = option(
        AUTO, "dataset folder; auto: named after what is made, in data/; the same again resumes"
    )

    def resolve(self) -> None:
        """Replace ``auto`` by what it means here; OptionError, LaunchError or FactorSetError for what cannot be."""
        if self.policy == M1 or (self.policy_cfg.is_class and self.policy_cfg.cameras):
            raise OptionError(
                f"policy={self.policy} sees pictures, and demonstrations are planned without cameras"
            )
        for name in ("episodes", "renders", "frame_every", "chunk"):
            at_least(name, getattr(self, name), 1)
        for name, one, known in (("stages", "stage", STAGES), ("cameras", "camera", CAMERAS)):
            chosen = listed(name, getattr(self, name))
            if not chosen:
                raise OptionError(f"{name} must name at least one of {', '.join(known)}")
            for item in chosen:
                choose(one, item, known)
        if not 0 <= self.min_visibility <= 1:
            raise OptionError(f"min_visibility must lie between 0 and 1, not {self.min_visibility}")
        if not 0 <= self.min_brightness <= 255:
            raise OptionError(f"min_brightness must lie between 0 and 255, not {self.min_brightness}")
        if not 1 <= self.jpeg_quality <= 100:
            raise OptionError(f"jpeg_quality must lie between 1 and 100, not {self.jpeg_quality}")
        super().resolve()
        if self.out == AUTO:
            split = f"-{self.chosen_split}" if self.chosen_split else ""
            self.out = f"data/{self.place}-{self.policy_name}-{self.dr.split('/')[-1]}-seed{self.seed}{split}"

    @property
    def chosen_split(self) -> str:
        """See the base."""
        return split_of(self.split)

    def job(self, index: int, render: int) -> int:
        """Number of a rendering of an episode among the renderings of all."""
        return index * self.renders + render

    def rendering(self, job: int) -> tuple[int, int]:
        """Index of the episode and number of its rendering: the inverse of `job`."""
        return divmod(job, self.renders)

    @property
    def chosen_stages(self) -> tuple[str, ...]:
        """What to do, in the order given."""
        return listed("stages", self.stages)

    @property
    def chosen_cameras(self) -> tuple[str, ...]:
        """Cameras to render, in the order of `CAMERAS`."""
        return tuple(name for name in CAMERAS if name in listed("cameras", self.cameras))
