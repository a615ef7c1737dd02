"""A frame's picture with its annotations drawn over it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from workbench.data.episode import CameraFrames
from workbench.data.pictures import decode

BOXES = ("#00e676", "#18ffff", "#9e9e9e")
"""Colours of the object's box, the receptacle's, and others'."""
TRACE, GRASP, PLACE = "#ffab00", "#ff1744", "#e040fb"


def annotated(camera: CameraFrames, frame: int, scale: int = 2) -> Image.Image:
    """The picture of a frame, ``scale`` times as large, with boxes, grasp and placement points, and trace."""
    size = (camera.width * scale, camera.height * scale)
    picture = Image.fromarray(decode(camera.jpeg[frame])).resize(size)
    pen = ImageDraw.Draw(picture)
    for k, box in enumerate(camera.boxes[frame]):
        if np.isfinite(box).all():
            pen.rectangle([float(x) * scale for x in box], outline=BOXES[min(k, 2)], width=2)
    trace = [tuple(scale * point) for point in camera.trace[frame] if np.isfinite(point).all()]
    if len(trace) > 1:
        pen.line(trace, fill=TRACE, width=2)
    for uv, color in ((camera.grasp[frame], GRASP), (camera.place[frame], PLACE)):
        if np.isfinite(uv).all():
            u, v = (float(x) * scale for x in uv)
            pen.ellipse((u - 4, v - 4, u + 4, v + 4), outline=color, width=3)
    return picture
