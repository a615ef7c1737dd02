"""Who acts: the contracts every policy meets, and the policies themselves. Imports no simulator."""

from policy.action import ActionChannel, ActionSpec, Normalisation
from policy.contract import Decision, Observation, Policy
from policy.grounding import Box, Grounding, Point, box_iou, point_error_px

__all__ = [
    "ActionChannel",
    "ActionSpec",
    "Box",
    "Decision",
    "Grounding",
    "Normalisation",
    "Observation",
    "Point",
    "Policy",
    "box_iou",
    "point_error_px",
]
