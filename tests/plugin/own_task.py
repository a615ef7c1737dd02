"""A task in a package of its own: to put things into trays, and nowhere else."""

from dataclasses import replace

from tasks.pick_place.task import TASK as PICK_PLACE

TASK = replace(
    PICK_PLACE,
    name="fill_trays",
    help="put a named object in a named tray",
    choices={"scene.receptacle": ("tray",)},
)
