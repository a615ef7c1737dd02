"""The arm in MuJoCo: what is planted is what comes out, whatever candidates stand beside it."""

import numpy as np
import pytest

from tests.workbench.identification.planted import PANDA, follower
from workbench.identification.arm_model import build
from workbench.identification.arm_simulator import ArmSimulator, noise_of
from workbench.identification.motion_log import LogError, MotionLog
from workbench.identification.parameters import ParameterSet
from workbench.identification.windows import Windows, windows

SETS = ParameterSet(PANDA)


@pytest.fixture(scope="module")
def simulator() -> ArmSimulator:
    return ArmSimulator(PANDA, 0.01, threads=2)


def cut(log: MotionLog) -> Windows:
    return windows([log], 0.01, 1.0, 0.2)


def test_a_candidate_moves_alike_alone_and_among_others(simulator: ArmSimulator) -> None:
    parts = cut(follower(duration=4.0))
    theta = np.random.default_rng(0).normal(0, 0.5, (5, len(SETS)))
    together = simulator.measured(SETS.values(theta), parts)
    alone = simulator.measured(SETS.values(theta[3]), parts)
    np.testing.assert_array_equal(together[3], alone[0])


@pytest.mark.parametrize("name", ["franka", "so_arm"])
@pytest.mark.parametrize("dt", [0.01, 0.004])
def test_compiled_equations_step_as_mujoco_does(name: str, dt: float) -> None:
    """Drives at their limits, joints that stick and slide; nine candidates, so that lanes are left over."""
    from robots.registry import robot
    from workbench.identification.excitation import excitation

    model = robot(name)
    motion = excitation(model, 6.0, seed=1)
    log = MotionLog("moved", "moved", motion.times, motion.joints, motion.joints, motion.times + 0.0013)
    sets = ParameterSet(
        model,
        "stiffness,damping,friction,armature,viscous,link_mass,payload,delay,encoder_bias",
    )
    values = sets.values(np.random.default_rng(7).normal(0, 0.7, (9, len(sets))))
    parts = windows([log], dt, 1.0, 0.2)
    with ArmSimulator(model, dt, 2) as fast, ArmSimulator(model, dt, 2, compiled=False) as mujoco:
        assert type(fast.stepper) is not type(mujoco.stepper)
        found, expected = fast.measured(values, parts), mujoco.measured(values, parts)
    assert np.ptp(expected, axis=1).max() > 0.1, "nothing moves"
    # MuJoCo finds friction's forces to a tolerance; ours are exact.
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert np.median(np.abs(found - expected)) < 1e-12


def test_a_joint_that_sticks_is_behind_and_mujoco_cannot_say_so() -> None:
    times = np.arange(300) / 100
    told = np.tile(PANDA.spec.home, (300, 1))
    told[:, 6] += 0.02 * times
    log = MotionLog("creeping", "creeping", times, told, np.tile(PANDA.spec.home, (300, 1)), times)
    parts = windows([log], 0.01, 2.5, 0.2)
    values = SETS.values(np.zeros((2, len(SETS))))
    values["delay"][:] = 0.0
    values["friction"][:] = 2.0
    values["stiction"][1] = 0.5
    values["stiction_velocity"][:] = 0.02
    with ArmSimulator(PANDA, 0.01, 2) as simulator:
        plain, sticky = simulator.measured(values, parts)
    last = parts.age > 2.4
    more = 0.5 * 2.0 / 1.5**2  # at stiction's own velocity
    behind = (plain[last, 6] - sticky[last, 6]).mean()
    assert behind == pytest.approx(more / PANDA.arm_drives.stiffness[6], rel=0.05)
    with (
        ArmSimulator(PANDA, 0.01, 2, compiled=False) as mujoco,
        pytest.raises(LogError, match="chains of hinges"),
    ):
        mujoco.measured(values, parts)


def test_a_late_velocity_moves_as_less_armature_does() -> None:
    """To first order, which is how MuJoCo is given it; the filter itself differs from that by little."""
    parts = windows([follower(duration=4.0, noise=0.0)], 0.002, 1.0, 0.2)
    values = SETS.values(np.zeros((2, len(SETS))))
    values["friction"][:] = 0.0
    values["velocity_filter"][:] = (0.0, 0.001)
    change = {}
    for compiled in (True, False):
        with ArmSimulator(PANDA, 0.002, 2, compiled=compiled) as simulator:
            none, late = simulator.measured(values, parts)[:, parts.scored]
        change[compiled] = late - none
    assert change[False].std() > 1e-5
    assert (change[True] - change[False]).std() < 0.1 * change[False].std()


def test_centered_damping_is_nearer_to_no_step() -> None:
    log = follower(duration=4.0, noise=0.0)
    values = SETS.values(np.zeros((1, len(SETS))))
    values["friction"][:] = 0.0
    found = {}
    for dt, centered in ((0.0002, False), (0.002, False), (0.002, True)):
        with ArmSimulator(PANDA, dt, 2, centered=centered) as simulator:
            parts = windows([log], dt, 1.0, 0.2)
            found[dt, centered] = simulator.measured(values, parts)[:, parts.scored]
    plain, better = (np.abs(found[0.002, c] - found[0.0002, False]).max() for c in (False, True))
    assert better < 0.2 * plain


def test_a_bias_of_the_encoders_shifts_what_is_read_and_told_alike(simulator: ArmSimulator) -> None:
    """The first joint turns about the vertical: its bias changes nothing but the scene, so nothing is seen of it."""
    parts = cut(follower(duration=4.0))
    values = SETS.values(np.zeros((2, len(SETS))))
    values["encoder_bias"][1, 0] = 0.05
    plain, biased = simulator.measured(values, parts)
    np.testing.assert_allclose(plain, biased, atol=2e-6)


@pytest.mark.parametrize("delay", [0.003, 0.01, 0.0275])
def test_a_delay_below_a_step_delays_by_that_much(simulator: ArmSimulator, delay: float) -> None:
    parts = cut(follower(duration=4.0, noise=0.0))
    values = SETS.values(np.zeros((3, len(SETS))))
    values["delay"][:] = (0.0, delay, 1e-9)
    values["friction"][:] = 0.0
    none, late, _ = simulator.measured(values, parts)
    speed = np.abs(np.gradient(none, axis=0)).max()
    assert speed > 1e-3, "nothing moves"
    rows = parts.age > 0.6
    moving = parts.window == 1
    chosen = rows & moving
    at = parts.age[chosen]
    for joint in (0, 3, 5):
        expected = np.interp(at - delay, parts.age[moving], none[moving, joint])
        inner = at - delay > 0.65
        np.testing.assert_allclose(late[chosen, joint][inner], expected[inner], atol=4e-4)


def test_a_payload_sags_by_its_weight_over_the_stiffness(simulator: ArmSimulator) -> None:
    """Held still, joint 2 gives way by m g times its lever, over its gain."""
    times = np.arange(300) / 100
    home = np.tile(PANDA.spec.home, (300, 1))
    log = MotionLog("still", "still", times, home, home, times)
    parts = windows([log], 0.01, 1.0, 0.2)
    values = SETS.values(np.zeros((2, len(SETS))))
    values["friction"][:] = 0.0
    values["delay"][:] = 0.0
    values["payload"][1] = 1.0
    held, sagged = simulator.measured(values, parts)
    model = build(PANDA, 0.01)
    import mujoco

    data = mujoco.MjData(model)
    data.qpos[:] = PANDA.spec.home
    mujoco.mj_forward(model, data)
    lever = data.xipos[model.body("panda_hand").id][0]  # joint 2's axis is the base's y at home
    expected = 9.81 * 1.0 * lever / PANDA.arm_drives.stiffness[1]
    last = parts.age > 1.1
    np.testing.assert_allclose(held[last], np.tile(PANDA.spec.home, (last.sum(), 1)), atol=1e-5)
    assert (sagged - held)[last, 1].mean() == pytest.approx(expected, rel=0.02)


def test_noise_is_told_from_motion() -> None:
    for noise in (5e-5, 2e-4, 1e-3):
        assert noise_of(follower(noise=noise)) == pytest.approx([noise] * 7, rel=0.25)
