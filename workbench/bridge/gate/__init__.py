"""The safety gate between a policy and an arm: see `docs/safety_gate.md`, and `gate.py` for the order of its checks.

gate = Gate(GateCfg.of(robot("franka"), Bounds(Box((0.2, -0.5, 0.0), (0.8, 0.5, 0.8))), dt=0.01, command_dt=0.05))
gate.reset(measured_joints, now)
gate.rejoin(arm_state.followed, now)                     # each dt, where the driver follows plans by itself
decision = gate.admit(Command(joints, seq, captured, issued, gripper_width), now)
setpoint = gate.tick(MeasuredState(measured_joints, captured), now)     # every dt, whatever happens
gate.stop("the operator pressed stop"); gate.acknowledge(now)
"""

from workbench.bridge.gate.cfg import GateCfg
from workbench.bridge.gate.gate import Gate
from workbench.bridge.gate.message_checks import AgeCfg
from workbench.bridge.gate.messages import (
    Check,
    Command,
    Decision,
    GateError,
    Intervention,
    MeasuredState,
    Mode,
    Setpoint,
    Verdict,
)
from workbench.bridge.gate.space import Bounds, Box
from workbench.bridge.gate.step_caps import StepCaps
from workbench.bridge.gate.watchdog import WatchdogCfg

__all__ = [
    "AgeCfg",
    "Bounds",
    "Box",
    "Check",
    "Command",
    "Decision",
    "Gate",
    "GateCfg",
    "GateError",
    "Intervention",
    "MeasuredState",
    "Mode",
    "Setpoint",
    "StepCaps",
    "Verdict",
    "WatchdogCfg",
]
