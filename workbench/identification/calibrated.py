"""A posterior as a factor set: ``calibrated.yaml`` for ``dr=``, with the rule by which it is inflated.

Factors are fewer than parameters: one gain scales stiffness and damping of all joints, one number the armature. A range
is therefore the hull of what all joints have, of their 90 % intervals at dt and without a step, discrepancy included,
and half as wide again about its middle. It is effective for MuJoCo at this step; on another engine it is a guess with
reasons, which evaluation there has to confirm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from domain_rand.factor import REGISTRY
from domain_rand.sets import load_set
from robots.protocol import RobotModel
from tasks.tabletop.action_spaces import CONTROL_HZ
from tasks.tabletop.reference import REFERENCE
from workbench.identification.identify import Identified
from workbench.runs.durable import write_atomically

INFLATION = 1.5
"""Factor of every half width."""
LEVEL = 0.9
ALONE = "it has no factor of its own"
FACTORS = {
    "stiffness": ("control.arm_gain",),
    "armature": ("dynamics.armature",),
    "friction": ("dynamics.joint_friction",),
    "viscous": ("dynamics.joint_damping",),
    "link_mass": ("dynamics.link_mass",),
    "payload": ("dynamics.payload_error",),
    "encoder_bias": ("control.encoder_bias",),
    "delay": ("control.action_delay",),
}
"""Kind of parameter -> the catalogue's factors that stand for it."""

Range = tuple[float, float]


def calibrated(found: Identified, model: RobotModel) -> tuple[dict[str, Any], list[str]]:
    """The set's content, and what of the posterior it does not hold, in sentences.

    Args:
        found: what was identified.
        model: the robot that it is of.
    """
    ranges = _hulls(found)
    content: dict[str, Any] = {}
    left: list[str] = []
    drives = model.arm_drives
    # Factors are stated for the reference arm: torques by the stiffness of its drives, masses by its size.
    softer = drives.stiffness[0] / REFERENCE.arm_drives.stiffness[0]
    heavier = model.workspace.scale**3
    own = {"stiffness": np.array(drives.stiffness), "armature": np.array(drives.armature)}

    def whole(kind: str, change: Callable[[int, float], float]) -> Range | None:
        """The hull of a kind's parameters in the factor's unit; None where the logs tell none of them."""
        parts = [
            (change(p.joints[0] if p.joints else 0, a), change(p.joints[0] if p.joints else 0, b))
            for p, (a, b) in ranges.items()
            if p.kind.name == kind and p.name in told
        ]
        return (min(a for a, _ in parts), max(b for _, b in parts)) if parts else None

    told = {name for name, is_told in zip(found.parameters.names, found.told.told, strict=True) if is_told}
    for factor, kind, change in (
        ("control.arm_gain", "stiffness", lambda j, v: v / own["stiffness"][j]),
        ("dynamics.armature", "armature", lambda j, v: v / own["armature"][j]),
        ("dynamics.joint_damping", "viscous", lambda _, v: v / softer),
        ("dynamics.link_mass", "link_mass", lambda _, v: v),
        ("dynamics.payload_error", "payload", lambda _, v: v / heavier),
        ("control.encoder_bias", "encoder_bias", lambda _, v: v),
    ):
        if (hull := whole(kind, change)) is not None:
            content[factor] = _within(factor, _inflated(hull, kind in ("stiffness", "armature", "link_mass")))
    if (hull := whole("friction", lambda _, v: v / softer)) is not None:
        low, high = _inflated(hull, False)
        low = max(low, 0.0)
        content["dynamics.joint_friction"] = _within("dynamics.joint_friction", (low, low))
        content["dynamics.joint_friction_each"] = _within("dynamics.joint_friction_each", (0.0, high - low))
    if (hull := whole("delay", lambda _, v: v * CONTROL_HZ)) is not None:
        low, high = _inflated(hull, False)
        content["control.action_delay"] = _steps(low, high)
        left.append(
            f"delay: {hull[0] / CONTROL_HZ * 1000:.1f} to {hull[1] / CONTROL_HZ * 1000:.1f} ms, rounded outward to "
            "whole control steps, which is what control.action_delay takes"
        )
    damping = [
        (a / drives.damping[p.joints[0]], b / drives.damping[p.joints[0]])
        for p, (a, b) in ranges.items()
        if p.kind.name == "damping" and p.name in told
    ]
    if damping:
        low, high = min(a for a, _ in damping), max(b for _, b in damping)
        left.append(
            f"damping: {low:.2f} to {high:.2f} of nominal; {ALONE}: control.arm_gain scales it with stiffness"
        )
    for kind in dict.fromkeys(p.kind.name for p in found.parameters.parameters):
        unknown = [p.name for p in found.parameters.parameters if p.kind.name == kind and p.name not in told]
        if not unknown:
            continue
        known = any(p.kind.name == kind and p.name in told for p in found.parameters.parameters)
        kept = [] if known else [f for f in FACTORS.get(kind, ()) if f not in content]
        content |= dict.fromkeys(kept, "default")
        then = (
            f"{', '.join(kept)} keeps its default range"
            if kept
            else "the others stand for them"
            if known
            else ALONE
        )
        left.append(f"{', '.join(unknown)}: not told by these logs; {then}")
    return content, left


def _hulls(found: Identified) -> dict[Any, Range]:
    """Each parameter's 90 % interval in its own unit: at dt, and without a step where that is known."""
    intervals = [found.coarse.posterior.interval(LEVEL)]
    if found.discrepancy is not None:
        intervals.append(found.discrepancy.interval(LEVEL))
    low = np.min([a for a, _ in intervals], axis=0)
    high = np.max([b for _, b in intervals], axis=0)
    a, b = found.parameters.physical(np.stack((low, high)))
    return {p: (float(a[k]), float(b[k])) for k, p in enumerate(found.parameters.parameters)}


def _inflated(hull: Range, logarithmic: bool) -> Range:
    if logarithmic:
        low, high = _inflated((math.log(hull[0]), math.log(hull[1])), False)
        return math.exp(low), math.exp(high)
    middle, half = (hull[0] + hull[1]) / 2, (hull[1] - hull[0]) / 2
    return middle - INFLATION * half, middle + INFLATION * half


def _within(factor: str, hull: Range) -> dict[str, float]:
    legal: Any = REGISTRY[factor].legal or REGISTRY[factor].default
    low, high = (min(max(x, legal.lo), legal.hi) for x in hull)
    return {"lo": float(f"{low:.6g}"), "hi": float(f"{high:.6g}")}


def _steps(low: float, high: float) -> dict[str, int]:
    legal: Any = REGISTRY["control.action_delay"].legal
    return {
        "lo": min(max(math.floor(low), legal.lo), legal.hi),
        "hi": min(max(math.ceil(high), legal.lo), legal.hi),
    }


def write_calibrated(found: Identified, model: RobotModel, path: Path, sources: list[str]) -> list[str]:
    """Write the set; returns what it does not hold. It is read back as ``dr=`` reads it before it counts."""
    content, left = calibrated(found, model)
    lines = [
        f"# What logs say of {model.spec.name}, as a factor set. From: {', '.join(sources)}",
        f"# Each range is the hull over joints of the {100 * LEVEL:.0f} % intervals of the effective parameters of "
        f"MuJoCo at {1000 * found.coarse.dt:g} ms",
        f"# and without a step, discrepancy included, widened by {INFLATION:g} about its middle.",
        *(f"# Not held: {line}" for line in left),
        "",
        *(
            f"{n}: {r if r == 'default' else f'{{lo: {r["lo"]:.6g}, hi: {r["hi"]:.6g}}}'}"
            for n, r in content.items()
        ),
    ]
    write_atomically(path, "\n".join(lines) + "\n")
    load_set(str(path))
    return left
