"""Who acts: the contracts every policy meets, and the policies themselves. Imports no simulator."""

from policy.action import ActionChannel, ActionSpec, Normalisation
from policy.contract import Decision, Observation, Policy
from policy.grounding import Box, Grounding, Point, box_iou, point_error_px
from policy.observation_spec import CameraInput, ObservationOffer, ObservationSpec, StateInput

__all__ = [
    "ActionChannel",
    "ActionSpec",
    "Box",
    "CameraInput",
    "Decision",
    "Grounding",
    "Normalisation",
    "Observation",
    "ObservationOffer",
    "ObservationSpec",
    "Point",
    "Policy",
    "StateInput",
    "box_iou",
    "point_error_px",
]
