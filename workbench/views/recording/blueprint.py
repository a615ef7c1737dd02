"""How the viewer opens: space and both cameras above, the story and the numbers below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import rerun.blueprint as rrb

from workbench.rollout.trajectory import CameraTrack, Trajectory
from workbench.views.recording.description import PAGE
from workbench.views.recording.episode_log import EPISODE_TIME
from workbench.views.recording.scene import CAMERAS, WORLD
from workbench.views.recording.signals import MEASURES, action_groups, action_path

EYE = (0.32, -1.36, 0.9)
"""Where the 3-D view looks from: beside the table, the robot on the left, the front camera on the right [m]."""
LOOK_AT = (0.58, 0.0, 0.3)
"""[m]"""


def blueprint(trajectories: Sequence[Trajectory]) -> rrb.Blueprint:
    """One layout for all episodes of a file, with a view for every camera and action unit that any of them has."""
    cameras = {name: camera for t in trajectories for name, camera in t.cameras.items()}
    groups = {
        u: [t.action_channels[i] for i in g]
        for t in trajectories
        for u, g in action_groups(t.action_channels).items()
    }
    images = [_camera_view(name, camera) for name, camera in cameras.items()]
    plots = [
        rrb.TimeSeriesView(
            name="distances and gripper [m]", origin=MEASURES, plot_legend=rrb.Corner2D.RightTop
        )
    ]
    plots += [
        rrb.TimeSeriesView(
            name=_title(unit, channels), origin=action_path(unit), plot_legend=rrb.Corner2D.RightTop
        )
        for unit, channels in groups.items()
    ]
    page = rrb.TextDocumentView(name="episode", origin=PAGE)
    return rrb.Blueprint(
        rrb.Vertical(
            rrb.Horizontal(_space_view(cameras), *images, column_shares=[1.3, *[1.0] * len(images)]),
            rrb.Horizontal(page, *plots, column_shares=[1.3, *[1.0] * len(plots)]),
            row_shares=[1.5, 1.0],
        ),
        rrb.BlueprintPanel(state="expanded"),  # it holds the list of episodes
        rrb.SelectionPanel(state="collapsed"),
        rrb.TimePanel(state="collapsed", timeline=EPISODE_TIME),
        auto_views=False,
        auto_layout=False,
    )


def _title(unit: str, channels: Sequence[str]) -> str:
    if len(channels) == 1:
        return f"action {channels[0]}"
    return f"actions [{unit}]" if unit else "actions"


def _space_view(cameras: Iterable[str]) -> rrb.Spatial3DView:
    # Overlays belong to the images; in space they would only hide the small pictures at the cameras.
    overlays = [
        f"- {CAMERAS}/{name}/{kind}/**" for name in cameras for kind in ("predicted", "true", "executed")
    ]
    return rrb.Spatial3DView(
        name="space",
        origin=WORLD,
        contents=["+ $origin/**", *overlays],
        background=[32, 34, 38],
        line_grid=False,
        eye_controls=rrb.EyeControls3D(
            kind=rrb.Eye3DKind.Orbital, position=EYE, look_target=LOOK_AT, eye_up=(0, 0, 1)
        ),
    )


def _camera_view(name: str, camera: CameraTrack) -> rrb.Spatial2DView:
    return rrb.Spatial2DView(
        name=f"{name} camera",
        origin=f"{CAMERAS}/{name}",
        contents="$origin/**",
        visual_bounds=rrb.VisualBounds2D(x_range=[0, camera.width], y_range=[0, camera.height]),
    )
