"""Identification on logs of the identifier's own engine: what was planted is found, and what cannot be is named."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain_rand.sets import load_set
from tests.workbench.identification.planted import PANDA, follower
from workbench.cli.main import main
from workbench.identification.arm_simulator import ArmSimulator
from workbench.identification.discrepancy import discrepancy
from workbench.identification.excitation import excitation
from workbench.identification.fit import Fit
from workbench.identification.identifiability import identifiability
from workbench.identification.identify import Settings, can_tell, identify
from workbench.identification.log_readers import write_plain
from workbench.identification.motion_log import LogError, MotionLog
from workbench.identification.parameters import NUISANCES, ParameterSet
from workbench.identification.posterior import Posterior
from workbench.identification.windows import windows

WORDS = "stiffness@2,friction@2,payload,delay"
FIXED = {"friction": np.full(7, 0.5)}
NOISE = 2e-4


def planted(seed: int, duration: float = 6.0) -> tuple[MotionLog, dict[str, np.ndarray]]:
    """A log of the simulated arm itself, and what was planted."""
    motion = excitation(PANDA, duration, seed=seed)
    base = MotionLog("own", "own", motion.times, motion.joints, motion.joints.copy(), motion.times)
    values = ParameterSet(PANDA, "payload", FIXED).nominal | {
        "payload": np.array(0.4),
        "delay": np.array(0.024),
    }
    values["stiffness"] = values["stiffness"] * np.array((1, 0.8, 1, 1, 1, 1, 1))
    values["friction"] = np.array((0.5, 0.9, 0.5, 0.5, 0.5, 0.5, 0.5))
    with ArmSimulator(PANDA, 0.01, 2) as simulator:
        whole = windows([base], 0.01, burn_in_s=0.0, whole=True)
        exact = simulator.measured({k: np.asarray(v)[None] for k, v in values.items()}, whole)[0]
    noise = np.random.default_rng(seed).normal(0, NOISE, motion.joints.shape)
    return replace(base, measured=np.concatenate((motion.joints[:1], exact)) + noise), values


def test_what_was_planted_is_found() -> None:
    log, truth = planted(3)
    test, _ = planted(4)
    parameters = ParameterSet(PANDA, WORDS, FIXED)
    found = identify(PANDA, [log], [test], parameters, Settings(without_step=False, threads=2, samples=96))
    off = (found.coarse.posterior.mean - parameters.theta(truth)) / found.coarse.posterior.deviation
    assert np.abs(off).max() < 4.5, dict(zip(parameters.names, off, strict=True))
    assert found.told.told.all()
    held = found.rmse["held_out"]
    assert np.sqrt((held["after"] ** 2).mean()) < 0.3 * np.sqrt((held["before"] ** 2).mean())
    assert found.coverage is not None
    assert 0.8 < found.coverage.mean() < 0.98
    assert found.coarse.posterior.effective > 48, "Laplace is right on the identifier's own engine"
    assert found.evaluations < 400


def test_the_drives_damping_and_viscous_friction_are_named_as_one() -> None:
    log, _ = planted(3)
    parameters = ParameterSet(PANDA, "damping@3,viscous@3,stiffness@3", FIXED)
    told = can_tell(PANDA, [log], parameters, Settings(threads=2))
    said = [c for c in told.confusions if set(c.names) == {"damping[3]", "viscous[3]"}]
    assert said
    assert "identify one of them" in said[0].sentence


def test_a_bias_of_the_first_joint_is_not_told_by_any_log_of_joints() -> None:
    log, _ = planted(3)
    parameters = ParameterSet(PANDA, "stiffness@1,encoder_bias@1", FIXED)
    told = can_tell(PANDA, [log], parameters, Settings(threads=2))
    assert told.told.tolist() == [True, False]
    assert any("encoder_bias[1]" in c.names and "outside measurement" in c.sentence for c in told.confusions)


def test_identifiability_of_a_matrix_that_is_known() -> None:
    parameters = ParameterSet(PANDA, "payload,delay")
    strong = identifiability(np.diag([10.0, 10.0]), parameters)
    assert strong.rank == 2
    assert strong.confusions == ()
    together = identifiability(np.array([[10.0, 10.0]]), parameters)
    assert together.rank == 1
    assert set(together.confusions[0].names) == {"payload", "delay"}


def test_discrepancy_extrapolates_what_is_proportional_to_the_step() -> None:
    """An integrator's error of 0.4 that halves with the step, of a parameter beside a nuisance."""
    truth, error = 0.7, 0.4
    jacobian = np.array(((300.0, 0.0), (0.0, 300.0), (300.0, 300.0)))
    fit = Fit(np.array((truth + error, 0.1)), 0.0, jacobian, 1, True)
    samples = np.tile(fit.theta, (64, 1))
    there = Posterior(fit.theta, np.eye(2) * 1e-4, samples, np.full(64, 1 / 64), 64.0, False)
    change = jacobian @ np.array((error / 2, 0.0))  # measured less simulated, once the step is halved
    found = discrepancy(fit, there, np.zeros(2), change, 1)
    assert found.center == pytest.approx([truth], abs=1e-3)
    assert found.step == pytest.approx([error / 2], abs=1e-3)
    assert found.deviation[0] > error / 2
    assert found.told.tolist() == [True]


def test_a_late_velocity_and_armature_are_named_as_one() -> None:
    log, _ = planted(3)
    parameters = ParameterSet(PANDA, "armature@3", FIXED).with_nuisances(["velocity_filter"])
    assert parameters.names == ["armature[3]", "velocity_filter"]
    told = can_tell(PANDA, [log], ParameterSet(PANDA, "armature,velocity_filter", FIXED), Settings(threads=2))
    said = [c.sentence for c in told.confusions if any("velocity_filter" in name for name in c.names)]
    assert said
    assert "look up how the drive filters" in said[0]


def test_what_the_robot_has_is_found_apart_from_what_moves_the_engine() -> None:
    log, _ = planted(3)
    parameters = ParameterSet(PANDA, "stiffness@2,payload,delay", FIXED)
    found = identify(PANDA, [log], [], parameters, Settings(threads=2, samples=16))
    assert found.fine is not None
    assert found.nuisances is not None
    assert found.discrepancy is not None
    assert found.fine.dt == pytest.approx(0.002)
    assert found.nuisances.names == [*parameters.names, *NUISANCES]
    assert len(found.discrepancy.center) == len(parameters)
    narrow = found.coarse.posterior.deviation
    assert (found.discrepancy.deviation > narrow).all(), "doubt about the model makes nothing surer"


@pytest.mark.parametrize("name", ["franka", "so_arm"])
def test_an_excitation_is_within_the_limits_and_smooth(name: str) -> None:
    from robots.registry import robot

    model = robot(name)
    found = excitation(model, 10.0, share=0.5, rate_hz=1000.0)
    dt, q = 0.001, found.joints
    for order, limit in enumerate((model.spec.limits.velocity, model.spec.limits.acceleration), 1):
        q = np.gradient(q, dt, axis=0)
        assert (np.abs(q[order:-order]) <= 0.505 * np.array(limit)).all()
        assert np.abs(q[[order, -order - 1]]).max() < 0.05 * np.array(limit).max(), (
            "it begins or ends with a jolt"
        )
    assert (found.joints >= np.array(model.spec.limits.position_low)).all()
    assert (found.joints <= np.array(model.spec.limits.position_high)).all()
    np.testing.assert_allclose(found.joints[[0, -1]], [model.spec.home] * 2, atol=1e-12)
    assert found.joints.std(0).min() > 0.01, "a joint hardly moves"


def test_the_bridge_plays_an_excitation(tmp_path: Path) -> None:
    from robots.action_spaces import DELTA_JOINTS
    from workbench.bridge.policies.replay import ReplayLog

    path = tmp_path / "move.mcap"
    assert main(["tune", "excitation", f"out={path}", "duration=8"]) == 0
    spec = PANDA.action_spaces(20.0)[DELTA_JOINTS]
    played = ReplayLog(path, spec)
    total = np.sum([a[:7] for a in played._actions], axis=0)
    np.testing.assert_allclose(total, np.zeros(7), atol=1e-6, err_msg="it does not come back")
    assert len(played._actions) == 160


def test_the_command_writes_a_set_that_dr_takes_and_a_file_that_replay_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("a", 3), ("b", 4)):
        write_plain(planted(seed)[0], tmp_path / f"{name}.h5")
    out = tmp_path / "found"
    words = [
        str(tmp_path / "a.h5"),
        f"held_out={tmp_path / 'b.h5'}",
        f"out={out}",
        "threads=2",
        "without_step=false",
    ]
    assert main(["tune", "sysid", *words, "parameters=stiffness@2,friction@2,payload,delay"]) == 0
    said = json.loads((out / "posterior.json").read_text("utf-8"))
    assert said["engine"] == "mujoco"
    assert "Effective parameters of this engine at this step" in said["meaning"]
    names = {f.name for f in load_set(str(out / "calibrated.yaml")).factors}
    assert {"control.arm_gain", "dynamics.payload_error", "control.action_delay"} <= names
    assert "inside the 90 % band" in capsys.readouterr().out
    replayed = tmp_path / "replay"
    assert main(["gap", "replay", str(tmp_path / "b.h5"), f"parameters={out / 'posterior.json'}", f"out={replayed}",
                 "recording=false", "threads=2"]) == 0  # fmt: skip
    error = json.loads((replayed / "replay.json").read_text("utf-8"))["rmse_rad"]["training"]
    assert error < 3e-3


@pytest.mark.long
def test_cma_es_finds_the_same_optimum() -> None:
    pytest.importorskip("cmaes")
    log, _ = planted(3, 6.0)
    parameters = ParameterSet(PANDA, "payload,delay", FIXED)
    settings = Settings(window_s=1.0, without_step=False, threads=2, samples=32)
    lm = identify(PANDA, [log], [], parameters, settings)
    cma = identify(PANDA, [log], [], parameters, replace(settings, method="cma", cma_evaluations=144))
    near = 0.5 * lm.coarse.posterior.deviation
    assert (np.abs(lm.coarse.fit.theta - cma.coarse.fit.theta) < near).all()
    assert lm.evaluations < cma.evaluations


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "tune sysid takes at least one log"),
        (["nowhere", "method=guess"], "choose one of lm, cma"),
        (["nowhere", "parameters=mass"], "there is no parameter 'mass'"),
        (["nowhere", "parameters=stiffness,stiffness@2"], "stiffness is named twice for joint 2"),
        (["nowhere", "parameters=stiffness@9"], "joints are numbered from 1 to 7"),
        (["nowhere"], "there is no log nowhere"),
    ],
)
def test_wrong_words_end_with_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", "sysid", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_an_excitation_that_is_too_short_is_refused() -> None:
    with pytest.raises(LogError, match="lasts at least"):
        excitation(PANDA, 3.0)


def test_a_follower_is_no_arm_and_that_shows() -> None:
    """A log that no parameters explain is warned about."""
    parameters = ParameterSet(PANDA, "payload", FIXED)
    found = identify(
        PANDA,
        [follower(0.2, duration=4.0)],
        [],
        parameters,
        Settings(without_step=False, threads=2, samples=16),
    )
    assert any("times the encoder's noise" in w for w in found.warnings)
    assert any("correlated from sample to sample" in w for w in found.warnings)


@pytest.mark.skipif("WORKBENCH_TEST_DATA" not in os.environ, reason="WORKBENCH_TEST_DATA is not set")
def test_one_foreign_episode_makes_another_better(capsys: pytest.CaptureFixture[str]) -> None:
    data = Path(os.environ["WORKBENCH_TEST_DATA"]) / "internvla_m1_demo"
    words = [f"{data}:0", f"held_out={data}:1", "without_step=false", "parameters=damping,delay"]
    assert main(["tune", "sysid", *words]) == 0
    said = capsys.readouterr().out
    (before, after) = [
        float(line.split()[k]) for line in said.splitlines() if "held out:" in line for k in (2, 5)
    ]
    assert after < 0.6 * before, said
