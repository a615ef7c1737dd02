"""The archive as a `policy.m1.training.batches.Source`."""

from __future__ import annotations

from functools import cached_property

from policy.m1.config import PATH
from policy.m1.model import M1Model
from policy.m1.training.batches import Stream
from policy.m1.training.phases import ACTION, ANSWERS, NUMBERS, READING, SCENE
from workbench.training.action_stream import ActionStream
from workbench.training.answer_stream import AnswerStream, sayable_by
from workbench.training.frames import ArchiveFrames
from workbench.training.imported_frames import ImportedFrames
from workbench.training.lessons import FIRST_LESSON, FULL_LESSON, NAMING_LESSON, SLOTS_LESSON
from workbench.training.numbers_stream import NumbersStream
from workbench.training.options import TrainOptions
from workbench.training.scene_stream import SceneStream

LESSONS = {"naming": NAMING_LESSON, "language": FIRST_LESSON, "slots": SLOTS_LESSON}
"""What is asked in the phases in which not everything is."""


class ArchiveSource:
    """Streams of one archive, or of one dataset of others, for one model."""

    def __init__(self, frames: ArchiveFrames | ImportedFrames, model: M1Model, options: TrainOptions) -> None:
        self.frames, self.model, self.options = frames, model, options
        self.colors, self.shapes = len(frames.colors), len(frames.shapes)

    def stream(self, objective: str, phase: str) -> Stream:
        """See `policy.m1.training.batches.Source`."""
        options, config = self.options, self.model.config
        views, size = config.images.views, config.images.size
        if objective == ACTION:
            return ActionStream(
                self.frames,
                views,
                config.chunk_length,
                options.seed,
                options.augment,
                options.paraphrases,
                size if PATH in config.prompt.slots[: config.qformer.number_places] else None,
            )
        if isinstance(self.frames, ImportedFrames):
            raise ValueError(
                f"{self.frames.dataset.root} has no {objective}: boxes and places are an archive's"
            )
        if objective == ANSWERS:
            return AnswerStream(
                self.frames,
                views,
                options.seed,
                size,
                config.prompt.grounding,
                sayable_by(self.model.tokenizer),
                options.augment,
                LESSONS.get(phase, FULL_LESSON),
                config.prompt.slots,
                options.paraphrases,
                options.crowd,
            )
        if objective in (READING, NUMBERS):
            return self._numbers
        if objective == SCENE:
            return SceneStream(
                self.frames, views, options.seed, size, options.augment, options.crop, options.pasted
            )
        raise ValueError(f"there is no objective {objective!r}")

    @cached_property
    def _numbers(self) -> NumbersStream:
        assert isinstance(self.frames, ArchiveFrames)  # `stream` refuses others
        config = self.model.config
        slots = config.prompt.slots[: config.qformer.number_places]
        side, length = config.images.size, config.chunk_length
        return NumbersStream(self.frames, config.images.views[0], slots, side, length, self.options.seed)
