"""What ``workbench calibrate`` does: fit, check, refine, draw; and what it says of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image
from rich.console import Console
from rich.table import Table

from robots.registry import robot
from tasks.tabletop.workspace import cameras_of
from workbench.bridge.twin.scene import look_at
from workbench.calibration.board import Board, Seen
from workbench.calibration.calibration import Calibration, factors, lens_factors, load, save
from workbench.calibration.captures import Capture, captures
from workbench.calibration.check import FITS, STALE, check
from workbench.calibration.fit import Fitted, calibrate
from workbench.calibration.hand_eye import FIXED, MOUNTS
from workbench.calibration.options import CalibrateOptions
from workbench.cli.options import OptionError
from workbench.runs.durable import write_atomically

FACTORS = "factors.yaml"
PRINT_DPI = 300
DEGREES = 180 / math.pi


def calibrate_camera(data: Path, options: CalibrateOptions, console: Console) -> dict[str, dict[str, Any]]:
    """Fit, say what was found, write it; gives factors of simulated cameras. OptionError for pictures of no use."""
    if options.mount not in MOUNTS:
        raise OptionError("mount= is missing: hand, for a camera on the hand; fixed, for one that stands")
    board = options.board()
    taken, views = _seen(captures(data, options.robot, options.camera), board, data, console)
    postures = np.stack([capture.base_from_tool for capture in taken])
    height, width = taken[0].picture.shape[:2]
    try:
        fitted = calibrate(options.mount, views, postures, (width, height), options.resamples, options.seed)
    except ValueError as problem:
        raise OptionError(f"{data}: {problem}") from None
    calibration = Calibration(
        options.camera,
        options.robot,
        fitted.hand_eye,
        fitted.lens,
        fitted.simulated,
        board,
        _measured(fitted),
    )
    _print(fitted, console)
    out = Path(options.out or data / f"{options.camera}.yaml")
    return write(calibration, out, console)


def write(calibration: Calibration, out: Path, console: Console) -> dict[str, dict[str, Any]]:
    """The calibration, and beside it the factors that simulated cameras take of it, which are returned."""
    save(calibration, out)
    model = robot(calibration.robot)
    front, wrist = cameras_of(model)
    stands = calibration.hand_eye.mount == FIXED
    spec = front if stands else wrist
    focal, width = spec.focal_px / spec.width, spec.width
    if stands:
        assert front.eye is not None
        assert front.target is not None
        eye = np.array(front.eye)
        content = factors(calibration, eye, look_at(eye, np.array(front.target)), focal, width)
    else:
        content = lens_factors(calibration, focal, width)
    beside = out.with_name(f"{out.stem}.{FACTORS}")
    header = f"# Simulated cameras with the {'place and ' if stands else ''}lens of {calibration.camera}\n"
    write_atomically(beside, header + yaml.safe_dump(content, sort_keys=False, default_flow_style=None))
    console.print(f"{out}; {beside}   (workbench eval dr={beside})", markup=False)
    return content


def check_calibration(file: Path, data: Path, options: CalibrateOptions, console: Console) -> bool:
    """Whether a calibration is not stale; says by how much the camera is off."""
    calibration = load(file)
    found_captures = captures(data, calibration.robot, calibration.camera)
    taken, views = _seen(found_captures, calibration.board, data, console)
    size = taken[0].picture.shape[1::-1]
    if tuple(size) != calibration.lens.size:
        raise OptionError(f"{data}: pictures are {size}, and {file} is of {calibration.lens.size} px")
    found = check(calibration, views, np.stack([c.base_from_tool for c in taken]), options.tolerance)
    x, y, z = (1000 * value for value in found.offset)
    said = {FITS: "it fits", STALE: "it is stale: calibrate again"}.get(
        found.verdict, "this cannot tell: add pictures"
    )
    console.print(
        f"{file}: the camera is {1000 * found.distance_m:.1f} ± {1000 * found.half_width_m:.1f} mm from where it says "
        f"(right {x:+.1f}, down {y:+.1f}, forward {z:+.1f}) and turned by {found.turn_rad * DEGREES:.2f} degrees; "
        f"corners lie {found.corner_px:.1f} px off; {1000 * options.tolerance:g} mm are allowed: {said}",
        markup=False,
    )
    return found.verdict != STALE


def refine(file: Path, data: Path, options: CalibrateOptions, console: Console) -> dict[str, dict[str, Any]]:
    """The camera's place again, from depth pictures of the robot; the factors of simulated cameras."""
    from robots.collision_geometry import collision_geometry
    from workbench.calibration.registration import Posed, depth_points, register
    from workbench.calibration.robot_surface import RobotSurface

    calibration = load(file)
    lens = calibration.lens
    surface = RobotSurface(collision_geometry(robot(calibration.robot)))
    u, v = (np.arange(n) + 0.5 for n in lens.size)
    rays = lens.rays(np.stack(np.meshgrid(u, v), -1))
    posed = []
    for capture in captures(data, calibration.robot, calibration.camera):
        if capture.depth is None or capture.joints is None:
            continue
        if capture.depth.shape[::-1] != lens.size:
            raise OptionError(
                f"{data}: {capture.name} has another size than the lens of {file}: {lens.size} px"
            )
        points, normals = surface.at(capture.joints)
        posed.append(Posed(depth_points(capture.depth, rays), capture.base_from_tool, points, normals))
    if not posed:
        raise OptionError(f"{data}: no line of captures.jsonl has both depth and joints")
    try:
        found = register(calibration.hand_eye, posed, seed=options.seed)
    except ValueError as problem:
        raise OptionError(f"{data}: {problem}") from None
    before, after = calibration.hand_eye.camera, found.hand_eye.camera
    console.print(
        f"the camera was moved by {1000 * np.linalg.norm(after[:3, 3] - before[:3, 3]):.1f} mm: the robot's points lie "
        f"{1000 * found.after_m:.1f} mm from its surface, where they lay {1000 * found.before_m:.1f} mm off; 95 % "
        f"interval ± {1000 * float(np.linalg.norm(found.half_widths[3:])):.1f} mm over postures",
        markup=False,
    )
    measured = dict(calibration.measured) | {
        "refined": {
            "surface_m": [found.before_m, found.after_m],
            "pairs": found.pairs,
            "half_widths": list(found.half_widths),
        }
    }
    out = Path(options.out or file.with_name(f"{file.stem}-refined.yaml"))
    return write(replace(calibration, hand_eye=found.hand_eye, measured=measured), out, console)


def draw_board(options: CalibrateOptions, console: Console) -> None:
    """The board as a picture that prints at its size."""
    if not options.to:
        raise OptionError("to= is missing: the picture to write, as board.png")
    board = options.board()
    per_square = round(board.square / 0.0254 * PRINT_DPI)
    dpi = per_square / board.square * 0.0254
    picture = Image.fromarray(board.drawing(per_square, per_square // 2))
    try:
        picture.save(options.to, dpi=(dpi, dpi))
    except (OSError, ValueError) as problem:
        raise OptionError(f"to={options.to} cannot be written: {problem}") from None
    console.print(
        f"{options.to}: print it at 100 %, glue it on something flat, measure a square: {1000 * board.square:g} mm?",
        markup=False,
    )


def _seen(
    found: Sequence[Capture], board: Board, data: Path, console: Console
) -> tuple[list[Capture], list[Seen]]:
    taken, views = [], []
    for capture in found:
        seen = board.find(capture.picture)
        if seen is None:
            console.print(f"{capture.name}: no board in it, or too little", markup=False)
            continue
        taken.append(capture)
        views.append(seen)
    if not views:
        raise OptionError(
            f"{data}: no picture shows a board of {board.columns} x {board.rows} squares with {board.dictionary}"
        )
    return taken, views


def _measured(fitted: Fitted) -> dict[str, Any]:
    return {
        "pictures": fitted.pictures,
        "lens_px": round(fitted.lens_px, 4),
        "simulated_lens_px": round(fitted.simulated_px, 4),
        "hand_eye_px": round(fitted.hand_eye_px, 4),
        "half_widths": {name: float(f"{x:.4g}") for name, x in fitted.half_widths.items()},
        "resamples": fitted.resamples,
        "widened": round(fitted.widened, 4),
    }


def _print(fitted: Fitted, console: Console) -> None:
    table = Table(box=None, padding=(0, 2), show_edge=False)
    for heading in ("", "estimate", "95 % interval", "unit"):
        table.add_column(heading)
    lens = fitted.lens
    values = dict(
        zip(
            ("focal_x", "focal_y", "centre_x", "centre_y", "k1", "k2", "p1", "p2"),
            (*lens.focal, *lens.centre, *lens.distortion),
            strict=True,
        )
    )
    for name, value in values.items():
        unit = "px" if name.startswith(("focal", "centre")) else "1"
        table.add_row(name, f"{value:.4g}", f"± {fitted.half_widths[name]:.2g}", unit)
    for name, value in zip(("x", "y", "z"), fitted.hand_eye.camera[:3, 3], strict=True):
        table.add_row(name, f"{value:.4f}", f"± {fitted.half_widths[name]:.2g} (own axis)", "m")
    turn = DEGREES * max(fitted.half_widths[f"turn_{axis}"] for axis in "xyz")
    table.add_row("turn", "", f"± {turn:.2g}, about the worst axis", "degrees")
    console.print(table)
    console.print(
        f"{fitted.pictures} pictures; corners are left {fitted.lens_px:.2f} px by the lens ({fitted.simulated_px:.2f} "
        f"by the simulated camera's simpler one), {fitted.hand_eye_px:.2f} px with the arm's postures",
        markup=False,
    )
