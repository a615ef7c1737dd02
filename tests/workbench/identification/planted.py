"""Logs with a known truth, made without a simulator: a multi-sine, and an arm that follows it late."""

from dataclasses import replace

import numpy as np

from robots.registry import robot
from workbench.identification.motion_log import MotionLog

PANDA = robot("franka")
HOME = np.array(PANDA.spec.home)


def sines(
    duration: float = 8.0, rate: float = 100.0, amplitude: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Times ``[T]`` [s] and commanded joints ``[T, 7]`` [rad], each joint with frequencies of its own."""
    times = np.arange(round(duration * rate)) / rate
    joints = np.arange(7)
    a = np.sin(2 * np.pi * (0.13 + 0.05 * joints) * times[:, None])
    b = np.sin(2 * np.pi * (0.41 + 0.09 * joints) * times[:, None])
    s = np.minimum(times / 1.5, 1.0)
    ramp = s**3 * (10 - 15 * s + 6 * s**2)
    return times, HOME + amplitude * (0.7 * a + 0.3 * b) * ramp[:, None]


def follower(lag: float = 0.05, noise: float = 1e-4, seed: int = 0, **sizes: float) -> MotionLog:
    """A log of an arm that is where it was told to be ``lag`` seconds ago."""
    times, told = sines(**sizes)
    did = np.stack([np.interp(times - lag, times, told[:, j]) for j in range(7)], 1)
    did += np.random.default_rng(seed).normal(0, noise, did.shape)
    return MotionLog("planted", "planted.h5", times, told, did, times)


def changed(log: MotionLog, **columns: np.ndarray) -> MotionLog:
    return replace(log, **columns)
