"""Options of the grounding-QA export, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass

from domain_rand.notation import NotationError, whole
from policy.smart_resize import smart_size
from workbench.cli.options import OptionError, listed, option

KINDS = ("box", "point", "trace", "planner")
"""Kinds of questions."""
FORMS = ("jsonl", "json")
"""One object a line, or one array."""


@dataclass
class QaOptions:
    """What to ask about which frames, and at which size."""

    cameras: str = option("", "cameras to ask about, separated by commas; empty takes all")
    kinds: str = option(",".join(KINDS), "kinds of questions, separated by commas")
    frames: int = option(4, "frames of each episode, spread evenly over it")
    per_kind: int = option(1, "questions of each kind about one picture")
    image_size: str = option(
        "224x224",
        "size that pictures are scaled to, as the policy does; 'camera' leaves it to the model's own rule",
        "px",
    )
    min_pixels: int = option(784, "fewest pixels of the picture that the model sees", "px")
    max_pixels: int = option(50176, "most pixels of the picture that the model sees", "px")
    min_visibility: float = option(0.3, "least visible share of a thing that is asked about")
    trace_points: int = option(8, "points of a trace")
    seed: int = option(0, "seed of the choice of frames, questions and wordings")
    form: str = option("jsonl", "jsonl, one object a line, or json, one array")

    def kind_names(self) -> tuple[str, ...]:
        """The kinds asked for; OptionError for one that is unknown, or none."""
        names = tuple(dict.fromkeys(listed("kinds", self.kinds)))
        unknown = [name for name in names if name not in KINDS]
        if unknown or not names:
            raise OptionError(f"option kinds={self.kinds}: there are {', '.join(KINDS)}")
        return names

    def camera_names(self) -> tuple[str, ...] | None:
        """The cameras asked for; None for all."""
        return tuple(dict.fromkeys(listed("cameras", self.cameras))) or None

    def seen_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) [px] at which the model sees a camera's picture of ``width`` x ``height`` [px].

        Scaled to `image_size` first, then by Qwen2.5-VL's rule within the limits. OptionError for a size that cannot
        be.
        """
        if self.image_size != "camera":
            first, _, second = self.image_size.partition("x")
            try:
                width, height = whole(first), whole(second)
            except NotationError:
                raise OptionError(
                    f"option image_size={self.image_size}: expected WIDTHxHEIGHT, as 224x224, or camera"
                ) from None
        try:
            return smart_size(width, height, self.min_pixels, self.max_pixels)
        except ValueError as problem:
            raise OptionError(f"option image_size={self.image_size}: {problem}") from None

    def check(self) -> None:
        """OptionError for the first option that cannot be, in one sentence."""
        self.kind_names()
        for name, least in (("frames", 1), ("per_kind", 1), ("trace_points", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise OptionError(
                    f"option {name}={getattr(self, name)}: expected a whole number of at least {least}"
                )
        if not 0 < self.min_visibility <= 1:
            raise OptionError(
                f"option min_visibility={self.min_visibility}: expected a share above 0 and up to 1"
            )
        if self.form not in FORMS:
            raise OptionError(f"option form={self.form}: there are {', '.join(FORMS)}")
        self.seen_size(640, 480)  # a camera's size as good as any
