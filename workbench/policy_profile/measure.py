"""Measures one policy in a process of its own, so that its memory is nobody else's: JSON in, JSON out.

python -m workbench.policy_profile.measure '{"options": ["policy=m1", ...], "precision": "int8"}'
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from policy.contract import Observation, Policy
from robots.registry import robot
from tasks.tabletop.action_spaces import action_specs
from workbench.cli.options import OptionError, parse_options
from workbench.policy_profile.options import AS_IT_IS, PolicyProfileOptions
from workbench.rollout.policies import make_policy
from workbench.runs.installation import busy

FAILED, REFUSED = 1, 2
"""Exit statuses."""
WARM_UP = 3
"""Decisions before those that count."""
INSTRUCTION = "put the red cube in the bowl"
MIB = 1 << 20


def measure(options: PolicyProfileOptions, precision: str) -> dict[str, Any]:
    """What a policy takes here: ``load_s``, memory in MiB, and latencies by batch; None with a reason where unknown."""
    if options.threads:
        torch.set_num_threads(options.threads)
    on_gpu = options.device.startswith("cuda")
    before = peak_mib()
    cfg = options.policy_cfg
    if precision != AS_IT_IS:
        cfg = replace(cfg, precision=precision)
    began = time.perf_counter()
    spec = action_specs(options.robot)[options.action_space]
    policy = make_policy(cfg, max(options.rows), spec, options.device, options.image_size)
    wait(options.device)
    found: dict[str, Any] = {"load_s": time.perf_counter() - began, "weights_mib": weights_mib(policy)}
    if policy.privileged:
        raise OptionError(f"policy={options.policy} sees the simulator's state, which is not made up here")
    seen = getattr(policy, "observation_spec", None)
    if seen is not None and seen.calibrated:
        raise OptionError(f"policy={options.policy} asks for calibration, which is not made up here")
    try:
        found["latency_ms"] = {str(rows): timed(policy, options, rows) for rows in options.rows}
    finally:
        if hasattr(policy, "close"):
            policy.close()
    if options.is_remote:
        return found | {"peak_mib": None, "peak_is": "the policy's memory is its server's"}
    if on_gpu:
        peak = torch.cuda.max_memory_allocated(options.device) / MIB
        return found | {"peak_mib": peak, "peak_is": "allocated by PyTorch on the GPU"}
    return found | {"peak_mib": peak_mib(), "peak_is": f"resident, {before:.0f} of them before it was loaded"}


def timed(policy: Policy, options: PolicyProfileOptions, rows: int) -> dict[str, Any]:
    """Latency of a decision for so many environments [ms]: ``p50``, ``p99``, ``mean``, ``n``."""
    policy.reset(range(rows), range(rows))
    seen = observation(policy, options, rows)
    times = []
    for repeat in range(-WARM_UP, options.repeats):
        seen = replace(seen, step=torch.full_like(seen.step, (repeat + WARM_UP) * policy.execute_steps))
        began = time.perf_counter()
        with torch.inference_mode():
            policy.act(seen)
        wait(options.device)
        if repeat >= 0:
            times.append(1e3 * (time.perf_counter() - began))
    p50, p99 = np.percentile(times, (50, 99))
    return {
        "p50": float(p50),
        "p99": float(p99),
        "mean": float(np.mean(times)),
        "least": min(times),
        "n": len(times),
    } | busy()


def observation(policy: Policy, options: PolicyProfileOptions, rows: int) -> Observation:
    """Noise for pictures, which costs what any picture does, and an arm at rest."""
    generator = torch.Generator().manual_seed(0)
    size, device = options.image_size, options.device
    shape = (rows, size, size, 3)
    pictures = {
        name: torch.randint(256, shape, dtype=torch.uint8, generator=generator).to(device)
        for name in policy.cameras
    }
    joints = len(robot(options.robot).spec.arm_joints)
    still = torch.zeros(rows, joints, device=device)
    pose = torch.zeros(rows, 7, device=device)
    pose[:, 0], pose[:, 2], pose[:, 3] = 0.4, 0.3, 1.0  # in front of the robot, the hand down
    return Observation(
        env_ids=range(rows),
        step=torch.zeros(rows, dtype=torch.long, device=device),
        instruction=[INSTRUCTION] * rows,
        joint_pos=still,
        joint_vel=still,
        gripper_width=torch.zeros(rows, device=device),
        ee_pose=pose,
        images=pictures,
    )


def weights_mib(policy: Any) -> float | None:
    """What the weights of a checkpoint take [MiB]; None for policies whose weights nobody knows."""
    from policy.m1.precision import weight_bytes

    inner = getattr(policy, "policy", policy)  # within the bounds of a robot
    model = getattr(inner, "model", None)
    return weight_bytes(model) / MIB if isinstance(model, torch.nn.Module) else None


def peak_mib() -> float:
    """The most memory that this process has had resident [MiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def wait(device: str) -> None:
    """Until a GPU has done what it was told."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def main(words: Sequence[str]) -> int:
    """Measure what the JSON in the only word says, and print JSON; returns the exit status."""
    asked = json.loads(words[0])
    try:
        options = parse_options(PolicyProfileOptions, asked["options"])
        options.resolve()
        found = measure(options, asked["precision"])
    except (OptionError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return REFUSED
    except MemoryError:
        print("memory ran out", file=sys.stderr)
        return REFUSED
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
