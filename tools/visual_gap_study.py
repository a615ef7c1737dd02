"""How well `workbench gap visual` tells what was planted, and how often its intervals hold it: a table in markdown.

    python -m tools.visual_gap_study 20

Drawn pictures (144 x 144, 4 pairs, JPEG at 92) of a camera that is off by 1 cm and 0.6 degrees in each coordinate and
1 % in focal length, with gains from 0.7 to 1.3, noise and blur, all drawn anew for each; and as many without any gap.
"""

from __future__ import annotations

import sys

import numpy as np

from workbench.visual_gap.camera_fit import PARAMETERS, projected
from workbench.visual_gap.findings import findings
from workbench.visual_gap.measures import CameraGap, measure
from workbench.visual_gap.synthetic import COLORS, NO_ERROR, axes_of, pairs


def main(draws: int) -> None:
    """Print the table."""
    rows: dict[str, list[tuple[float, bool]]] = {}
    pixels, alarms, measures = [], 0, 0
    for seed in range(draws):
        random = np.random.default_rng(seed)
        camera = np.concatenate((random.normal(0, 0.01, 7), (0.0,)))
        gain = tuple(random.uniform(0.7, 1.3) * random.uniform(0.9, 1.1, 3))
        read, shot = random.uniform(0.003, 0.01), random.uniform(0.01, 0.03)
        blur = random.uniform(0.5, 1.5)
        one = pairs(camera, gain=gain, read=read, shot=shot, blur=blur, seed=seed)
        found = measure(one, seed=seed)
        for name, error, held in _errors(found, camera, np.array(gain), read, shot, blur):
            rows.setdefault(name, []).append((error, held))
        pixels.append(_pixels(found, camera, one.intrinsics))
        none = findings(measure(pairs(read=0.001, seed=seed), seed=seed), COLORS)
        alarms += sum(f.differs for f in none)
        measures += len(none)
    print("| measure | error, median | at worst | intervals at 95 % that hold it |")
    print("|---|---|---|---|")
    for name, told in rows.items():
        errors = [abs(e) for e, _ in told]
        print(
            f"| {name} | {np.median(errors):.3g} | {max(errors):.3g} | {sum(h for _, h in told)} of {len(told)} |"
        )
    print(
        f"| pixels of points on the table and 20 cm above [px] | {np.median(pixels):.2g} | {max(pixels):.2g} | |"
    )
    print(f"\nWithout a gap: {alarms} of {measures} measures are said to differ.")


def _errors(
    gap: CameraGap, camera: np.ndarray, gain: np.ndarray, read: float, shot: float, blur: float
) -> list[tuple[str, float, bool]]:
    """Name, error and whether the interval holds the truth, of every measure."""
    fit, color, noise, sharp = gap.fit, gap.color, gap.noise, gap.sharpness
    assert fit is not None, gap.reasons
    assert color is not None, gap.reasons
    assert noise is not None, gap.reasons
    assert sharp is not None, gap.reasons
    units = {"x": "place [m]", "y": "place [m]", "z": "place [m]", "focal": "focal length [1]"}
    made = [
        (
            units.get(name, "turn [rad]"),
            fit.values[k] - camera[k],
            bool(fit.low[k] <= camera[k] <= fit.high[k]),
        )
        for k, name in enumerate(PARAMETERS[:7])
    ]
    made += [
        (
            "gain of a channel [1]",
            color.gain[c] - gain[c],
            bool(color.gain_low[c] <= gain[c] <= color.gain_high[c]),
        )
        for c in range(3)
    ]
    middle = np.hypot(noise.read, noise.shot * 0.2**0.5) / np.hypot(read, shot * 0.2**0.5) - 1
    made.append(("noise of a middle tone, as a share of it [1]", middle, abs(middle) < 0.25))
    for name, value, ends, truth in (
        ("read noise [full scale]", noise.read, noise.read_interval, read),
        ("shot noise [full scale]", noise.shot, noise.shot_interval, shot),
        ("blur [px]", sharp.blur, sharp.interval, blur),
    ):
        made.append((name, value - truth, ends[0] <= truth <= ends[1]))
    return [(name, float(error), bool(held)) for name, error, held in made]


def _pixels(gap: CameraGap, camera: np.ndarray, k: np.ndarray) -> float:
    """How far apart the found and the true camera see points within the view, at worst [px]."""
    assert gap.fit is not None
    points = np.array([(x, y, z) for x in (-0.2, 0.2) for y in (-0.2, 0.2) for z in (1.0, 1.2)])
    # Along the base's axes, as the camera sees them.
    axes = np.broadcast_to(axes_of(NO_ERROR).T, (len(points), 3, 3))
    seen, true = (projected(points, v, k, axes) for v in (gap.fit.values, camera))
    return float(np.abs(seen - true).max())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
