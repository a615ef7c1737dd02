"""How true calibrations are: boards rendered through known cameras, in postures with known errors.

    .venv/bin/python -m tools.calibration_study [seeds] [resamples]

Each seed draws a camera, a lens, a board's place and 20 postures. Noise: 2 of 255 in each pixel, a lens's blur of
0.5 px; each posture is told with an error of 0.2 mm and 0.02 degrees (standard deviations a coordinate), a good arm's.
Prints errors against the truth, how often the 95 % intervals hold it, what `check` says of the same camera left alone
and moved by 5 mm, and what registration makes of a place that is off by 1 cm.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np

from robots.collision_geometry import collision_geometry
from robots.registry import robot
from workbench.bridge.twin.scene import look_at
from workbench.calibration.board import Board, Seen
from workbench.calibration.calibration import Calibration
from workbench.calibration.captures import tool_of
from workbench.calibration.check import check
from workbench.calibration.fit import Fitted, calibrate
from workbench.calibration.hand_eye import FIXED, HAND, HandEye
from workbench.calibration.lens import Lens
from workbench.calibration.poses import apart, from_six, inverse, matrix, to_six
from workbench.calibration.registration import Posed, depth_points, register
from workbench.calibration.robot_surface import RobotSurface
from workbench.calibration.synthetic import BoardRenderer, depth_picture

BOARD = Board()
SIZE = (640, 480)
PICTURES = 20
ARM_M, ARM_RAD = 0.0002, np.radians(0.02)
MOVED = 0.005


def draw(mount: str, random: np.random.Generator) -> tuple[Lens, HandEye]:
    """A camera, and the board's place."""
    focal = random.uniform(540, 700)
    lens = Lens(
        SIZE,
        (focal, focal * random.uniform(0.998, 1.002)),
        (320 + random.uniform(-6, 6), 240 + random.uniform(-6, 6)),
        (random.uniform(-0.1, 0.05), random.uniform(-0.02, 0.02), *random.uniform(-0.001, 0.001, 2).tolist()),
    )
    if mount == FIXED:
        eye = np.array((1.2, 0.0, 0.6)) + random.uniform(-0.1, 0.1, 3)
        camera = matrix(eye, look_at(eye, np.array((0.5, 0.0, 0.25)) + random.uniform(-0.05, 0.05, 3)))
        # The board's middle before the tool, its back to the hand.
        board = from_six(np.array((0.0, 0.0, 0.0, -0.14, -0.10, 0.04)) + random.normal(0, 0.02, 6))
    else:
        camera = from_six(np.array((-0.3, 0.0, 1.57, 0.07, 0.0, -0.08)) + random.normal(0, 0.02, 6))
        face_up = np.array(((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0)))
        board = matrix((0.40, -0.14, 0.0), face_up) @ from_six(random.normal(0, 0.02, 6))
    return lens, HandEye(mount, camera, board)


def posture(true: HandEye, random: np.random.Generator) -> np.ndarray:
    """``base_from_tool`` ``[4, 4]`` in which the camera sees the board from some side."""
    turn = random.normal(size=3) * np.array((1.0, 1.0, 0.6))
    turn *= np.radians(random.uniform(10, 32)) / np.linalg.norm(turn)
    distance = random.uniform(0.40, 0.65)
    middle = from_six(np.array((0.0, 0.0, 0.0, *(x / 2 for x in BOARD.size), 0.0)))
    sideways = random.uniform((-0.07, -0.05), (0.07, 0.05))
    wanted = from_six(np.array((*turn, *sideways, distance))) @ inverse(middle)
    if true.mount == FIXED:  # base_from_tool · tool_from_board = base_from_camera · camera_from_board
        return true.camera @ wanted @ inverse(true.board)
    return true.board @ inverse(wanted) @ inverse(true.camera)


def told(pose: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The posture as the arm tells it."""
    return pose @ from_six(np.concatenate((random.normal(0, ARM_RAD, 3), random.normal(0, ARM_M, 3))))


def take(
    true: HandEye, renderer: BoardRenderer, count: int, random: np.random.Generator
) -> tuple[list[Seen], np.ndarray]:
    """Views of the board, and the postures as told ``[N, 4, 4]``."""
    views: list[Seen] = []
    postures: list[np.ndarray] = []
    while len(views) < count:
        pose = posture(true, random)
        seen = BOARD.find(
            renderer.picture(inverse(true.base_from_camera(pose)) @ true.base_from_board(pose), random)
        )
        if seen is not None:
            views.append(seen)
            postures.append(told(pose, random))
    return views, np.stack(postures)


def moved(true: HandEye, random: np.random.Generator) -> HandEye:
    """The camera pushed by `MOVED` in some direction."""
    way = random.normal(size=3)
    way *= MOVED / np.linalg.norm(way)
    return HandEye(true.mount, true.camera @ from_six(np.array((0.0, 0.0, 0.0, *way))), true.board)


def coverage(fitted: Fitted, lens: Lens, true: HandEye) -> dict[str, bool]:
    """Number -> whether its interval holds the truth."""
    truth = dict(
        zip(("focal_x", "focal_y", "centre_x", "centre_y"), (*lens.focal, *lens.centre), strict=True)
    )
    said = dict(zip(truth, (*fitted.lens.focal, *fitted.lens.centre), strict=True))
    error = dict(zip(("turn_x", "turn_y", "turn_z", "x", "y", "z"),
                     to_six(inverse(fitted.hand_eye.camera) @ true.camera), strict=True))  # fmt: skip
    error |= {name: said[name] - truth[name] for name in truth}
    return {name: abs(value) <= fitted.half_widths[name] for name, value in error.items()}


def main() -> None:
    """Print the tables."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    resamples = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    for mount in (FIXED, HAND):
        print(
            f"camera {mount}: seed, focal [%], centre [px], place [mm], turn [deg], rms [px]; moved by 0, by 5 mm"
        )
        held: Counter[bool] = Counter()
        worst = np.zeros(4)
        verdicts: dict[str, Counter[str]] = {"0 mm": Counter(), "5 mm": Counter()}
        for seed in range(seeds):
            random = np.random.default_rng((seed, mount == HAND))
            lens, true = draw(mount, random)
            renderer = BoardRenderer(BOARD, lens)
            views, postures = take(true, renderer, PICTURES, random)
            fitted = calibrate(mount, views, postures, SIZE, resamples, seed)
            metres, radians = apart(fitted.hand_eye.camera, true.camera)
            focal = max(abs(a / b - 1) for a, b in zip(fitted.lens.focal, lens.focal, strict=True))
            centre = float(np.linalg.norm(np.subtract(fitted.lens.centre, lens.centre)))
            errors = np.array((100 * focal, centre, 1000 * metres, np.degrees(radians)))
            worst = np.maximum(worst, errors)
            held.update(coverage(fitted, lens, true).values())
            calibration = Calibration(
                "study", "franka", fitted.hand_eye, fitted.lens, fitted.simulated, BOARD,
                {"half_widths": fitted.half_widths},
            )  # fmt: skip
            said = []
            for name, now in (("0 mm", true), ("5 mm", moved(true, random))):
                found = check(calibration, *take(now, renderer, 1, random))
                verdicts[name][found.verdict] += 1
                said.append(
                    f"{1000 * found.distance_m:.2f} ± {1000 * found.half_width_m:.2f} {found.verdict}"
                )
            numbers = "  ".join(f"{x:.3f}" for x in errors)
            print(f"  {seed:3d}  {numbers}  {fitted.hand_eye_px:.2f}   {'   '.join(said)}", flush=True)
        print("  worst", "  ".join(f"{x:.3f}" for x in worst))
        print(f"  intervals that hold the truth: {held[True]} of {held.total()}")
        for name, counts in verdicts.items():
            print(f"  moved by {name}: {dict(counts)}")

    register_all(seeds)


def register_all(seeds: int) -> None:
    """Depth pictures of the Franka in five postures; the camera's place is off by 1 cm in some direction."""
    model = robot("franka")
    geometry = collision_geometry(model)
    truth, known = RobotSurface(geometry, 0.0015, seed=1), RobotSurface(geometry, 0.004, seed=2)
    lens = Lens(SIZE, (600.0, 600.0), (320.0, 240.0))
    rays = lens.rays(np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in SIZE)), -1))
    print(
        "registration: seed, place off before and after [mm], turn after [deg], 95 % [mm], points' distance [mm]"
    )
    for seed in range(seeds):
        random = np.random.default_rng((seed, 2))
        eye = np.array((1.3, 0.0, 0.6)) + random.uniform(-0.15, 0.15, 3)
        camera = matrix(eye, look_at(eye, np.array((0.3, 0.0, 0.3))))
        postures = []
        for _ in range(5):
            joints = np.array(model.spec.home) + random.uniform(-0.4, 0.4, len(model.spec.home))
            seen = depth_points(depth_picture(lens, camera, truth.at(joints)[0], random), rays)
            postures.append(Posed(seen, tool_of("franka", joints), *known.at(joints)))
        way = random.normal(size=3)
        start = HandEye(
            FIXED, camera @ from_six(np.array((0, 0, 0, *(0.01 * way / np.linalg.norm(way))))), np.eye(4)
        )
        found = register(start, postures, resamples=8)
        off, turn = apart(found.hand_eye.camera, camera)
        half = 1000 * np.linalg.norm(found.half_widths[3:])
        print(
            f"  {seed:3d}  10.00 -> {1000 * off:.2f}  {np.degrees(turn):.3f}  ± {half:.2f}  "
            f"{1000 * found.before_m:.1f} -> {1000 * found.after_m:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
