"""What an episode of the archive says of one of its frames: task, hand, boxes, and the places that acting needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from policy.answers import XYXY, PickPlace
from policy.grounding import GRASP, PLACE
from policy.m1.config import CONTACT, PATH
from policy.m1.prompt import measured_hand
from policy.smart_resize import Resize
from workbench.data.episode import DatasetEpisode
from workbench.data.qa.options import QaOptions
from workbench.data.qa.questions import LEAST_SIDE
from workbench.training.attempts import failed_attempt_until
from workbench.training.frames import color_and_shape

if TYPE_CHECKING:
    from workbench.training.imported_frames import ImportedDemonstration


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
    is_of_failed_attempt = int(episode.frame_steps[frame]) < failed_attempt_until(episode)
    found: list[tuple[float, float] | None] = []
    for i, slot in enumerate(slots):
        seen = resize.to_seen(next(known[slot]))
        if is_of_failed_attempt and slot == PATH and PATH in slots[:i]:
            seen = np.full(2, np.nan)
        u, v = seen.clip(0, side) if slot == PATH else seen
        # NaN, behind the camera, is not inside.
        found.append((float(u), float(v)) if 0 <= u <= side and 0 <= v <= side else None)
    return tuple(found)


def hand_at(episode: DatasetEpisode | ImportedDemonstration, frame: int) -> tuple[float, ...]:
    """What the robot measured of its hand when a frame was shown (`policy.m1.prompt.measured_hand`)."""
    step = int(episode.frame_steps[frame])
    pose = torch.from_numpy(episode.measured_ee_pose[step][None]).float()
    width = torch.tensor([float(episode.measured_gripper_width[step])])
    return tuple(measured_hand(pose, width)[0].tolist())


def worded(
    episode: DatasetEpisode | ImportedDemonstration, paraphrases: float, rng: np.random.Generator
) -> str:
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
