"""Things cut out of pictures, to be pasted into others: a picture with twenty things teaches more than one with six.

To tell shapes is what a vision tower that begins from nothing learns last, and a step costs the same however many
things it is asked about. A thing is cut out where it stands alone on the table: what differs from the colour around its
box is the thing (and some of its shadow, which belongs to it).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from workbench.data.episode import Body, DatasetEpisode
from workbench.training.augment import mirrored, resized
from workbench.training.frames import ArchiveFrames

SEEN_WHOLE = 0.95
"""Least visible share of a thing that is cut out."""
MARGIN = 3
"""What is cut out around a box [px]."""
LEAST_SIDE, MOST_SIDE = 8, 48
"""Sides of boxes that are cut out [px]."""
TABLE, THING = 14.0, 34.0
"""Distances from the table's colour below which a pixel is table and above which it is thing [of 255]."""
TRIES = 6
"""Places tried for each thing."""
LEAST_SCALE, MOST_SCALE = 0.85, 1.2
"""Of a thing as pasted against as it was cut out."""


@dataclass(frozen=True)
class Cutout:
    """A thing with some table around it."""

    picture: np.ndarray
    """``[h, w, 3]`` RGB uint8."""
    opacity: np.ndarray
    """``[h, w, 1]`` float32: 1 where the thing is."""
    box: np.ndarray
    """``[4]`` of the thing within it [px]."""
    label: str


def cut_out(frames: ArchiveFrames, view: str) -> list[Cutout]:
    """Every thing that stands alone and whole in an episode's first picture."""
    found = []
    for number, episode in enumerate(frames.episodes):
        camera = episode.cameras[view]
        picture = frames.picture(number, view, 0)
        height, width = picture.shape[:2]
        boxes = camera.boxes[0]
        for row, box in enumerate(boxes[: len(episode.bodies)]):
            if not camera.visibility[0, row] >= SEEN_WHOLE:
                continue
            u0, v0 = (int(x) for x in np.floor(box[:2]) - MARGIN)
            u1, v1 = (int(x) for x in np.ceil(box[2:]) + MARGIN)
            sides = box[2:] - box[:2]
            is_inside = u0 >= 0 and v0 >= 0 and u1 <= width and v1 <= height
            if not is_inside or sides.min() < LEAST_SIDE or sides.max() > MOST_SIDE:
                continue
            if overlapping(np.array([u0, v0, u1, v1]), np.delete(boxes, row, 0)).any():
                continue
            cut = picture[v0:v1, u0:u1]
            found.append(Cutout(cut, _opacity(cut), box - [u0, v0, u0, v0], episode.bodies[row].label))
    return found


def paste(
    picture: np.ndarray, boxes: np.ndarray, cutouts: list[Cutout], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """``picture`` with those of ``cutouts`` for which there was room, their boxes ``[n, 4]`` and labels.

    Things come to lie on nothing that stands in ``boxes`` ``[m, 4]`` already; a row of NaN is nowhere.
    """
    pasted, labels, taken = picture.copy(), [], [*boxes]
    placed: list[np.ndarray] = []
    height, width = picture.shape[:2]
    for cutout in cutouts:
        h, w = cutout.picture.shape[:2]
        if h > height or w > width:
            continue
        for _ in range(TRIES):
            u, v = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
            box = cutout.box + np.array([u, v, u, v])
            if not overlapping(box, np.array(taken).reshape(-1, 4)).any():
                under = pasted[v : v + h, u : u + w]
                mixed = cutout.opacity * cutout.picture + (1 - cutout.opacity) * under
                pasted[v : v + h, u : u + w] = (mixed + 0.5).astype(np.uint8)
                taken.append(box)
                placed.append(box)
                labels.append(cutout.label)
                break
    return pasted, np.array(placed, np.float32).reshape(-1, 4), labels


def crowded(
    episode: DatasetEpisode,
    view: str,
    frame: int,
    picture: np.ndarray,
    cutouts: list[Cutout],
    rng: np.random.Generator,
) -> tuple[DatasetEpisode, np.ndarray]:
    """An episode with more distractors in one camera's picture of one frame, and that picture."""
    camera = episode.cameras[view]
    pasted, boxes, labels = paste(picture, camera.boxes[frame], cutouts, rng)
    seen = np.ones((len(camera.boxes), len(labels)), camera.visibility.dtype)
    more = replace(
        camera,
        boxes=np.concatenate([camera.boxes, np.repeat(boxes[None], len(camera.boxes), 0)], 1),
        visibility=np.concatenate([camera.visibility, seen], 1),
    )
    bodies = tuple(Body("pasted", "distractor", label, (0.0, 0.0, 0.0)) for label in labels)
    cameras = {**episode.cameras, view: more}
    return replace(episode, bodies=(*episode.bodies, *bodies), cameras=cameras), pasted


def varied(cutout: Cutout, rng: np.random.Generator) -> Cutout:
    """The same thing a little larger or smaller, and every other time with left and right exchanged."""
    height, width = cutout.picture.shape[:2]
    scale = rng.uniform(LEAST_SCALE, MOST_SCALE)
    w, h = round(width * scale), round(height * scale)
    picture = resized(cutout.picture, w, h)
    opacity = resized((cutout.opacity[..., 0] * 255).astype(np.uint8), w, h)[..., None] / np.float32(255)
    box = cutout.box * np.array([w / width, h / height] * 2, np.float32)
    if rng.random() < 0.5:
        (picture, boxes), opacity = mirrored(picture, box[None]), opacity[:, ::-1]
        box = boxes[0]
    return Cutout(picture, opacity, box, cutout.label)


def overlapping(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of ``others`` ``[n, 4]`` share pixels with ``box`` ``[4]``; one of NaN does not."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    return (high > low).all(1)


def _opacity(cut: np.ndarray) -> np.ndarray:
    rim = np.ones(cut.shape[:2], bool)
    rim[MARGIN - 1 : 1 - MARGIN, MARGIN - 1 : 1 - MARGIN] = False
    apart = np.abs(cut.astype(np.float32) - np.median(cut[rim], 0)).max(-1, keepdims=True)
    return np.clip((apart - TABLE) / (THING - TABLE), 0, 1)
