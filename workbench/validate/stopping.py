"""How far the hand goes after a policy died: its own motion, led through the gate, which then hears nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robots.protocol import RobotModel
from workbench.bridge.gate import Bounds, Gate, GateCfg, GateError
from workbench.bridge.gate.messages import Command, MeasuredState
from workbench.rollout.trajectory import Trajectory
from workbench.validate.bounds import line_of, most_line
from workbench.validate.motion import arm_joints
from workbench.validate.requirements import Requirement
from workbench.verdict.line import Evidence, Line

DEATHS = 3
"""Of each episode: at its fastest moments."""
APART, BEFORE = 10, 20
"""Control steps between two of them at least, and those that the gate is led through before one."""
DT = 0.01
"""Between set points [s]."""
LONGEST_S = 3.0


@dataclass(frozen=True)
class Stop:
    """What came of one death."""

    distance: float
    """From the tool's place when the last command came to the farthest place after it [m]."""
    duration: float
    """Until the arm is at rest [s]."""


def stops_of(
    trajectories: Sequence[Trajectory], model: RobotModel, bounds: Bounds, scale: float = 1.0
) -> list[Stop]:
    """What the gate makes of deaths at the fastest moments of recorded episodes.

    GateError where the arm was somewhere that the gate does not let it begin.
    """
    found = []
    for track in trajectories:
        joints = arm_joints(track, model).astype(np.float64)
        cfg = GateCfg.of(model, bounds, dt=DT, command_dt=track.control_dt, scale=scale)
        found += [
            stop(Gate(cfg), joints[max(0, at - BEFORE) : at + 1], model)
            for at in _fastest(track.tool_position)
        ]
    return found


def stop(gate: Gate, joints: np.ndarray, model: RobotModel) -> Stop:
    """Lead an arm along joint positions ``[T, J]`` [rad], one a control step, and then say no more."""
    gate.reset(joints[0], 0.0)
    now, position = 0.0, joints[0]
    ticks = round(gate.cfg.command_dt / DT)
    for seq, wanted in enumerate(joints[1:]):
        gate.admit(Command(wanted, seq, now, now), now)
        for _ in range(ticks):
            now += DT
            position = gate.tick(MeasuredState(position, now), now).position
    died, path = now, [position]
    rested = LONGEST_S
    while now - died < LONGEST_S:
        now += DT
        setpoint = gate.tick(MeasuredState(position, now), now)
        position = setpoint.position
        path.append(position)
        if setpoint.at_rest:
            rested = now - died
            break
    tool, _ = model.chain.pose(np.stack(path))
    return Stop(float(np.linalg.norm(tool - tool[0], axis=1).max()), rested)


def _fastest(tool: np.ndarray) -> list[int]:
    speed = np.linalg.norm(np.diff(tool, axis=0), axis=1)
    found: list[int] = []
    for at in np.argsort(-speed):
        if len(found) == DEATHS:
            break
        if all(abs(int(at) - other) >= APART for other in found):
            found.append(int(at))
    return found


def stopping_line(
    asked: Requirement,
    trajectories: Sequence[Trajectory],
    model: RobotModel,
    bounds: Bounds,
    evidence: Evidence,
) -> Line:
    """The longest way of the hand after a death; not evaluated where the gate knows nothing of the arm."""
    try:
        stops = stops_of(trajectories, model, bounds)
    except (GateError, FileNotFoundError) as problem:
        return line_of(asked, f"the gate does not take this arm there: {problem}", (evidence,))
    if not stops:
        return line_of(asked, "no episode was recorded")
    longest, latest = max(s.distance for s in stops), max(s.duration for s in stops)
    sentence = (
        f"the gate brings the hand to rest within {100 * longest:.3g} cm and {latest:.2f} s, the worst of {len(stops)} "
        "deaths at the fastest moments"
    )
    return most_line(asked, longest, sentence, (evidence,), seconds=latest, deaths=len(stops))
