"""Does any command to a joint exceed the robot's limits? From the engine's own joint targets, at every physics step.

    python -m tools.motion_limits                                  # 100 heavy episodes of the expert
    python -m tools.motion_limits policy=random episodes=16 physics=newton_mjwarp

Before each physics step the targets that the engine holds are read back from it. Velocity, acceleration and jerk of a
command are differences of these, from rest at the beginning of each episode. Exit status 1 if a limit is exceeded.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from rich.console import Console

from domain_rand.sets import FactorSetError, load_set
from robots import JointLimits
from robots import registry as robots
from robots.registry import RobotError, robot
from tasks import registry as tasks
from tasks.registry import DEFAULT as DEFAULT_TASK
from tasks.registry import TaskError
from workbench.cli.options import OptionError, option, parse_options
from workbench.rollout.launch import LaunchError, check_launch, default_device, default_physics
from workbench.rollout.policies import PolicyCfg, make_policy
from workbench.rollout.simulation import TabletopSimulation

QUANTITIES = ("velocity", "acceleration", "jerk")


@dataclass
class MotionLimitsOptions:
    """Options of the check."""

    task: str = option(DEFAULT_TASK, f"what is asked: {', '.join(tasks.names())}")
    robot: str = option(robots.DEFAULT, f"which robot: {', '.join(robots.names())}")
    policy: str = option("expert", "who acts: expert, noisy_expert, random")
    dr: str = option("heavy", "factor set")
    episodes: int = option(100, "episodes")
    num_envs: int = option(16, "environments")
    seed: int = option(1, "seed of the suite")
    physics: str = option("auto", "engine")
    device: str = option("auto", "cpu or cuda:N")
    action_space: str = option("delta_eef", "what actions mean: delta_eef, delta_joints")
    time_limit_s: float = option(15.0, "simulated time after which an episode ends", "s")

    def check(self) -> None:
        """An error of one sentence for what cannot run, before the simulator starts."""
        if min(self.episodes, self.num_envs) < 1 or self.seed < 0 or not self.time_limit_s > 0:
            raise OptionError("episodes, num_envs and time_limit_s must be above 0, seed 0 or more")
        robot(self.robot)
        tasks.find(self.task)
        if self.device == "auto":
            self.device = default_device()
        if self.physics == "auto":
            self.physics = default_physics(self.device)
        self.policy_cfg.check()
        load_set(self.dr, task=self.task)
        check_launch(self.physics, "newton_warp", self.device)

    @property
    def policy_cfg(self) -> PolicyCfg:
        """The policy, with the command line's errors where it is the noisy expert."""
        return PolicyCfg(
            self.policy, grounding_error_px=4.0, latency_steps=2, task=self.task, robot=self.robot
        )


@dataclass(frozen=True)
class Commanded:
    """What was commanded in a run."""

    worst: dict[str, float]
    """Greatest velocity, acceleration and jerk of an arm joint, over its limit."""
    beyond: float
    """Share of physics steps in which an arm joint was commanded beyond one of them."""
    finger_speed: float
    """Greatest commanded speed of a joint of the gripper [m/s or rad/s]."""
    greatest_finger_speed: float
    """What that may be [m/s or rad/s]."""
    limited: float | None
    """Share of the episodes' control steps in which the limiter changed the command; None where there is none."""
    successes: int

    @property
    def exceeded(self) -> list[str]:
        """Limits that were exceeded."""
        found = [name for name, share in self.worst.items() if share > 1.0]
        return found + (["finger speed"] if self.finger_speed > self.greatest_finger_speed else [])


def engine_targets(env: Any) -> np.ndarray:
    """Joint targets that the physics engine holds ``[N, J + G]``: arm [rad], gripper [rad or m]; a copy."""
    robot, joints = env.robot, [*env.arm_joint_ids, *env.finger_joint_ids]
    if hasattr(robot.data, "_sim_bind_joint_position_target"):  # Newton: the solver's own array
        held = robot.data._sim_bind_joint_position_target.numpy()
    else:
        held = robot.root_view.get_attribute("articulation_dof_position_target").numpy()
    return held.reshape(env.num_envs, -1)[:, joints].copy()


class LoggedSimulation(TabletopSimulation):
    """Notes the engine's targets before each physics step, and where the motion of each row begins anew."""

    def __init__(self, env: Any, *args: Any, **words: Any) -> None:
        super().__init__(env, *args, **words)
        self.targets: list[np.ndarray] = []
        self.breaks: list[set[int]] = [set() for _ in range(env.num_envs)]
        """Physics steps before which the arm of a row was put somewhere else."""
        self.limited_rows: list[np.ndarray] = []
        step = env.sim.step

        def logged(*args: Any, **words: Any) -> Any:
            self.targets.append(engine_targets(env))
            return step(*args, **words)

        env.sim.step = logged

    def begin(self, rows: Sequence[int], indices: Sequence[int]) -> list[int]:
        """See `workbench.rollout.loop.Simulation`."""
        seeds = super().begin(rows, indices)
        self._note(rows)
        return seeds

    def end(self, rows: Sequence[int]) -> None:
        """See `workbench.rollout.loop.Simulation`."""
        super().end(rows)
        self._note(rows)

    def step(self, actions: Any) -> None:
        """See `workbench.rollout.loop.Simulation`."""
        super().step(actions)
        limiter = getattr(self.env.command, "limiter", None)
        if limiter is not None:
            running = [row not in self._idle for row in range(self.num_envs)]
            self.limited_rows.append(limiter.touched.cpu().numpy()[running])

    def _note(self, rows: Sequence[int]) -> None:
        rest = self.env.robot.data.joint_pos.torch[:, [*self.env.arm_joint_ids, *self.env.finger_joint_ids]]
        for row in rows:
            self.breaks[row].add(len(self.targets))
        # Where the arms stand, thrice: the motion begins at rest, and its first step counts too.
        self.targets += [rest.cpu().numpy().copy()] * 3
        held = engine_targets(self.env)
        moving = [row for row in range(self.num_envs) if row not in rows]
        for padded in self.targets[-3:]:
            padded[moving] = held[moving]


def motions(simulation: LoggedSimulation) -> list[np.ndarray]:
    """Commanded motion from rest on, one array ``[K, J + G]`` an episode or pause of a row."""
    log, found = np.stack(simulation.targets), []
    for row, breaks in enumerate(simulation.breaks):
        paused = {at + k for other in simulation.breaks for at in other - breaks for k in range(3)}
        cuts = [*sorted(breaks), len(log)]
        for start, stop in pairwise(cuts):
            kept = [i for i in range(start, stop) if i not in paused]
            found.append(log[kept, row].astype(np.float64))
    return found


def shares(motion: np.ndarray, dt: float, of: JointLimits) -> np.ndarray:
    """Velocity, acceleration and jerk of joints over their limits ``[3, K - 3, J]`` of a motion ``[K, J + G]``."""
    limits, joints = (of.velocity, of.acceleration, of.jerk), len(of.velocity)
    return np.stack(
        [
            np.abs(np.diff(motion[:, :joints], order, 0) / dt**order / limit)[3 - order :]
            for order, limit in zip((1, 2, 3), limits, strict=True)
        ]
    )


def measure(options: MotionLimitsOptions) -> Commanded:
    """Run the episodes and look at every command."""
    from tasks.tabletop.action_spaces import CONTROL_HZ
    from workbench.rollout.loop import Rollout, RunningEpisode
    from workbench.rollout.simulation import launch_tabletop
    from workbench.rollout.simulation_cfg import SimulationCfg

    factor_set, n, successes = load_set(options.dr, task=options.task), options.num_envs, []
    model = robot(options.robot)
    launched = launch_tabletop(
        SimulationCfg(
            n,
            options.physics,
            options.device,
            task=options.task,
            robot=options.robot,
            action_space=options.action_space,
            seed=options.seed,
            factor_set=factor_set,
        )
    )
    with launched as env:
        steps = round(options.time_limit_s * CONTROL_HZ)
        simulation = LoggedSimulation(env, factor_set, options.seed, steps)
        policy = make_policy(options.policy_cfg, n, env.action_spec, options.device)

        def done(ran: RunningEpisode) -> None:
            successes.append(ran.outcome is not None and ran.outcome.success)

        Rollout(simulation, policy, range(options.episodes), done).run()
        found = [m for m in motions(simulation) if len(m) > 3]
        over = [shares(motion, env.physics_dt, model.spec.limits) for motion in found]
        beyond = np.concatenate([(share > 1).any((0, 2)) for share in over])
        arm = len(model.spec.arm_joints)
        fingers = max(float(np.abs(np.diff(m[:, arm:], axis=0)).max()) for m in found) / env.physics_dt
        limited = float(np.concatenate(simulation.limited_rows).mean()) if simulation.limited_rows else None
    worst = {name: float(max(share[k].max() for share in over)) for k, name in enumerate(QUANTITIES)}
    return Commanded(worst, float(beyond.mean()), fingers, model.gripper.speed, limited, sum(successes))


def main(argv: Sequence[str] | None = None) -> int:
    """Check and print."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        options = parse_options(MotionLimitsOptions, sys.argv[1:] if argv is None else argv)
        options.check()
    except (OptionError, FactorSetError, LaunchError, RobotError, TaskError) as error:
        print(f"motion_limits: {error}", file=sys.stderr)
        return 2
    found = measure(options)
    console.print(
        f"{options.episodes} {options.dr} episodes of {options.policy} on {options.physics}, "
        f"{found.successes} succeeded",
    )
    for name, share in found.worst.items():
        console.print(f"greatest {name}: {share:.3f} of its limit")
    console.print(f"physics steps beyond a limit: {found.beyond:.2%}")
    console.print(f"greatest speed of a finger: {found.finger_speed:.4f} m/s")
    if found.limited is not None:
        console.print(f"control steps that the limiter changed: {found.limited:.2%}")
    if found.exceeded:
        console.print(f"[red]beyond its limit: {', '.join(found.exceeded)}[/]")
    return 1 if found.exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
