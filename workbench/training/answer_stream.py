"""Questions about the archive's pictures, other ones each epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from policy.answers import XYXY, Answer, Boxes, Labelled, PickPlace, Plan, Points, Sentence, Trace
from policy.grounding import Box
from policy.m1.training.batches import AnswerBatch, Asked, Marked
from policy.m1.training.randomness import key, numpy_generator
from workbench.data.episode import DatasetEpisode
from workbench.data.qa.options import QaOptions
from workbench.data.qa.questions import questions
from workbench.training.annotations import (
    another_slot_places,
    another_task,
    hand_at,
    is_named_by_labels,
    row_of_role,
    slot_places,
    task_answer,
    visible_boxes,
    worded,
)
from workbench.training.augment import jitter
from workbench.training.cutouts import crowded, cut_out, varied
from workbench.training.frames import ArchiveFrames, color_and_shape
from workbench.training.lessons import FULL_LESSON, Lesson

FIRST_FRAMES = 8
"""How often an episode's first picture comes for each time that another does. Only in the first can nobody tell from
the arm what the task is: a model that sees few of them learns to look at the arm instead of to read."""
WHOLE = 0.9
"""Visible share from which a thing is seen whole."""
MOST_TRIES = 16
"""Frames looked at for one about which anything can be asked."""
_SEEDS = 2**31


class AnswerStream:
    """One row a frame and camera: a lesson about its picture."""

    def __init__(
        self,
        frames: ArchiveFrames,
        views: Sequence[str],
        seed: int,
        size: int,
        own_question: str,
        sayable: Callable[[str], bool],
        augment: bool = True,
        lesson: Lesson = FULL_LESSON,
        slots: Sequence[str] = (),
        paraphrases: float = 0.0,
        pasted: int = 0,
    ) -> None:
        """
        Args:
            frames: the archive.
            views: cameras to ask about.
            seed: of the choice of questions.
            size: side of the square picture that the model sees [px].
            own_question: the question that the policy asks when it is to say where, with ``{instruction}`` for what
                it means.
            sayable: whether the model has words for an answer; others are not asked for.
            augment: whether colours vary.
            lesson: what is asked.
            slots: places that the prompt for acting has slots for, all in the first of the views; none: that prompt
                is not shown.
            paraphrases: share of tasks told in the data's other words.
            pasted: most things pasted into a picture from others.
        """
        self.frames, self.seed, self.own_question, self.sayable = frames, seed, own_question, sayable
        self.side = size
        self.augment, self.lesson = augment, lesson
        self.views, self.slots, self.paraphrases = tuple(views), tuple(slots), paraphrases
        self.pasted = pasted
        self._cutouts = {view: cut_out(frames, view) for view in views} if pasted else {}
        self.options = QaOptions(image_size=f"{size}x{size}", min_pixels=1, max_pixels=size * size)
        if self.options.seen_size(size, size) != (size, size):
            raise ValueError(f"Qwen2.5-VL's processor would resize a picture of {size} x {size} px")
        self.rows = [
            (number, frame, view)
            for number, frame in frames.rows(before_end=False)
            for view in views
            for _ in range(1 if frame else FIRST_FRAMES)
        ]
        self.supports = {
            color_and_shape(body.label)[1]
            for episode in frames.episodes
            for body in episode.bodies
            if body.role == "receptacle"
        }
        """Shapes of things that others are put on or in."""
        self.size = len(self.rows)

    def batch(self, rows: Sequence[tuple[int, int]]) -> AnswerBatch:
        """See `policy.m1.training.batches.Stream`. A picture that allows no question gives way to the next row's."""
        pictures, asked = [], []
        for row, epoch in rows:
            picture, some = self._askable(row, epoch)
            if self.augment:
                picture = jitter(picture, numpy_generator(self.seed, "colours", row, epoch))
            pictures.append(torch.from_numpy(picture))
            asked.append(some)
        return AnswerBatch(torch.stack(pictures), asked)

    def _askable(self, row: int, epoch: int) -> tuple[np.ndarray, list[Asked | Marked]]:
        for tried in range(MOST_TRIES):
            at = (row + tried) % self.size
            number, frame, view = self.rows[at]
            episode, picture = self.frames.episodes[number], self.frames.picture(number, view, frame)
            lesson = self.lesson
            rng = numpy_generator(self.seed, "crowd", at, epoch)
            may_crowd = not lesson.own or is_named_by_labels(episode)
            if self._cutouts and rng.random() < lesson.crowded and may_crowd:
                episode, picture = self._crowded(episode, view, frame, picture, rng)
                # The other kinds ask about more than what is seen in the picture.
                lesson = replace(lesson, kinds=())
            if some := self._asked(episode, lesson, frame, view, at, epoch):
                break
        return picture, some

    def _crowded(
        self, episode: DatasetEpisode, view: str, frame: int, picture: np.ndarray, rng: np.random.Generator
    ) -> tuple[DatasetEpisode, np.ndarray]:
        known, named = (
            self._cutouts[view],
            {body.label for body in episode.bodies if body.role != "distractor"},
        )
        least = max(1, int(self.pasted * self.lesson.least_pasted))
        chosen = [known[i] for i in rng.integers(0, len(known), int(rng.integers(least, self.pasted + 1)))]
        some = [varied(one, rng) for one in chosen if one.label not in named]
        return crowded(episode, view, frame, picture, some, rng)

    def _asked(
        self, episode: DatasetEpisode, lesson: Lesson, frame: int, view: str, row: int, epoch: int
    ) -> list[Asked | Marked]:
        rng = numpy_generator(self.seed, "own", row, epoch)
        found: list[Asked] = []
        boxes = visible_boxes(episode, view, frame, self.options)
        if lesson.named:
            labels = [body.label for body in episode.bodies]
            unique = [k for k in boxes if labels.count(labels[k]) == 1]
            for k in rng.permutation(unique)[: lesson.named]:
                named = Labelled((Box(labels[k], boxes[k]),))
                found.append(self._own(labels[k], named))
        told = worded(episode, self.paraphrases if lesson.kinds else 0.0, rng)
        other = another_task(episode, boxes, self.supports, rng)
        if lesson.own:
            for words, picked in ((told, row_of_role(episode, "target")), *([other] if other else [])):
                if (answer := task_answer(episode, boxes, picked)) is not None:
                    found.append(self._own(words, answer))
        for kind in rng.permutation(lesson.kinds)[: lesson.most_kinds]:
            chance = key(self.seed, "questions", kind, row, epoch) % _SEEDS
            options = replace(self.options, kinds=str(kind), seed=chance)
            found += [_as_asked(q.text, q.answer) for q in questions(episode, view, frame, options)[0]]
        sayable: list[Asked | Marked] = [one for one in found if self.sayable(one.answer)]
        return sayable + (self._marked(episode, frame, told, other, boxes) if view == self.views[0] else [])

    def _marked(
        self,
        episode: DatasetEpisode,
        frame: int,
        told: str,
        other: tuple[str, int] | None,
        boxes: Mapping[int, XYXY],
    ) -> list[Marked]:
        """The prompt for acting, with its slots' places: for the task, and for the other where they are known."""
        if not self.slots or not self.lesson.acting:
            return []
        hand, view = hand_at(episode, frame), self.views[0]
        places = slot_places(episode, view, frame, self.slots, self.side)
        marked = [Marked(told, places, hand)]
        if other is not None and episode.cameras[view].visibility[frame, other[1]] >= WHOLE:
            words, row = other
            marked.append(Marked(words, another_slot_places(places, self.slots, boxes[row]), hand))
        return [one for one in marked if any(one.places)]

    def _own(self, words: str, answer: Answer) -> Asked:
        return _as_asked(self.own_question.replace("{instruction}", words), answer)


def _as_asked(question: str, answer: Answer) -> Asked:
    return Asked(question, answer.text(), tuple(places(answer)))


def places(answer: Answer) -> list[tuple[float, float]]:
    """For each coordinate of an answer, in the order in which it is written, the place that it is about [px].

    A corner of a box is about the box's middle: that is where the thing is.
    """
    match answer:
        case Points(points) | Trace(points):
            return [p for p in points for _ in range(2)]
        case Boxes(boxes):
            return [m for box in boxes for m in _middle(box)]
        case Labelled(labelled, named):
            return [m for b in labelled for m in _middle(b.xyxy)] + [p.uv for p in named for _ in range(2)]
        case PickPlace(pick, place):
            return [m for box in (pick, place) if box is not None for m in _middle(box)]
        case Sentence(_, groups):
            return [m for group in groups for box in group for m in _middle(box)]
        case Plan(subtask=sentence):
            return places(sentence)


def _middle(box: Sequence[float]) -> list[tuple[float, float]]:
    u0, v0, u1, v1 = box
    return [((u0 + u1) / 2, (v0 + v1) / 2)] * 4


def sayable_by(tokenizer: Any) -> Callable[[str], bool]:
    """Whether a tokenizer has a word for all of a text."""
    unknown = tokenizer.unk_token_id

    def sayable(text: str) -> bool:
        return unknown is None or unknown not in tokenizer(text, add_special_tokens=False).input_ids

    return sayable
