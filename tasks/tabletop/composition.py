"""How scenes are put together: which distractors make the instruction matter, and where everything stands.

Tasks compose their scenes of these parts. Every function takes its own random numbers, so that what one draws never
shifts what another does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.episode import EpisodeSpec
from tasks.language import Phrasing, SceneFacts, Thing, phrase
from tasks.registry import find
from tasks.shapes import OBJECTS, RECEPTACLES
from tasks.tabletop.scene import COLORS, Placement, Scene
from tasks.tabletop.workspace import CLEARANCE, OBJECT_REGION, SIZES, pool

if TYPE_CHECKING:
    from tasks.tabletop.held_out import HeldOut
    from tasks.tabletop.task import TaskSpec

MAX_DISTRACTORS = 4
_TRIES = 20_000


def draw_distractors(
    rng: np.random.Generator, shape: str, size: str, color: str, count: int, receptacle: str = ""
) -> list[str]:
    """Distractor objects as ``"color slot"``.

    The first shares the target's colour and not its shape, the second its shape and not its colour: neither word of
    the instruction alone finds the target. The rest are neither. None has the shape of the receptacle, where that is an
    object, too.
    """
    other_shapes = [s for s in OBJECTS if s not in (shape, receptacle.rpartition("_")[0])]
    other_colors = [c for c in COLORS if c != color]
    twin = f"{shape}_{next(s for s in SIZES if s != size)}"
    shapes = rng.permutation(other_shapes)
    slots = [f"{shapes[0]}_{rng.choice(list(SIZES))}", twin]
    slots += [f"{s}_{rng.choice(list(SIZES))}" for s in shapes[1 : MAX_DISTRACTORS - 1]]
    colors = [color, *rng.choice(other_colors, MAX_DISTRACTORS - 1)]
    return [f"{c} {s}" for c, s in zip(colors, slots, strict=True)][:count]


def draw_seen_distractors(
    held_out: HeldOut,
    rng: np.random.Generator,
    shape: str,
    size: str,
    color: str,
    count: int,
    receptacle: str = "",
) -> list[str]:
    """As `draw_distractors`, of objects that are not held out; the second has the target's shape, held out or not."""
    base = receptacle.rpartition("_")[0]
    others = [s for s in OBJECTS if s not in (shape, base, *held_out.shapes)]
    shapes = [str(s) for s in rng.permutation(others)]
    first = next(s for s in shapes if (color, s) not in held_out.pairs)
    shapes = [first, shape, *(s for s in shapes if s != first)][:MAX_DISTRACTORS]
    sizes = [str(rng.choice(list(SIZES))) for _ in shapes]
    sizes[1] = next(s for s in SIZES if s != size)
    colors = [color]
    for s in shapes[1:]:
        other = [c for c in COLORS if c != color and (s in held_out.shapes or (c, s) not in held_out.pairs)]
        colors.append(str(rng.choice(other)))
    return [f"{c} {s}_{z}" for c, s, z in zip(colors, shapes, sizes, strict=True)][:count]


def draw_other_receptacle(rng: np.random.Generator, kind: str, color: str) -> str:
    """A second receptacle as ``"color kind"`` of another kind, in the named colour half of the time; or ``none``."""
    other = str(rng.choice([k for k in RECEPTACLES if k != kind]))
    shown, same = rng.random(2)
    paint = color if same < 0.5 else str(rng.choice([c for c in COLORS if c != color]))
    return f"{paint} {other}" if shown < 0.5 else "none"


def draw_poses(rng: np.random.Generator, slots: Sequence[str], clearance: float = CLEARANCE) -> list[float]:
    """x, y [m] and yaw [rad] of each body in turn, apart from each other by ``clearance`` [m] (rejection sampling).

    Raises RuntimeError when no arrangement is found, which for the default pool does not happen.
    """
    bodies = pool()
    radius = np.array([bodies[name].radius for name in slots])
    low, high = np.array(OBJECT_REGION).T
    yaw = rng.uniform(-np.pi, np.pi, len(slots))
    for _ in range(_TRIES):
        placed: list[np.ndarray] = []
        for k in range(len(slots)):
            for _ in range(30):
                spot = rng.uniform(low, high)
                gaps = [np.hypot(*(spot - q)) - radius[k] - radius[i] for i, q in enumerate(placed)]
                if min(gaps, default=1.0) >= clearance:
                    placed.append(spot)
                    break
            else:
                break
        if len(placed) == len(slots):
            return [float(v) for xy, a in zip(placed, yaw, strict=True) for v in (*xy, a)]
    raise RuntimeError(f"no room on the table for {', '.join(slots)}")


def placed_names(values: Mapping[str, Any]) -> list[str]:
    """``"color slot"`` of target, receptacle and distractors, in the order of a scene's placements."""
    names = [
        f"{values['scene.target_color']} {values['scene.target_shape']}_{values['scene.target_size']}",
        f"{values['scene.receptacle_color']} {values['scene.receptacle']}",
        *values["scene.distractors"],
    ]
    other = values["scene.other_receptacle"]
    return names if other == "none" else [*names, other]


def placements(values: Mapping[str, Any]) -> list[Placement]:
    """Bodies as the values of the ``scene.*`` factors place them: target, receptacle, and the rest."""
    poses = np.asarray(values["scene.poses"]).reshape(-1, 3)
    return [
        Placement(slot=name.split(" ")[1], color=name.split(" ")[0], x=float(x), y=float(y), yaw=float(yaw))
        for name, (x, y, yaw) in zip(placed_names(values), poses, strict=True)
    ]


def composed(task: str, phrasing: type[Phrasing], values: Mapping[str, Any]) -> Scene:
    """The scene of a task that the values of ``scene.*`` describe, asked for as those of ``language.*`` say."""
    target, receptacle, *rest = placements(values)
    scene = Scene(target, receptacle, tuple(rest), task=task)
    asked = phrasing.of(values)
    return scene if asked == phrasing() else replace(scene, instruction=phrase(scene_facts(scene), asked))


def scene_facts(scene: Scene) -> SceneFacts:
    """What an instruction may build on."""
    target, receptacle, *others = map(thing, scene.placements)
    return SceneFacts(target, receptacle, tuple(others))


def thing(placed: Placement) -> Thing:
    """What language may know of a body."""
    slot = pool()[placed.slot]
    return Thing(
        slot.body.noun, placed.color, placed.x, placed.y, slot.radius, slot.height, slot.is_receptacle
    )


def random_scene(spec: EpisodeSpec, task: TaskSpec | None = None) -> Scene:
    """A scene with every choice drawn evenly: what the environment runs when nobody assigns one.

    It is one of the episode's task, unless another is given, so that names of one's own may be made up.
    """
    task = task or find(spec.task)
    values: dict[str, Any] = {}
    choices: dict[str, Sequence[Any]] = {
        "scene.target_shape": list(OBJECTS),
        "scene.target_size": list(SIZES),
        "scene.target_color": list(COLORS),
        "scene.receptacle": list(RECEPTACLES),
        "scene.receptacle_color": list(COLORS),
        "scene.distractor_count": list(range(2, MAX_DISTRACTORS + 1)),
    }
    for name, options in (choices | dict(task.choices)).items():
        values[name] = options[spec.generator(name).integers(len(options))]
    values["scene.distractors"] = draw_distractors(
        spec.generator("scene.distractors"),
        values["scene.target_shape"],
        values["scene.target_size"],
        values["scene.target_color"],
        values["scene.distractor_count"],
        values["scene.receptacle"],
    )
    values["scene.other_receptacle"] = draw_other_receptacle(
        spec.generator("scene.other_receptacle"), values["scene.receptacle"], values["scene.receptacle_color"]
    )
    slots_used = [name.split(" ")[1] for name in placed_names(values)]
    values["scene.poses"] = task.draw_poses(spec.generator("scene.poses"), slots_used, CLEARANCE)
    return task.compose(values)
