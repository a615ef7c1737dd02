"""All checks of an episode's `Evidence`, and which of them it lets be made. A pure function of one episode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from workbench.data.validation.checks import motion, projection, scene, tool
from workbench.data.validation.checks.evidence import Evidence, Finding


@dataclass(frozen=True)
class Check:
    """One thing that is asked of an episode."""

    name: str
    run: Callable[[Evidence], Iterator[Finding] | None]
    """What is wrong; None for an episode that does not hold what the check needs."""
    needs: str


CHECKS = (
    Check(tool.NORM, tool.quaternions, "tool rotations as quaternions"),
    Check(tool.POSE, tool.tool_poses, "joints and tool poses of a known arm"),
    Check(tool.ROTATIONS, tool.one_rotation, "tool rotations"),
    Check(tool.JUMPS, tool.jumps, "joints of a known arm"),
    Check(tool.TWICE, tool.twice, "joints and velocities of a known arm"),
    Check(tool.VELOCITY, tool.velocities, "joints and velocities of a known arm"),
    Check(motion.ACTIONS, motion.actions, "actions and commanded targets in known conventions"),
    Check(motion.GRIPPER, motion.gripper, "a gripper command and the fingers' distance"),
    Check(motion.REPEATS, motion.repeats, "columns that repeat others"),
    Check(scene.SUCCESS, scene.success, "whether the episode succeeded"),
    Check(scene.WORDING, scene.wording, "an instruction, and the labels of bodies"),
    Check(scene.LABELS, scene.labels, "bodies, and the factors that placed them"),
    Check(scene.SIZES, scene.sizes, "bodies"),
    Check(scene.HELD, scene.held, "bodies' poses, the grasp, and the way ahead"),
    Check(scene.ON_HAND, scene.on_hand, "a wrist camera's poses and the way ahead"),
    Check(projection.PROJECTED, projection.projected, "calibration, and bodies' poses or the way ahead"),
    Check(scene.DEPTH, scene.depth, "depth, masks and bodies' poses"),
)


def check_episode(evidence: Evidence, made: dict[str, int] | None = None) -> list[Finding]:
    """What is wrong with an episode.

    Args:
        evidence: what it says.
        made: counts, by name, the checks that could be made; may start empty.
    """
    found: list[Finding] = []
    joints = {track.joints_field for track in evidence.poses}
    for check in CHECKS:
        if check.name == motion.ACTIONS and any(finding.field in joints for finding in found):
            continue  # what actions did is worked out from the joints
        findings = check.run(evidence)
        if findings is None:
            continue
        if made is not None:
            made[check.name] = made.get(check.name, 0) + 1
        found += findings
    return list(dict.fromkeys(found))


def not_made(made: Mapping[str, int], episodes: int, checks: tuple[Check, ...] = CHECKS) -> list[str]:
    """Sentences about ``checks`` that not all of ``episodes`` could be put to."""
    found = []
    for check in checks:
        count = made.get(check.name, 0)
        if count < episodes:
            where = f"in {count} of {episodes} episodes" if count else "in no episode"
            found.append(f"checked {where} for want of {check.needs}: {check.name}")
    return found
