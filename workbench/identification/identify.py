"""Identification from beginning to end: what logs can tell, the fit at two steps, the posterior, and how it holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robots.protocol import RobotModel
from workbench.identification.arm_simulator import ArmSimulator, noise_of
from workbench.identification.bands import Band, band, scale_of, warnings
from workbench.identification.discrepancy import Discrepancy, discrepancy, slow_against_quick
from workbench.identification.fit import CONVERGED, Fit, cma, derivatives, levenberg_marquardt
from workbench.identification.identifiability import Identifiability, identifiability
from workbench.identification.motion_log import MotionLog
from workbench.identification.parameters import ParameterSet
from workbench.identification.posterior import SAMPLES, Posterior, posterior
from workbench.identification.problem import Problem, Told
from workbench.identification.windows import Windows, windows

FIRST_NOISE = 10.0
"""The first fit takes noise for so many times the encoder's: far from the optimum, misfit is not noise."""
ROUGHLY = 1.0
"""Fits whose weights are found anew need not be exact: in units of the log density."""
RESTART_ABOVE, RESTARTS, RESTART_SPREAD = 5.0, 3, 0.5
"""A fit that leaves so many times the noise at a joint may be at another optimum than the best: so many are then begun
at random, so far from the prior's centre in its widths."""
FINER = 0.2
"""Of the step, at which the robot's own parameters are found."""
LM, CMA_ES = "lm", "cma"
METHODS = (LM, CMA_ES)


@dataclass(frozen=True)
class Settings:
    """How to identify."""

    dt: float = 0.01
    """[s]"""
    window_s: float = 2.0
    burn_in_s: float = 0.4
    method: str = LM
    seed: int = 0
    threads: int | None = None
    without_step: bool = True
    """Whether to find what the robot's own parameters are too: at a finer step, with flaws that engines do not have."""
    cma_evaluations: int = 6000
    samples: int = SAMPLES
    """Importance samples."""


@dataclass(frozen=True, eq=False)
class AtStep:
    """What one time step finds."""

    dt: float
    fit: Fit
    posterior: Posterior
    errors: np.ndarray
    """Of training ``[R', J]`` [rad]."""
    speed: np.ndarray
    """Discrepancy of slow against quick motion ``[P]``."""
    weights: np.ndarray
    """Noise that each joint's residuals were given ``[J]`` [rad]."""
    evaluations: int


@dataclass(frozen=True, eq=False)
class Identified:
    """Everything that was found."""

    parameters: ParameterSet
    noise: np.ndarray
    """Of the encoders ``[J]`` [rad]."""
    told: Identifiability
    coarse: AtStep
    fine: AtStep | None
    """At `FINER` of the step, with `nuisances` after the parameters."""
    nuisances: ParameterSet | None
    """The parameters that `fine` is of."""
    told_own: Identifiability | None
    """What logs tell of these."""
    discrepancy: Discrepancy | None
    warnings: list[str]
    coverage: np.ndarray | None
    """Of the band of held-out logs ``[J]``; None where none are held out."""
    rmse: dict[str, dict[str, np.ndarray]]
    """``training`` and ``held_out`` -> ``before`` and ``after`` ``[J]`` [rad], from re-synchronised starts."""
    held_out_band: Band | None
    wall_s: float

    @property
    def evaluations(self) -> int:
        """Candidates simulated at both steps."""
        return self.coarse.evaluations + (self.fine.evaluations if self.fine else 0)


def _no_word(what: str, value: float) -> None:
    """Nobody is told."""


def identify(
    model: RobotModel,
    training: Sequence[MotionLog],
    held_out: Sequence[MotionLog],
    parameters: ParameterSet,
    settings: Settings,
    told: Told = _no_word,
) -> Identified:
    """Find the parameters that explain the training logs, and see how they do on logs that were held out."""
    began = time.monotonic()
    noise = np.sqrt(np.mean([noise_of(log) ** 2 for log in training], axis=0))
    start = np.zeros(len(parameters))
    with ArmSimulator(model, settings.dt, settings.threads) as simulator:
        parts = windows(training, settings.dt, settings.window_s, settings.burn_in_s)
        coarse, known = _at_step(simulator, parameters, parts, noise, start, settings, told)
        said = warnings(coarse.errors, parts, noise, coarse.fit.theta, parameters)
        rmse = {"training": _before_and_after(simulator, parameters, coarse.fit.theta, parts)}
        coverage, shown = None, None
        if held_out:
            test = windows(held_out, settings.dt, settings.window_s, settings.burn_in_s)
            shown = band(
                simulator, parameters, coarse.posterior, test, scale_of(coarse.errors), settings.seed
            )
            coverage = shown.coverage
            rmse["held_out"] = _before_and_after(simulator, parameters, coarse.fit.theta, test)
    fine, wider, told_own, wrong = None, None, None, None
    if settings.without_step:
        fine, wider, told_own, wrong = _without_step(
            model, training, parameters, noise, settings, told, coarse
        )
    wall = time.monotonic() - began
    return Identified(
        parameters, noise, known, coarse, fine, wider, told_own, wrong, said, coverage, rmse, shown, wall
    )  # fmt: skip


def _without_step(
    model: RobotModel,
    training: Sequence[MotionLog],
    parameters: ParameterSet,
    noise: np.ndarray,
    settings: Settings,
    told: Told,
    coarse: AtStep,
) -> tuple[AtStep, ParameterSet, Identifiability, Discrepancy]:
    """At a finer step, with what drives have and engines do not; and by how much half of that step would change it."""
    dt = settings.dt * FINER
    with ArmSimulator(model, dt, settings.threads, centered=True) as simulator:
        wider = parameters.with_nuisances(simulator.stepper.nuisances)
        start = np.concatenate((coarse.fit.theta, np.zeros(len(wider) - len(parameters))))
        parts = windows(training, dt, settings.window_s, settings.burn_in_s)
        fine, known = _at_step(simulator, wider, parts, noise, start, settings, told, coarse)
    with ArmSimulator(model, dt / 2, settings.threads, centered=True) as simulator:
        parts = windows(training, dt / 2, settings.window_s, settings.burn_in_s)
        finest = Problem(simulator, wider, parts, fine.weights).errors(fine.fit.theta)[0]
    change = ((finest - fine.errors) / fine.weights).reshape(-1)
    wrong = discrepancy(fine.fit, fine.posterior, fine.speed, change, len(parameters))
    return fine, wider, known, wrong


def _at_step(
    simulator: ArmSimulator,
    parameters: ParameterSet,
    parts: Windows,
    noise: np.ndarray,
    start: np.ndarray,
    settings: Settings,
    told: Told,
    elsewhere: AtStep | None = None,
) -> tuple[AtStep, Identifiability]:
    """``elsewhere``: what another step found, so that noise is known from the beginning."""
    what = f"{1000 * simulator.dt:g} ms"
    problem = Problem(simulator, parameters, parts, FIRST_NOISE * noise)
    if elsewhere is not None:
        problem.weigh(start, noise)
        fit = levenberg_marquardt(
            problem, start, lambda _, v: told(f"fit at {what}", v), converged_below=ROUGHLY
        )
    elif settings.method == CMA_ES:
        most = settings.cma_evaluations
        fit = cma(problem, start, settings.seed, most, lambda _, v: told(f"CMA-ES at {what}", v))
    else:
        fit = _from_several(problem, start, noise, settings.seed, lambda _, v: told(f"fit at {what}", v))
    # Weights follow from what a fit leaves, and the fit from weights: twice is enough for both to stand still.
    for below in (ROUGHLY, CONVERGED):
        problem.weigh(fit.theta, noise)
        fit = levenberg_marquardt(
            problem, fit.theta, lambda _, v: told(f"weighed fit at {what}", v), converged_below=below
        )
    left = problem.errors(fit.theta)[0]
    told(f"posterior at {what}", fit.objective)
    found = posterior(problem, fit, settings.seed, settings.samples)
    speed = slow_against_quick(problem, fit)
    step = AtStep(simulator.dt, fit, found, left, speed, problem.noise, problem.evaluations)
    return step, identifiability(fit.jacobian, parameters)


def _from_several(problem: Problem, start: np.ndarray, noise: np.ndarray, seed: int, told: Told) -> Fit:
    """The fit from ``start``; where that leaves much more than noise, the best of it and of others begun elsewhere."""
    fit = levenberg_marquardt(problem, start, told, converged_below=ROUGHLY)
    left = np.sqrt((problem.errors(fit.theta)[0] ** 2).mean(0)) / noise
    if left.max() < RESTART_ABOVE:
        return fit
    rng = np.random.default_rng(seed)
    for _ in range(RESTARTS):
        other = levenberg_marquardt(
            problem, rng.normal(0, RESTART_SPREAD, len(start)), told, converged_below=ROUGHLY
        )
        fit = min(fit, other, key=lambda f: f.objective)
    return fit


def can_tell(
    model: RobotModel, logs: Sequence[MotionLog], parameters: ParameterSet, settings: Settings
) -> Identifiability:
    """What logs can tell, before any fit: at the prior's centre."""
    noise = np.sqrt(np.mean([noise_of(log) ** 2 for log in logs], axis=0))
    with ArmSimulator(model, settings.dt, settings.threads) as simulator:
        parts = windows(logs, settings.dt, settings.window_s, settings.burn_in_s)
        problem = Problem(simulator, parameters, parts, noise)
        return identifiability(derivatives(problem, np.zeros(len(parameters))), parameters)


def _before_and_after(
    simulator: ArmSimulator, parameters: ParameterSet, theta: np.ndarray, parts: Windows
) -> dict[str, np.ndarray]:
    """RMSE of each joint ``[J]`` [rad] at nominal values and at ``theta``."""
    nominal = {name: np.asarray(value)[None] for name, value in parameters.nominal.items()}
    found = {}
    for name, values in (("before", nominal), ("after", parameters.values(theta))):
        error = (simulator.measured(values, parts)[0] - parts.measured)[parts.scored]
        found[name] = np.sqrt((error**2).mean(0))
    return found
