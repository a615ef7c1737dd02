"""What `Dynamics` asks of an engine, with one that only takes note; what comes of it is measured on real ones."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from robots.franka import GRIP_FORCE, PANDA
from robots.franka.drives import ARM_ARMATURE, ARM_DAMPING, ARM_STIFFNESS
from tasks.tabletop import dynamics as dynamics_module
from tasks.tabletop.dynamics import GRAVITY, Dynamics
from tests.tasks.fake_engine import LINKS, FakeEnv

pytestmark = pytest.mark.usefixtures("one_thread")

quick = settings(max_examples=25, deadline=None)
CHANGED = {
    "object_mass": 2.0,
    "object_inertia": 1.4,
    "object_com": [0.004, -0.003, 0.002],
    "object_friction": 0.6,
    "object_restitution": 0.2,
    "rest_offset": 0.001,
    "arm_gain": 1.2,
    "joint_friction": 0.5,
    "joint_friction_each": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
    "joint_torque": [1.0, -1.0, 0.5, -0.5, 0.2, 0.0, 0.1],
    "payload_error": 0.3,
    "joint_damping": 3.0,
    "armature": 0.8,
    "link_mass": 1.1,
    "gripper_force": 40.0,
    "gravity_scale": 1.02,
    "gravity_tilt": [0.02, -0.01],
}


@pytest.fixture(autouse=True)
def contacts(monkeypatch):
    """What was last asked for of contacts, by environment."""
    seen = {}

    def note(env, asset, ids, objects, *values):
        for i, row in enumerate(ids.tolist()):
            seen[row] = [float(v[i]) for v in values]

    monkeypatch.setattr(dynamics_module, "write_contact", note)
    return seen


def dynamics_of(n=1):
    return Dynamics(FakeEnv(n))


def ask(dynamics, rows=(0,), **values):
    for name, value in values.items():
        dynamics.set(name, rows, [value] * len(rows))
    dynamics.commit(list(rows), set(values))


def written(dynamics):
    """Everything that stands in the engine."""
    both = {"bodies": dynamics.bodies, "robot": dynamics.robot}
    found = {
        f"{kind} {name}": value.clone()
        for kind, asset in both.items()
        for name, value in asset.written.items()
    }
    return found | {"gravity": dynamics.gravity_force.clone(), "hand": dynamics.hand_force.clone()}


def objects(dynamics):
    return torch.tensor([not slot.is_receptacle for slot in dynamics.env.slots.values()])


def test_the_settings_are_all_looked_at_here():
    assert CHANGED.keys() == dynamics_of().names


def test_nominal_values_are_what_the_engine_has_to_the_last_bit():
    dynamics = dynamics_of()
    before = written(dynamics)
    ask(dynamics, **{name: value[0].tolist() for name, value in dynamics.values.items()})
    after = written(dynamics)
    for name, value in before.items():
        assert torch.equal(after[name], value), name
    robot = dynamics.robot.written
    assert robot["stiffness"][0, :7].eq(ARM_STIFFNESS).all()
    assert robot["damping"][0, :7].eq(torch.tensor(ARM_DAMPING)).all()
    assert robot["armature"][0, :7].eq(torch.tensor(ARM_ARMATURE)).all()
    assert robot["coulomb"][0, :7].eq(0).all()
    assert robot["viscous"][0, :7].eq(0.25).all(), "the asset's own viscous friction stays"
    assert robot["effort_limit"][0, 7:].eq(GRIP_FORCE).all()
    assert not dynamics.gravity_force.any(), "nominal gravity must not push anything"


@given(st.floats(0.05, 20.0), st.floats(0.1, 10.0))
@quick
def test_heavier_objects_have_more_inertia_and_receptacles_stay_as_they_are(mass, inertia):
    dynamics = dynamics_of()
    before = written(dynamics)
    ask(dynamics, object_mass=mass, object_inertia=inertia)
    after, own = written(dynamics), objects(dynamics)
    for name, factor in (("bodies body_mass", mass), ("bodies body_inertia", mass * inertia)):
        torch.testing.assert_close(after[name][:, own], before[name][:, own] * factor, rtol=1e-5, atol=0)
        assert torch.equal(after[name][:, ~own], before[name][:, ~own])
    assert torch.equal(dynamics.masses, after["bodies body_mass"])


@given(st.lists(st.floats(-0.012, 0.012), min_size=3, max_size=3))
@quick
def test_centres_of_mass_are_displaced_from_where_they_were_and_keep_their_axes(way):
    dynamics = dynamics_of()
    before = written(dynamics)["bodies body_com_pose_b"]
    for _ in range(2):  # asked twice, displaced once
        ask(dynamics, object_com=way)
    after, own = dynamics.bodies.written["body_com_pose_b"], objects(dynamics)
    moved = after[:, own, :3] - before[:, own, :3]
    torch.testing.assert_close(moved, torch.tensor(way).expand_as(moved), atol=1e-8, rtol=0)
    assert torch.equal(after[..., 3:], before[..., 3:])
    assert torch.equal(after[:, ~own], before[:, ~own])


tilts = st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=2)


@given(st.floats(0.0, 3.0), tilts, tilts, st.floats(0.1, 5.0))
@quick
def test_bodies_feel_the_gravity_that_was_asked_for(scale, tilt, table_tilt, mass):
    """The engine's own, straight down the table, and the push on each body, together."""
    dynamics = dynamics_of()
    dynamics.env.layout.set("table_tilt", [0], [table_tilt])
    dynamics.env.layout.solve(torch.arange(1))
    ask(dynamics, object_mass=mass, gravity_scale=scale, gravity_tilt=tilt)
    felt = dynamics.gravity_force[0] / dynamics.masses[0][:, None] - torch.tensor((0.0, 0.0, GRAVITY))
    up_on_table = Rotation.from_rotvec((*table_tilt, 0.0)).inv().apply((0.0, 0.0, 1.0))
    expected = -GRAVITY * scale * Rotation.from_rotvec((*tilt, 0.0)).apply(up_on_table)
    np.testing.assert_allclose(felt, np.broadcast_to(expected, felt.shape), atol=2e-5)


def test_a_table_that_tilts_alone_changes_gravity_too():
    dynamics = dynamics_of()
    dynamics.env.layout.set("table_tilt", [0], [[0.0, 0.1]])
    dynamics.env.layout.solve(torch.arange(1))
    dynamics.commit([0], {"table_tilt"})
    assert (dynamics.gravity_force[0, :, 0] > 0).all(), "a table turned about y falls off toward x"


def test_a_heavier_object_is_pushed_more_by_the_same_gravity():
    dynamics = dynamics_of()
    ask(dynamics, gravity_scale=1.1)
    before = dynamics.gravity_force.clone()
    ask(dynamics, object_mass=2.0)
    own = objects(dynamics)
    torch.testing.assert_close(dynamics.gravity_force[:, own], 2 * before[:, own])


def test_drives_and_joints_get_what_was_asked_for():
    dynamics = dynamics_of()
    ask(dynamics, arm_gain=1.5, armature=0.5, joint_friction=0.7, joint_damping=2.0, gripper_force=30.0)
    robot = dynamics.robot.written
    for name, value in {
        "stiffness": 1.5 * ARM_STIFFNESS,
        "damping": 1.5 * ARM_DAMPING,
        "armature": 0.5 * torch.tensor(ARM_ARMATURE),
        "coulomb": 0.7,
        "kinetic": 0.7,
        "viscous": 2.25,
    }.items():
        torch.testing.assert_close(robot[name][0, :7], torch.as_tensor(value).expand(7), msg=name)
        assert robot[name][0, 7:].isnan().all(), f"{name} of the fingers was written"
    assert robot["effort_limit"][0, 7:].tolist() == [30.0, 30.0]


def test_frictions_of_a_joint_add_up():
    dynamics = dynamics_of()
    ask(dynamics, joint_friction=0.5, joint_friction_each=[0.1 * i for i in range(7)])
    torch.testing.assert_close(dynamics.robot.written["coulomb"][0, :7], 0.5 + 0.1 * torch.arange(7))


def test_what_pulls_at_joints_is_fed_to_the_drives_of_the_arm_alone():
    dynamics = dynamics_of()
    ask(dynamics, joint_torque=[1.0, -1.0, 0.5, -0.5, 0.2, 0.0, 0.1])
    fed = dynamics.robot.written["effort_target"][0]
    torch.testing.assert_close(fed[:7], torch.tensor([1.0, -1.0, 0.5, -0.5, 0.2, 0.0, 0.1]))
    assert fed[7:].isnan().all()


def test_an_unknown_payload_pulls_the_hand_down_by_its_weight():
    dynamics = dynamics_of()
    ask(dynamics, payload_error=0.3)
    torch.testing.assert_close(dynamics.hand_force, torch.tensor([[0.0, 0.0, -0.3 * GRAVITY]]))


def test_links_of_the_arm_get_heavier_and_the_hand_does_not():
    dynamics = dynamics_of()
    before = written(dynamics)
    ask(dynamics, link_mass=1.3)
    after = written(dynamics)
    arm = torch.tensor([name in PANDA.arm_links for name in LINKS])
    mass = "robot body_mass"
    torch.testing.assert_close(after[mass][:, arm], 1.3 * before[mass][:, arm])
    assert torch.equal(after[mass][:, ~arm], before[mass][:, ~arm])
    assert torch.equal(after["robot body_inertia"], before["robot body_inertia"])


def test_contacts_get_all_three_numbers_whichever_changed(contacts):
    dynamics = dynamics_of(2)
    ask(dynamics, (1,), object_friction=0.6)
    ask(dynamics, (1,), rest_offset=0.002)
    assert contacts == {1: pytest.approx([0.6, 0.0, 0.002])}


@pytest.mark.parametrize("name", CHANGED)
def test_what_was_changed_goes_back_to_the_last_bit(name, contacts):
    """An episode must not depend on the one before it."""
    fresh, used = dynamics_of(), dynamics_of()
    nominal = {key: value[0].tolist() for key, value in fresh.values.items()}
    ask(used, **CHANGED)
    ask(used, **nominal)
    there = dict(contacts)
    ask(fresh, **nominal)
    assert contacts == there
    for key, value in written(fresh).items():
        assert torch.equal(written(used)[key].nan_to_num(), value.nan_to_num()), key
    ask(used, **{name: CHANGED[name]})
    ask(fresh, **{name: CHANGED[name]})
    for key, value in written(fresh).items():
        assert torch.equal(written(used)[key].nan_to_num(), value.nan_to_num()), key


@pytest.mark.parametrize("name", CHANGED)
def test_other_environments_keep_what_they_have(name):
    dynamics = dynamics_of(3)
    before = written(dynamics)
    ask(dynamics, (1,), **{name: CHANGED[name]})
    for key, value in written(dynamics).items():
        if key in before:
            assert torch.equal(value[[0, 2]], before[key][[0, 2]]), key
        else:
            assert value[[0, 2]].isnan().all(), key
