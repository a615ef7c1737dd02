"""The twin's scene: table, a cube, a tray and two cameras around ``franky-sim``'s arm, in MuJoCo's terms.

Sizes, places and views are those of the simulated task ("cube_small", "tray", front and wrist camera), so that a log
can be replayed there. Runs in the twin's environment.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.bridge.twin.parameters import CameraParameters, TwinParameters

TABLE = (0.37, 0.0, 1.0, 0.9, 0.05)
"""Centre (x, y), size (x, y) and thickness of the table's top, whose surface is the plane z = 0 [m]."""
FLOOR_Z = -0.75
"""[m]"""
CUBE_EDGE, CUBE_MASS = 0.045, 0.058
"""Of "cube_small": 0.9 of 50 mm; its mass goes with the volume [m, kg]."""
TRAY = (0.15, 0.12, 0.006, 0.022)
"""Length, width, thickness of walls and floor, height [m]."""
TRAY_MASS = 0.5
"""[kg]"""
REGION = ((0.40, 0.60), (-0.17, 0.17))
"""Where things may stand: (x low, x high), (y low, y high) [m]."""
APART = 0.17
"""Least distance of cube and tray [m]: the hand fits between."""
COLORS = {"red": (0.80, 0.08, 0.08), "blue": (0.08, 0.20, 0.80)}
OBJECT, RECEPTACLE = "red cube", "blue tray"
INSTRUCTION = f"put the {OBJECT} in the {RECEPTACLE}"
CUBE, TRAY_BODY = "cube", "tray"
EYE, TARGET, FOCAL = (1.43, 0.0, 0.65), (0.48, 0.0, 0.0), 1.95
"""Of the front camera: position and the point that it looks at [m], focal length in image widths."""
WRIST_POSITION, WRIST_TILT, WRIST_FOCAL = (0.07, 0.0, 0.02), 0.35, 0.67
"""Of the wrist camera in the hand's frame: position [m], tilt toward the fingers [rad], focal length in widths."""


@dataclass(frozen=True)
class Placement:
    """Where the two things stand at the beginning of an episode."""

    cube: tuple[float, float, float]
    """x, y [m] and yaw [rad]."""
    tray: tuple[float, float, float]

    @classmethod
    def draw(cls, seed: int, index: int) -> Placement:
        """Of an episode, the same for ever: random numbers of its own, keyed by seed and index."""
        random = np.random.Generator(np.random.Philox(key=[seed, index]))
        (x0, x1), (y0, y1) = REGION
        while True:
            ax, bx = random.uniform(x0, x1, 2).tolist()
            ay, by = random.uniform(y0, y1, 2).tolist()
            if math.hypot(ax - bx, ay - by) >= APART:
                break
        turn = float(random.uniform(-math.pi / 4, math.pi / 4))
        return cls((ax, ay, turn), (bx, by, 0.0))


def furnish(sim: Any, parameters: TwinParameters) -> None:
    """Add everything to a ``MujocoSimulator`` that has its arm and was not started."""
    objects, view = parameters.objects, parameters.camera
    option = sim.scene.find("option")
    option = ET.SubElement(sim.scene, "option") if option is None else option
    # The defaults let what is held creep by 0.65 mm/s.
    option.set("cone", "elliptic")
    option.set("impratio", "10")
    _visuals(sim, view)
    world = sim.worldbody
    world.find("geom[@name='ground']").set(
        "pos", f"0 0 {FLOOR_Z}"
    )  # at 0 it would fight with the table's top
    x, y, length, width, thick = TABLE
    ET.SubElement(
        world, "geom", name="table", type="box", pos=f"{x} {y} {-thick / 2}",
        size=f"{length / 2} {width / 2} {thick / 2}", rgba=_rgba((0.55, 0.40, 0.25), view),
    )  # fmt: skip
    edge = CUBE_EDGE * objects.size
    friction = f"{objects.friction} 0.005 0.0001"
    cube = ET.SubElement(world, "body", name=CUBE, pos=f"0.5 0.1 {edge / 2}")
    ET.SubElement(cube, "freejoint", name=f"{CUBE}_joint")
    ET.SubElement(
        cube, "geom", type="box", size=" ".join([str(edge / 2)] * 3), mass=str(CUBE_MASS * objects.mass),
        friction=friction, priority="1", condim="4", rgba=_rgba(COLORS["red"], view),
    )  # fmt: skip
    tray = ET.SubElement(world, "body", name=TRAY_BODY, pos=f"0.5 -0.1 {TRAY[3] / 2}")
    ET.SubElement(tray, "freejoint", name=f"{TRAY_BODY}_joint")
    for k, (position, size) in enumerate(_tray_boxes()):
        ET.SubElement(
            tray, "geom", name=f"tray_{k}", type="box", pos=" ".join(map(str, position)),
            size=" ".join(str(s / 2) for s in size), mass=str(TRAY_MASS / 5), friction=friction, priority="1",
            rgba=_rgba(COLORS["blue"], view),
        )  # fmt: skip
    _cameras(sim, view)


def tray_holds(cube: np.ndarray, tray: np.ndarray, size: float = 1.0) -> bool:
    """Whether the cube at a pose ``[7]`` (x y z [m], quaternion w x y z) lies in the tray at another."""
    w, x, y, z = tray[3:]
    yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    dx, dy = cube[0] - tray[0], cube[1] - tray[1]
    along, across = math.cos(yaw) * dx + math.sin(yaw) * dy, -math.sin(yaw) * dx + math.cos(yaw) * dy
    inside = abs(along) < TRAY[0] / 2 - TRAY[2] and abs(across) < TRAY[1] / 2 - TRAY[2]
    floor = tray[2] - TRAY[3] / 2 + TRAY[2]
    return bool(inside and abs(cube[2] - floor - CUBE_EDGE * size / 2) < 0.008)


def _tray_boxes() -> list[tuple[tuple[float, float, float], tuple[float, float, float]]]:
    """Centre and size of the tray's floor and walls in the frame of its bounding box's centre [m]."""
    length, width, wall, height = TRAY
    low = wall / 2 - height / 2
    return [
        ((0.0, 0.0, low), (length, width, wall)),
        *(((0.0, s * (width - wall) / 2, 0.0), (length, wall, height)) for s in (-1, 1)),
        *(((s * (length - wall) / 2, 0.0, 0.0), (wall, width, height)) for s in (-1, 1)),
    ]


def _visuals(sim: Any, view: CameraParameters) -> None:
    visual = sim.scene.find("visual")
    # Software rendering takes a sixth of the time without shadows and multisampling.
    quality = visual.find("quality")
    quality.set("shadowsize", "0")
    quality.set("offsamples", "0")
    ET.SubElement(visual, "global", offwidth=str(max(640, view.size)), offheight=str(max(480, view.size)))
    for light in sim.worldbody.findall("light"):
        strength = [view.light * float(x) for x in light.get("diffuse", "0.5 0.5 0.5").split()]
        light.set("diffuse", " ".join(map(str, strength)))
        light.set("castshadow", "false")
    head = visual.find("headlight")
    head.set("diffuse", " ".join([str(0.45 * view.light)] * 3))
    head.set("ambient", " ".join([str(0.35 * view.light)] * 3))


def _cameras(sim: Any, view: CameraParameters) -> None:
    eye = np.array(EYE) + view.offset
    axes = _turned(look_at(np.array(EYE), np.array(TARGET)), np.array(view.turn))
    _camera(sim.worldbody, "front", eye, axes, FOCAL * view.focal)
    hand = next(body for body in sim.worldbody.iter("body") if body.get("name", "").endswith("hand"))
    _camera(hand, "wrist", np.array(WRIST_POSITION), wrist_axes(), WRIST_FOCAL)


def _camera(parent: ET.Element, name: str, position: np.ndarray, axes: np.ndarray, focal: float) -> None:
    """A camera whose OpenCV axes (x right, y down, z forward) are the columns of ``axes`` in its parent's frame."""
    right, up = axes[:, 0], -axes[:, 1]
    ET.SubElement(
        parent, "camera", name=name, pos=" ".join(map(str, position)),
        xyaxes=" ".join(map(str, (*right, *up))), fovy=str(math.degrees(2 * math.atan(0.5 / focal))),
    )  # fmt: skip


def look_at(eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Axes of an OpenCV camera at ``eye`` that looks at ``target``, image up = world up: columns ``[3, 3]``."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    return np.stack((right, np.cross(forward, right), forward), 1)


def wrist_axes() -> np.ndarray:
    """Axes of the wrist camera in the hand's frame: forward is its z, tilted to the fingers; down is its -x."""
    c, s = math.cos(-WRIST_TILT), math.sin(-WRIST_TILT)
    quarter = np.array(((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    return quarter @ np.array(((1.0, 0.0, 0.0), (0.0, c, -s), (0.0, s, c)))


def _turned(axes: np.ndarray, vector: np.ndarray) -> np.ndarray:
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return axes
    x, y, z = vector / angle
    k = np.array(((0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0)))
    return axes @ (np.eye(3) + math.sin(angle) * k + (1 - math.cos(angle)) * k @ k)


def _rgba(color: tuple[float, float, float], view: CameraParameters) -> str:
    mixed = [min(1.0, a * b) for a, b in zip(color, view.hue, strict=True)]
    return " ".join(map(str, (*mixed, 1.0)))
