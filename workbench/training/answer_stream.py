"""Questions about the archive's pictures, other ones each epoch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from policy.answers import XYXY, Answer, Boxes, Labelled, PickPlace, Plan, Points, Sentence, Trace
from policy.grounding import GRASP, PLACE, Box
from policy.m1.config import CONTACT, PATH
from policy.m1.prompt import measured_hand
from policy.m1.training.batches import AnswerBatch, Asked, Marked
from policy.m1.training.randomness import key, numpy_generator
from policy.smart_resize import Resize
from workbench.data.episode import DatasetEpisode
from workbench.data.qa_options import KINDS, QaOptions
from workbench.data.qa_questions import LEAST_SIDE, questions
from workbench.training.attempts import astray_until
from workbench.training.augment import jitter
from workbench.training.cutouts import crowded, cut_out, varied
from workbench.training.frames import ArchiveFrames, color_and_shape


@dataclass(frozen=True)
class Lesson:
    """What is asked about one picture."""

    named: int
    """Most things asked for by name, in the words in which the policy asks."""
    own: bool
    """Whether the policy's own question about the task is asked."""
    kinds: tuple[str, ...]
    """Kinds of `workbench.data.qa_options.KINDS`; one question of each."""
    most_kinds: int
    """How many of the kinds are asked, by chance."""
    acting: bool = True
    """Whether the prompt for acting is shown, with its slots' places."""
    crowded: float = 0.5
    """Share of the pictures that things are pasted into, where any are."""
    least_pasted: float = 0.0
    """Fewest things pasted into such a picture, as a share of the most; always one."""


NAMING_LESSON = Lesson(
    named=12, own=False, kinds=(), most_kinds=0, acting=False, crowded=1.0, least_pasted=0.5
)
"""Only: where is the red cube? In a crowd there mostly is another of its colour and one of its shape, so that both
words must be heard. A model that is asked other things, too, learns one of them and stays with it."""
FIRST_LESSON = Lesson(named=4, own=True, kinds=KINDS, most_kinds=1)
"""For a model that knows no places yet: many short questions teach more in the same time than few long ones."""
SLOTS_LESSON = Lesson(named=1, own=True, kinds=(), most_kinds=0, crowded=0.3)
"""For a model that knows its places about: a hand that goes where they are a centimetre off grasps nothing."""
FULL_LESSON = Lesson(named=2, own=True, kinds=KINDS, most_kinds=len(KINDS))
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


def visible_boxes(episode: DatasetEpisode, view: str, frame: int, options: QaOptions) -> dict[int, XYXY]:
    """Box of each body that can be asked about, by its row, in the pixels of the picture that the model sees."""
    camera = episode.cameras[view]
    size = camera.width, camera.height
    resize = Resize(size, options.seen_size(*size))
    found = {}
    for row in range(len(episode.bodies)):
        if camera.visibility[frame, row] >= options.min_visibility:
            box = resize.to_seen(camera.boxes[frame, row])
            if (box[2:] - box[:2] >= LEAST_SIDE).all():
                u0, v0, u1, v1 = map(float, box)
                found[row] = (u0, v0, u1, v1)
    return found


def slot_places(
    episode: DatasetEpisode, view: str, frame: int, slots: Sequence[str], side: int
) -> tuple[tuple[float, float] | None, ...]:
    """What each of a prompt's slots stands for, in the pixels of the square picture seen; None outside it.

    A point of the way beyond the picture's edge is at the edge: it says at least on which side. Of the way to an
    attempt that failed, only where it begins is told.
    """
    camera = episode.cameras[view]
    resize = Resize((camera.width, camera.height), (side, side))
    way, fingers = camera.trace[frame], camera.contact[frame]
    along = np.linspace(0, len(way) - 1, max(slots.count(PATH), 2)).round().astype(int)
    known = {
        GRASP: iter(camera.grasp[frame][None]),
        CONTACT: iter(fingers[np.argsort(fingers[:, 0])]),
        PLACE: iter(camera.place[frame][None]),
        PATH: iter(way[along]),
    }
    is_astray = int(episode.frame_steps[frame]) < astray_until(episode)
    found: list[tuple[float, float] | None] = []
    for i, slot in enumerate(slots):
        seen = resize.to_seen(next(known[slot]))
        if is_astray and slot == PATH and PATH in slots[:i]:
            seen = np.full(2, np.nan)
        u, v = seen.clip(0, side) if slot == PATH else seen
        # NaN, behind the camera, is not inside.
        found.append((float(u), float(v)) if 0 <= u <= side and 0 <= v <= side else None)
    return tuple(found)


def hand_at(episode: DatasetEpisode, frame: int) -> tuple[float, ...]:
    """What the robot measured of its hand when a frame was shown (`policy.m1.prompt.measured_hand`)."""
    step = int(episode.frame_steps[frame])
    pose = torch.from_numpy(episode.measured_ee_pose[step][None]).float()
    width = torch.tensor([float(episode.measured_gripper_width[step])])
    return tuple(measured_hand(pose, width)[0].tolist())


def worded(episode: DatasetEpisode, paraphrases: float, rng: np.random.Generator) -> str:
    """The task in the episode's own words, or by that chance in one of the others that it can be told in."""
    if not episode.paraphrases or rng.random() >= paraphrases:
        return episode.instruction
    return episode.paraphrases[int(rng.integers(len(episode.paraphrases)))]


def is_named_by_labels(episode: DatasetEpisode) -> bool:
    """Whether the instruction calls object and receptacle by their labels, so that it stays clear in any crowd."""
    named = (episode.bodies[row_of_role(episode, role)].label for role in ("target", "receptacle"))
    return all(episode.instruction.count(label) == 1 for label in named)


def row_of_role(episode: DatasetEpisode, role: str) -> int:
    """The first body of a role."""
    return [body.role for body in episode.bodies].index(role)


def task_answer(episode: DatasetEpisode, boxes: Mapping[int, XYXY], picked: int) -> PickPlace | None:
    """What to pick, a body by its row, and where to place it; None where one of them cannot be seen."""
    pick, place = boxes.get(picked), boxes.get(row_of_role(episode, "receptacle"))
    return PickPlace(pick, place) if pick and place else None


def another_task(
    episode: DatasetEpisode, boxes: Mapping[int, XYXY], supports: Collection[str], rng: np.random.Generator
) -> tuple[str, int] | None:
    """The same task with another of the things to pick, and that thing's row: here the arm gives nothing away.

    ``supports`` are shapes that nobody picks. None where the instruction does not name its object by the label, or
    nothing else can be meant.
    """
    labels = [body.label for body in episode.bodies]
    named = labels[row_of_role(episode, "target")]
    others = [
        row
        for row in boxes
        if episode.bodies[row].role == "distractor"
        and labels.count(labels[row]) == 1
        and color_and_shape(labels[row])[1] not in supports
    ]
    if not others or episode.instruction.count(named) != 1:
        return None
    row = others[int(rng.integers(len(others)))]
    return episode.instruction.replace(named, labels[row]), row


def another_slot_places(
    places: Sequence[tuple[float, float] | None], slots: Sequence[str], box: XYXY
) -> tuple[tuple[float, float] | None, ...]:
    """What the slots stand for if the thing in ``box`` were to be picked: no demonstration shows the way.

    A thing seen whole is held in the middle of its box: in demonstrations, about 1 px from it at 224 px (an L-block,
    6 px).
    """
    known = {GRASP: ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), CONTACT: None, PATH: None}
    # Where the tool is, is the same whatever the task.
    tool = slots.index(PATH) if PATH in slots else None
    return tuple(
        place if i == tool else known.get(slot, place)
        for i, (slot, place) in enumerate(zip(slots, places, strict=True))
    )


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
