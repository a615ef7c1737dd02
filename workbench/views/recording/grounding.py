"""What a policy claimed and what was true, over the images of the camera that the claim is about.

A claim belongs to the image it was made from. A camera that stands still keeps showing it until the next decision,
also one that claims nothing; on a moving camera it is shown with that one image and then goes, since the scene has
moved away under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import rerun as rr

from policy.grounding import Grounding
from workbench.rollout.trajectory import CameraTrack, Trajectory
from workbench.views.recording import palette
from workbench.views.recording.episode_log import EpisodeLog
from workbench.views.recording.scene import CAMERAS, is_fixed

Claims = Sequence[tuple[int, Grounding | None]]

NAME_ABOVE = 0.075
"""How far above a true box its name hangs, in image heights."""
NAME_BESIDE = np.array([0.1, -0.035])
"""Where a predicted point's name stands from it, in image widths and heights."""


def log_grounding(log: EpisodeLog, trajectory: Trajectory, camera_name: str) -> None:
    """Predicted and true boxes, points and traces of one camera; nothing for a camera that no claim is about."""
    camera = trajectory.cameras[camera_name]
    silent = [(step, None) for step, grounding in trajectory.decisions if grounding is None]
    # What was true of a claim goes with it.
    true = sorted([*trajectory.true_grounding, *silent], key=lambda claim: claim[0])
    for kind, claims in (("true", true), ("predicted", trajectory.decisions)):
        shown = claims_shown(camera_name, camera, claims, trajectory.frame_steps)
        if any(grounding is not None for _, grounding in shown):
            _log_claims(log, f"{CAMERAS}/{camera_name}/{kind}", shown, camera, predicted=kind == "predicted")


def claims_shown(
    name: str, camera: CameraTrack, claims: Claims, frame_steps: np.ndarray
) -> list[tuple[int, Grounding | None]]:
    """The claims about one camera, in its pixels, and None from when there is none to show."""
    fixed = is_fixed(camera)
    own = {step for step, grounding in claims if grounding is not None and grounding.camera == name}
    # One about another camera at the same instant takes nothing away.
    claims = [c for c in claims if c[0] not in own or (c[1] is not None and c[1].camera == name)]
    shown: list[tuple[int, Grounding | None]] = []
    for i, (step, grounding) in enumerate(claims):
        if grounding is None or grounding.camera != name:
            shown.append((step, None))
            continue
        shown.append((step, grounding.resized(camera.width, camera.height)))
        later = frame_steps[frame_steps > step]
        if not fixed and len(later) and (i + 1 == len(claims) or later[0] < claims[i + 1][0]):
            shown.append((int(later[0]), None))
    return shown


def _log_claims(log: EpisodeLog, path: str, claims: Claims, camera: CameraTrack, predicted: bool) -> None:
    color = palette.PREDICTED if predicted else palette.TRUE
    order = 30.0 if predicted else 20.0
    instants = [step for step, _ in claims]
    size = np.array([camera.width, camera.height])

    boxes = [grounding.boxes if grounding else () for _, grounding in claims]
    counts = [len(row) for row in boxes]
    corners = np.array([box.xyxy for row in boxes for box in row], np.float64).reshape(-1, 4)
    centers, half_sizes = (corners[:, :2] + corners[:, 2:]) / 2, (corners[:, 2:] - corners[:, :2]) / 2
    labels = [box.label for row in boxes for box in row]
    style: dict[str, Any] = {
        "colors": [color],
        "radii": [-1.5],
        "draw_order": order,
        "show_labels": predicted,
    }
    log.static(f"{path}/boxes", rr.Boxes2D.from_fields(**style))
    columns = rr.Boxes2D.columns(centers=centers, half_sizes=half_sizes, labels=labels)
    log.rows(f"{path}/boxes", instants, columns.partition(counts))
    if not predicted:
        above = centers - half_sizes * [0, 1] - size * [0, NAME_ABOVE]
        _log_names(
            log, f"{path}/box_names", instants, above, [f"{label} (true)" for label in labels], counts, color
        )

    points = [grounding.points if grounding else () for _, grounding in claims]
    counts = [len(row) for row in points]
    places = np.array([point.uv for row in points for point in row], np.float64).reshape(-1, 2)
    labels = [point.label for row in points for point in row]
    style = {"colors": [color], "radii": [-5.0], "draw_order": order + 2, "show_labels": False}
    log.static(f"{path}/points", rr.Points2D.from_fields(**style))
    columns = rr.Points2D.columns(positions=places, labels=labels)
    log.rows(f"{path}/points", instants, columns.partition(counts))
    if predicted:
        beside = places + size * NAME_BESIDE
        _log_names(log, f"{path}/point_names", instants, beside, labels, counts, color)

    traces = [[grounding.trace] if grounding and len(grounding.trace) > 1 else [] for _, grounding in claims]
    style = {"colors": [color], "radii": [-1.5], "draw_order": order + 1}
    log.static(f"{path}/trace", rr.LineStrips2D.from_fields(**style))
    columns = rr.LineStrips2D.columns(strips=[np.array(trace) for row in traces for trace in row])
    log.rows(f"{path}/trace", instants, columns.partition([len(row) for row in traces]))


def _log_names(
    log: EpisodeLog,
    path: str,
    instants: Sequence[int],
    places: np.ndarray,
    names: Sequence[str],
    counts: Sequence[int],
    color: palette.Rgba,
) -> None:
    """Texts at pixels of our own choosing.

    The viewer writes labels below their box or point, where a good prediction's would hide the true one's, and a
    point's would hide its box's.
    """
    log.static(path, rr.Points2D.from_fields(colors=[color], radii=[0.0], show_labels=True))
    log.rows(path, instants, rr.Points2D.columns(positions=places, labels=names).partition(counts))
