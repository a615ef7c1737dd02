"""What falls onto the table of a scene in mid-episode: a body that nobody can mistake for the named one."""

from __future__ import annotations

import zlib

from tasks.settings import stream
from tasks.tabletop.scene import COLORS, Scene
from tasks.tabletop.workspace import pool


def dropped(scene: Scene) -> tuple[str, str]:
    """Body and colour of what falls in this scene: always the same, and drawn anew with what stands on the table.

    It has another noun and another colour than the target, and shares both with nothing on the table, so that no
    name means two bodies because of it.
    """
    slots = pool()
    target = slots[scene.target.slot].body.noun
    used = {p.slot for p in scene.placements}
    named = {(p.color, slots[p.slot].body.noun) for p in scene.placements}
    choices = [
        (name, color)
        for name, slot in slots.items()
        if not slot.is_receptacle and name not in used and slot.body.noun != target
        for color in COLORS
        if color != scene.target.color and (color, slot.body.noun) not in named
    ]
    rng = stream(zlib.crc32(repr(scene.placements).encode()), "dropped")
    return choices[rng.integers(len(choices))]
