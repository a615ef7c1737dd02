"""The attack on the gate: a short one holds, and the audit would have seen it if it had not."""

from dataclasses import replace

import numpy as np
import pytest

from robots.registry import robot
from tools.attack_gate import AttackOptions, attack, bounds_of, main
from tools.gate_audit import StreamAudit
from workbench.bridge.gate import Setpoint

MODEL = robot("franka")
HOME = np.array(MODEL.spec.home)


@pytest.mark.parametrize(
    ("name", "scale", "commands"),
    [
        ("franka", 0.1, 300),
        ("franka", 1.0, 300),
        pytest.param("so_arm", 0.1, 5000, marks=pytest.mark.long),
        pytest.param("so_arm", 1.0, 5000, marks=pytest.mark.long),
    ],
)
def test_the_gate_holds_against_an_attack(name, scale, commands):
    bout, found = attack(robot(name), AttackOptions(robot=name).cfg(scale), commands, seed=4)
    assert bout.audit.exceeded == [], (bout.audit.worst, bout.audit.outside, bout.audit.below)
    assert bout.tally.commands >= commands
    assert (bout.tally.unexplained, bout.tally.let_through) == (0, 0)
    assert len(bout.tally.checks) >= 3, "it hardly met the gate"
    assert bout.audit.worst["velocity"] > 0.5, "it hardly moved"
    assert {one.goal for one in found} >= {"table", "workspace", "jerk"}


@pytest.mark.long
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_no_commanded_posture_brings_meshes_together(monkeypatch, scale):
    """The gate looks at hulls, some times on a path; this looks at the meshes themselves, at setpoints it never saw."""
    import pinocchio as pin

    seen = []

    class Recording(StreamAudit):
        def add(self, setpoint):
            super().add(setpoint)
            seen.append(setpoint.position)

    monkeypatch.setattr("tools.gate_bout.StreamAudit", Recording)
    bout, _ = attack(MODEL, AttackOptions().cfg(scale), 4000, seed=8)
    assert bout.tally.checks["self_collision"] > 100, "it hardly tried"
    urdf, opened = MODEL.urdf(), [MODEL.gripper.max_width / 2] * 2
    arm = pin.buildModelFromUrdf(str(urdf))
    packages = [str(folder) for folder in urdf.parents]
    meshes = pin.buildGeomFromUrdf(arm, str(urdf), pin.GeometryType.COLLISION, package_dirs=packages)
    meshes.addAllCollisionPairs()
    pin.removeCollisionPairs(arm, meshes, str(MODEL.srdf()))
    data, found = arm.createData(), meshes.createData()
    postures = [np.concatenate((q, opened)) for q in seen[::7]]
    touching = [q for q in postures if pin.computeCollisions(arm, data, meshes, found, q, True)]
    assert touching == []
    assert pin.computeCollisions(
        arm, data, meshes, found, np.array([-0.05, -0.27, 1.66, -3.05, -1.47, 0.3, 0.88, *opened]), True
    ), "it would not have seen a collision"


def moved(**others):
    """An audit of two steps from home: as they are, or with something of them changed."""
    fields = {"offsets": (1e-4, 2e-4), "dt": 0.01, "bounds": bounds_of(MODEL), "scale": 1.0} | others
    audit = StreamAudit(MODEL.spec.limits, fields["scale"], fields["dt"], MODEL.chain, fields["bounds"])
    audit.begin(HOME)
    zero = np.zeros(7)
    for offset in fields["offsets"]:
        audit.add(Setpoint(HOME + offset, fields.get("told", zero), zero, None, "moving", False, ()))
    audit.close()
    return audit


def test_the_audit_is_content_with_a_motion_within_the_limits():
    audit = moved()
    assert audit.exceeded == []
    assert audit.worst["velocity"] == pytest.approx(1e-4 / 0.01 / 2.175, rel=1e-6)
    assert audit.worst["acceleration"] == pytest.approx(1e-4 / 1e-4 / 7.5, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"offsets": (0.01, 0.05)}, {"velocity", "acceleration", "jerk"}),
        ({"offsets": (1e-3, 2e-3)}, {"acceleration"}),
        ({"offsets": (1e-5, 2e-5), "dt": 1e-3}, {"acceleration", "jerk"}),
        ({"offsets": (1e-4, 2e-4), "scale": 0.1}, {"acceleration"}),
        ({"told": np.full(7, 3.0)}, {"told velocity"}),
        ({"offsets": (np.nan, 0.0)}, {"position", "velocity", "acceleration", "jerk", "workspace", "table"}),
    ],
)
def test_the_audit_sees_each_limit_that_is_exceeded(change, names):
    assert set(moved(**change).exceeded) == names


def test_the_audit_sees_a_tool_outside_of_its_box_and_below_the_table():
    tool = MODEL.chain.pose(HOME[None])[0][0]
    bounds = bounds_of(MODEL)
    box = replace(bounds.workspace, low=(tool[0] + 0.01, -1.0, 0.0))
    assert moved(bounds=replace(bounds, workspace=box)).exceeded == ["workspace"]
    assert moved(bounds=replace(bounds, table_height=tool[2] + 0.01)).exceeded == ["table"]


@pytest.mark.parametrize(
    "word", ["scales=2", "scales=fast", "limits=ur5", "commands=0", "robot=nobody", "speed=1"]
)
def test_wrong_options_are_one_sentence_and_status_2(word, capsys):
    assert main([word]) == 2
    assert capsys.readouterr().err.startswith("attack_gate: ")
