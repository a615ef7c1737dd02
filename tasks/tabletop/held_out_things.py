"""What the tasks that ship hold out: the same objects and looks in all, so that what one trains on spoils no other."""

from __future__ import annotations

from tasks.tabletop.held_out import HeldOut, Interval

HELD_OUT = HeldOut(
    shapes=("cone", "cross"),
    pairs=(
        ("red", "cube"),
        ("green", "cylinder"),
        ("blue", "l_block"),
        ("yellow", "dome"),
        ("purple", "cube"),
        ("orange", "cylinder"),
    ),
    wording={"language.paraphrase": (4, 7, 9), "language.verb": ("deposit", "transfer")},
    looks={
        "appearance.object_texture": ("stone",),
        "appearance.table_texture": ("checker", "cloth"),
        "appearance.background_texture": ("wood", "noise"),
        "appearance.light_intensity": Interval(0.5, 0.7),
    },
)
"""Two shapes, six pairs of a colour and a shape that are both seen otherwise; a question, an order in other words and a
statement, and two verbs; textures of each surface, and dim light (times nominal)."""
