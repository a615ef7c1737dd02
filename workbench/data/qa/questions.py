"""Questions about one picture of an episode, with answers that are true of it.

Every answer is in the pixels of the picture that the model sees. What a frame is asked depends on what its picture
shows: things that are hidden, too small or outside are passed over, the grasp is asked for until the object is held,
and the place until it is reached.

An instruction may tell the object by where it stands. That holds until something has moved; from then on tasks are
asked by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from policy.answers import XYXY, Answer, Boxes, Labelled, PickPlace, Plan, Points, Sentence, Trace
from policy.grounding import Box, Point
from policy.smart_resize import Resize
from tasks.language.words import HOLLOW
from workbench.data.episode import PHASES, SUBTASKS, CameraFrames, DatasetEpisode
from workbench.data.qa.options import QaOptions
from workbench.data.qa.wordings import PLANS, SENTENCES, WORDINGS
from workbench.stats import keyed_generator

LEAST_SIDE = 4.0
"""Least width and height of a box, and length of a trace, in the picture seen [px]: under it, rounding to whole pixels
decides."""
MOVED = 0.01
"""A body this far from where it started counts as moved [m]."""


@dataclass(frozen=True)
class Question:
    """One question about one picture, and its answer."""

    kind: str
    """One of `workbench.data.qa.options.KINDS`."""
    ask: str
    """What is asked, a key of `WORDINGS`."""
    text: str
    answer: Answer


class Passed(Exception):
    """A question that cannot be asked about this picture; the reason, in a few words."""


def questions(
    episode: DatasetEpisode, camera: str, frame: int, options: QaOptions
) -> tuple[list[Question], Counter[tuple[str, str]]]:
    """Up to ``options.per_kind`` questions of each kind about a frame of a camera.

    Returns:
        The questions, and how many were passed over by (kind, reason).
    """
    asked: list[Question] = []
    passed: Counter[tuple[str, str]] = Counter()
    for kind in options.kind_names():
        # One generator a kind: leaving a kind out changes nothing about the others.
        rng = keyed_generator(options.seed, f"grounding_qa:{episode.name}:{camera}:{frame}:{kind}")
        view = _View(episode, episode.cameras[camera], frame, options, rng)
        wanted = len(asked) + options.per_kind
        for ask, answer in view.in_turn(view.asks(kind)):
            if len(asked) == wanted:
                break
            try:
                asked.append(Question(kind, ask, *answer()))
            except Passed as reason:
                passed[kind, str(reason)] += 1
    return asked, passed


_Ask = Callable[[], tuple[str, Answer]]


class _View:
    """One picture, in the pixels that the model sees, and what can be asked about it."""

    def __init__(
        self,
        episode: DatasetEpisode,
        camera: CameraFrames,
        frame: int,
        options: QaOptions,
        rng: np.random.Generator,
    ) -> None:
        self.episode, self.camera, self.frame, self.options, self.rng = episode, camera, frame, options, rng
        size = camera.width, camera.height
        self.resize = Resize(size, options.seen_size(*size))
        roles = [body.role for body in episode.bodies]
        self.target, self.receptacle = roles.index("target"), roles.index("receptacle")
        self.labels = [body.label for body in episode.bodies]
        step = int(episode.shown_steps[frame])
        self.subtask = SUBTASKS[PHASES[int(episode.phase[step])]]
        way = np.linalg.norm(episode.body_pose[step, :, :3] - episode.body_pose[0, :, :3], axis=-1)
        self.grasps = bool(np.isfinite(episode.grasp).all())
        self.has_moved = bool((way > MOVED).any())
        goal = self.labels[self.receptacle]
        self.words = {
            "thing": self.labels[self.target],
            "goal": goal,
            "at": "in" if goal.split(" ")[-1] in HOLLOW else "on",
        }

    def asks(self, kind: str) -> list[tuple[str, list[_Ask]]]:
        """What may be asked of a kind, each with its variants."""
        bodies = range(len(self.labels))
        if not self.grasps:
            return self._asks_without_grasp(kind)
        if kind == "box":
            return [
                ("box of a thing", [partial(self.box_of, row) for row in bodies]),
                ("boxes of the task", [self.boxes_of_task]),
                ("key objects", [self.key_objects]),
                ("sentence", [self.sentence]),
            ]
        if kind == "point":
            pick: list[tuple[str, list[_Ask]]] = [("grasp", [self.grasp]), ("contacts", [self.contacts])]
            place: list[tuple[str, list[_Ask]]] = [("place", [self.place])]
            return [
                *(pick if self.subtask == "pick" else []),
                *(place if self.subtask != "retreat" else []),
                ("point at a thing", [self.point_at_target, self.point_at_receptacle]),
            ]
        if kind == "trace":
            return [("trace", [self.trace])]
        return [("plan", [self.plan]), ("thoughtful plan", [self.thoughtful_plan])]

    def _asks_without_grasp(self, kind: str) -> list[tuple[str, list[_Ask]]]:
        """What may be asked where nothing is held and put: no grasp, and no sentence or plan that speaks of one."""
        bodies = range(len(self.labels))
        boxes: tuple[str, list[_Ask]] = ("box of a thing", [partial(self.box_of, row) for row in bodies])
        known: dict[str, list[tuple[str, list[_Ask]]]] = {
            "box": [boxes, ("key objects", [self.key_objects])],
            "point": [("place", [self.place])] if self.subtask != "retreat" else [],
            "trace": [("trace", [self.trace])],
        }
        return known.get(kind, [])

    def in_turn(self, asks: list[tuple[str, list[_Ask]]]) -> Iterator[tuple[str, _Ask]]:
        """All variants in an order of chance: first one of every ask, then second ones."""
        order = [asks[i] for i in self.rng.permutation(len(asks))]
        shuffled = [
            (ask, [variants[i] for i in self.rng.permutation(len(variants))]) for ask, variants in order
        ]
        for turn in range(max((len(variants) for _, variants in shuffled), default=0)):
            for ask, variants in shuffled:
                if turn < len(variants):
                    yield ask, variants[turn]

    def box_of(self, row: int) -> tuple[str, Answer]:
        box = self._box(row)
        return self._say("box of a thing", thing=self._name(row)), Labelled((Box(self.labels[row], box),))

    def boxes_of_task(self) -> tuple[str, Answer]:
        return self._say("boxes of the task"), PickPlace(self._box(self.target), self._box(self.receptacle))

    def key_objects(self) -> tuple[str, Answer]:
        return self._say("key objects"), Boxes((self._box(self.target), self._box(self.receptacle)))

    def sentence(self) -> tuple[str, Answer]:
        boxes = (self._box(self.target),), (self._box(self.receptacle),)
        return self._say("sentence"), Sentence(self._pick(SENTENCES).format(**self.words), boxes)

    def grasp(self) -> tuple[str, Answer]:
        self._box(self.target)
        return self._say("grasp"), Points(self._inside(self.camera.grasp[self.frame]))

    def contacts(self) -> tuple[str, Answer]:
        self._box(self.target)
        return self._say("contacts"), Points(self._inside(self.camera.contact[self.frame]))

    def place(self) -> tuple[str, Answer]:
        self._box(self.receptacle)
        return self._say("place"), Points(self._inside(self.camera.place[self.frame]))

    def point_at_target(self) -> tuple[str, Answer]:
        return self._point_at(self.target, self.camera.grasp[self.frame])

    def point_at_receptacle(self) -> tuple[str, Answer]:
        return self._point_at(self.receptacle, self.camera.place[self.frame])

    def trace(self) -> tuple[str, Answer]:
        stored = self.camera.trace[self.frame]
        count = self.options.trace_points
        at = np.linspace(0, len(stored) - 1, count)
        path = np.stack([np.interp(at, np.arange(len(stored)), stored[:, axis]) for axis in range(2)], -1)
        points = self._inside(path)
        if np.linalg.norm(np.diff(points, axis=0), axis=1).sum() < LEAST_SIDE:
            raise Passed("hardly any way left")
        return self._say("trace", count=count), Trace(points)

    def plan(self) -> tuple[str, Answer]:
        response, _, step = self._pick(PLANS[self.subtask])
        return self._say("plan"), Plan(response.format(**self.words), self._step(step))

    def thoughtful_plan(self) -> tuple[str, Answer]:
        response, thought, step = (text.format(**self.words) for text in self._pick(PLANS[self.subtask]))
        return self._say("thoughtful plan"), Plan(response, self._step(step), thought, "tags")

    def _step(self, text: str) -> Sentence:
        row = {"pick": self.target, "place": self.receptacle}.get(self.subtask)
        return Sentence(text.format(**self.words), () if row is None else ((self._box(row),),))

    def _point_at(self, row: int, pixel: np.ndarray) -> tuple[str, Answer]:
        u0, v0, u1, v1 = self._box(row)
        ((u, v),) = self._inside(pixel)
        if not (u0 <= u <= u1 and v0 <= v <= v1) or not self._is_drawn(row, pixel):
            raise Passed("something else is drawn at the point")
        answer = Labelled(points=(Point(self.labels[row], (u, v)),))
        return self._say("point at a thing", thing=self._name(row)), answer

    def _is_drawn(self, row: int, pixel: np.ndarray) -> bool:
        """Whether the body is what the picture shows at a pixel, as far as is known."""
        if self.camera.mask is None:
            return True
        u, v = np.minimum(np.asarray(pixel, int), (self.camera.width - 1, self.camera.height - 1))
        return bool(self.camera.mask[self.frame, v, u] == row + 1)

    def _name(self, row: int) -> str:
        if self.labels.count(self.labels[row]) > 1:
            raise Passed("its name fits something else, too")
        return self.labels[row]

    def _box(self, row: int) -> XYXY:
        if self.camera.visibility[self.frame, row] < self.options.min_visibility:
            raise Passed("not visible enough")
        box = self.resize.to_seen(self.camera.boxes[self.frame, row])
        if not (box[2:] - box[:2] >= LEAST_SIDE).all():
            raise Passed("too small")
        u0, v0, u1, v1 = map(float, box)
        return u0, v0, u1, v1

    def _inside(self, pixels: np.ndarray) -> tuple[tuple[float, float], ...]:
        points = self.resize.to_seen(np.reshape(pixels, (-1, 2)))
        if not ((points >= 0) & (points <= self.resize.seen)).all():  # NaN, behind the camera, is not inside
            raise Passed("outside the picture")
        return tuple((float(u), float(v)) for u, v in points)

    def _say(self, ask: str, **words: str | int) -> str:
        return self._pick(WORDINGS[ask]).format(task=self._task(), **(self.words | words))

    def _task(self) -> str:
        texts = [self.episode.instruction, *self.episode.paraphrases]
        if not self.has_moved:
            return self._pick(texts)
        names = [self.words[key].lower() for key in ("thing", "goal")]
        named = [text for text in texts if all(name in text.lower() for name in names)]
        if not named and not self.grasps:
            raise Passed("no wording of the task still holds")
        return self._pick(named or ["put the {thing} {at} the {goal}".format(**self.words)])

    def _pick[T](self, options: list[T] | tuple[T, ...]) -> T:
        return options[int(self.rng.integers(len(options)))]
