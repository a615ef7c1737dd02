"""What a policy claims about space: boxes, points and a trace, each in the pixels of one named image.

Pixels are continuous ``(u, v)`` from the image's top-left corner: u right, v down, so the centre of the first pixel
is (0.5, 0.5). A claim without its image and that image's size is meaningless once anything has been resized, so
`Grounding` carries both, and `resized` is the only way to move a claim to another size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Box:
    """An axis-aligned box, ``(u_min, v_min, u_max, v_max)`` in pixels."""

    label: str
    xyxy: tuple[float, float, float, float]

    def iou(self, other: Box) -> float:
        """Intersection over union with another box of the same image, in [0, 1]."""
        a, b = np.asarray(self.xyxy), np.asarray(other.xyxy)
        overlap = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0.0, None).prod()
        union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - overlap
        return float(overlap / union) if union > 0 else 0.0


@dataclass(frozen=True)
class Point:
    """A named point, ``(u, v)`` in pixels; labels in use: ``grasp``, ``contact`` of either finger, ``place``."""

    label: str
    uv: tuple[float, float]


@dataclass(frozen=True)
class Grounding:
    """Where a policy says it will act, as seen in one image."""

    camera: str
    """Name of the camera whose image the pixels belong to."""
    image_size: tuple[int, int]
    """(width, height) of that image [px]."""
    boxes: tuple[Box, ...] = ()
    points: tuple[Point, ...] = ()
    trace: tuple[tuple[float, float], ...] = ()
    """Future path of the end effector, ``(u, v)`` in order of time."""

    @property
    def is_finite(self) -> bool:
        """Whether every coordinate is a finite number, as a model's with a broken weight are not."""
        numbers = [*(x for b in self.boxes for x in b.xyxy), *(x for p in self.points for x in p.uv)]
        return bool(np.isfinite([*numbers, *(x for uv in self.trace for x in uv)]).all())

    def resized(self, width: int, height: int) -> Grounding:
        """The same claim in the pixels of the same image scaled to ``width`` x ``height``."""
        su, sv = width / self.image_size[0], height / self.image_size[1]
        return replace(
            self,
            image_size=(width, height),
            boxes=tuple(
                replace(b, xyxy=(b.xyxy[0] * su, b.xyxy[1] * sv, b.xyxy[2] * su, b.xyxy[3] * sv))
                for b in self.boxes
            ),
            points=tuple(replace(p, uv=(p.uv[0] * su, p.uv[1] * sv)) for p in self.points),
            trace=tuple((u * su, v * sv) for u, v in self.trace),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, pixels rounded to 1/100; `from_dict` is the inverse up to that rounding."""
        return {
            "camera": self.camera,
            "image_size": list(self.image_size),
            "boxes": [{"label": b.label, "xyxy": [round(float(x), 2) for x in b.xyxy]} for b in self.boxes],
            "points": [{"label": p.label, "uv": [round(float(x), 2) for x in p.uv]} for p in self.points],
            "trace": [[round(float(u), 2), round(float(v), 2)] for u, v in self.trace],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Grounding:
        """Inverse of `to_dict`."""
        return cls(
            camera=data["camera"],
            image_size=(int(data["image_size"][0]), int(data["image_size"][1])),
            boxes=tuple(Box(b["label"], tuple(b["xyxy"])) for b in data["boxes"]),
            points=tuple(Point(p["label"], tuple(p["uv"])) for p in data["points"]),
            trace=tuple((float(u), float(v)) for u, v in data["trace"]),
        )


TARGET, RECEPTACLE = "target", "receptacle"
"""Labels of boxes: what is to be moved, and where to."""
GRASP, PLACE = "grasp", "place"
"""Labels of points: where the hand is to close, and where to open."""
PLACES = {GRASP: TARGET, PLACE: RECEPTACLE}
"""Where the hand acts -> the thing that it acts on there."""
RIGHT_IOU = 0.5
"""Overlap from which a box counts as right."""


def claimed_place(claim: Grounding, label: str) -> tuple[float, float] | None:
    """Where a claim has the hand act: its point called ``label`` (`GRASP`, `PLACE`), else the middle of that box."""
    for point in claim.points:
        if point.label == label:
            return point.uv
    for box in claim.boxes:
        if box.label == PLACES[label]:
            u0, v0, u1, v1 = box.xyxy
            return (u0 + u1) / 2, (v0 + v1) / 2
    return None


def is_right(predicted: Grounding, true: Grounding) -> bool | None:
    """Whether a claim names the right things: every box overlaps the true one by half, or else every point is in it.

    None for a claim about neither target nor receptacle. Raises ValueError when the two speak of different images.
    """
    _same_image(predicted, true)
    judged = []
    for label, thing in PLACES.items():
        truth = next((b for b in true.boxes if b.label == thing), None)
        if truth is None:
            continue
        overlap, place = box_iou(predicted, true, thing), claimed_place(predicted, label)
        if overlap is not None:
            judged.append(overlap >= RIGHT_IOU)
        elif place is not None:
            u0, v0, u1, v1 = truth.xyxy
            judged.append(u0 <= place[0] <= u1 and v0 <= place[1] <= v1)
    return all(judged) if judged else None


def point_error_px(predicted: Grounding, true: Grounding, label: str) -> float | None:
    """Distance [px] between the points called ``label``; None where either claim lacks one.

    Raises ValueError when the two speak of different images.
    """
    _same_image(predicted, true)
    a = next((p.uv for p in predicted.points if p.label == label), None)
    b = next((p.uv for p in true.points if p.label == label), None)
    return None if a is None or b is None else float(np.hypot(a[0] - b[0], a[1] - b[1]))


def box_iou(predicted: Grounding, true: Grounding, label: str) -> float | None:
    """Intersection over union of the boxes called ``label``; None where either claim lacks one."""
    _same_image(predicted, true)
    a = next((b for b in predicted.boxes if b.label == label), None)
    b = next((b for b in true.boxes if b.label == label), None)
    return None if a is None or b is None else a.iou(b)


def _same_image(a: Grounding, b: Grounding) -> None:
    if (a.camera, a.image_size) != (b.camera, b.image_size):
        raise ValueError(
            f"groundings speak of different images: {a.camera} {a.image_size} and {b.camera} {b.image_size}"
        )
