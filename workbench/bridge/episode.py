"""`EpisodeRunner`: a policy's episode on one arm, from its first question to the arm at rest.

Observations are put together one period before a control step begins, so that a quick policy's answer is carried out in
that very step; a slow one's is carried out as `policy.execution` says, from the action that is meant for the step in
which it comes. The steps that it took are its latency, and are measured, not assumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from policy.execution import ChunkExecutor, ExecutionCfg
from robots.driver import ArmState
from workbench.bridge.arm_loop import ArmLoop, Step, Tick
from workbench.bridge.gate import Check, Decision, Mode
from workbench.bridge.observation import Observed, Picture, Poses
from workbench.bridge.policies.protocol import BridgePolicy
from workbench.bridge.targets import Targets
from workbench.bridge.thinking import Answer, Thinker

FRAME_EVERY = 2
"""Control steps between two kept pictures of a camera at least."""
STOPPED = "stopped"
"""Why an episode failed in which the arm was stopped for good; other reasons are the task's."""


@dataclass(frozen=True)
class Senses:
    """What a policy sees beside the arm."""

    pictures: Callable[[], dict[str, Picture]] = dict
    poses: Callable[[], Poses | None] = lambda: None
    kept: tuple[str, ...] = ()
    """Cameras whose pictures are kept, beside those that the policy looks through."""


class Watcher(Protocol):
    """Sees what happens, and changes nothing; must return at once."""

    def decided(self, answer: Answer) -> None:
        """A policy has answered."""
        ...

    def ticked(self, tick: Tick) -> None:
        """A period is over."""
        ...


@dataclass
class Happened:
    """An episode as it went."""

    steps: list[Step] = field(default_factory=list)
    decisions: list[Answer] = field(default_factory=list)
    frames: list[tuple[int, dict[str, Picture]]] = field(default_factory=list)
    """Pictures that were kept, with the control step that they belong to."""
    changed: int = 0
    """Control steps whose command the gate changed or refused."""
    checks: Counter[Check] = field(default_factory=Counter)
    """By which of its checks, those commands alone."""
    idle: int = 0
    """Control steps for which no action had come."""
    ended: str = ""
    """Why it ended: ``judged``, ``done``, ``time`` or `STOPPED`."""
    reason: str = ""
    """The gate's, where it was stopped."""


class EpisodeRunner:
    """Runs episodes of one policy on one arm; for one thread."""

    def __init__(
        self,
        loop: ArmLoop,
        policy: BridgePolicy,
        thinker: Thinker,
        targets: Targets,
        execution: ExecutionCfg,
        senses: Senses,
        over: Callable[[], str | None],
        steered: Callable[[], bool] = lambda: True,
        watcher: Watcher | None = None,
    ) -> None:
        """
        Args:
            loop: the arm and its gate.
            policy: who acts; asked through ``thinker`` alone.
            thinker: asks it.
            targets: what its actions mean.
            execution: how its chunks are carried out.
            senses: what it sees beside the arm.
            over: says, each period, why the episode is over, if it is.
            watcher: is told what happens, for a live view.
            steered: whether the arm follows this policy; where it does not, as in the shadow of another, the gate
                begins at each decision where the arm is.
        """
        self._loop, self._policy, self._thinker, self._targets = loop, policy, thinker, targets
        self._senses, self._over, self._steered = senses, over, steered
        self._watcher = watcher
        self._executor = ChunkExecutor(execution, 1, policy.action_spec, policy.action_spec.idle_action)
        self._per_step = round(1 / (loop.ticker.period * policy.action_spec.control_hz))
        self._instruction, self._captured = "", 0.0
        self._step = 0
        self._asked_step: int | None = None
        self._left: int | None = None

    def run(self, name: str, seed: int, instruction: str, most_steps: int, trailing: int = 0) -> Happened:
        """An episode of at most so many control steps; ``trailing`` steps more are seen after the policy is done."""
        happened = Happened()
        state = self._loop.resume()
        self._targets.begin(self._loop.commanded if self._loop.commanding else state.joint_pos.value)
        self._executor.begin([0])
        self._thinker.begin(name, seed)
        self._instruction, self._step, self._asked_step, self._left = instruction, 0, None, None
        phase = self._per_step - 1  # the first period puts the first observation together
        while True:
            now, state_now = self._loop.wait()
            state = state_now or state
            self._take(happened)
            tick = None
            if phase == 0:
                tick = self._control_step(now, state, happened)
            if phase == self._per_step - 1 and state_now is not None:
                self._ask(state)
            setpoint = self._loop.finish(now, state_now)
            if setpoint.mode is not Mode.MOVING:
                self._targets.commanded(setpoint.position)
            ticked = Tick(now, state_now, setpoint, *(tick or ()))
            self._log(ticked)
            if self._watcher is not None:
                self._watcher.ticked(ticked)
            phase = (phase + 1) % self._per_step
            if phase == 0 and (why := self._ending(happened, most_steps, trailing)):
                happened.ended = why
                return happened

    # -- the policy

    def _ask(self, state: ArmState) -> None:
        if self._thinker.busy_for is not None or not self._executor.due()[0]:
            return  # it may think for an episode that is over: its answer is then of no use
        pictures = self._senses.pictures()
        seen = {name: pictures[name] for name in self._policy.cameras if name in pictures}
        poses = self._senses.poses() if self._policy.uses_pose_sensor else None
        if len(seen) < len(self._policy.cameras) or (self._policy.uses_pose_sensor and poses is None):
            return  # a camera or sensor has said nothing yet: no command, and the gate holds
        observed = Observed(
            now=self._loop.clock(),
            step=self._step,
            instruction=self._instruction,
            state=state,
            ee_pose=self._targets.tool(state.joint_pos.value),
            commanded_pose=self._targets.tool(self._targets.joints),
            pictures=seen,
            poses=poses,
        )
        if not self._steered():
            self._loop.follow(state)
            self._targets.begin(state.joint_pos.value)
        self._asked_step = self._step
        self._thinker.ask(observed)

    def _take(self, happened: Happened) -> None:
        """Take up an answer that has come."""
        answer = self._thinker.answer()
        if answer is None:
            return
        asked, self._asked_step = self._asked_step, None
        if answer.thought is None:
            self._loop.gate.fault(f"the policy failed: {type(answer.failure).__name__}: {answer.failure}")
            return
        assert asked is not None
        waited = self._step - asked
        self._executor.receive([0], answer.thought.actions[None], np.zeros(1, np.int64), asked_ago=waited)
        happened.decisions.append(answer)
        self._captured = answer.observed.captured
        if self._watcher is not None:
            self._watcher.decided(answer)
        if answer.thought.done and self._left is None:
            self._left = 0
        if self._loop.log is not None:
            self._log_decision(answer, asked, waited)
        self._keep_pictures(happened, asked)

    def _keep_pictures(self, happened: Happened, step: int) -> None:
        """Those of the decision that was made for a step, all cameras together, and none twice."""
        wanted = tuple(dict.fromkeys((*self._policy.cameras, *self._senses.kept)))
        if not wanted or (happened.frames and step - happened.frames[-1][0] < FRAME_EVERY):
            return
        newest = self._senses.pictures()
        if any(name not in newest for name in wanted):
            return
        pictures = {name: newest[name] for name in wanted}
        if happened.frames and pictures[wanted[0]].captured == happened.frames[-1][1][wanted[0]].captured:
            return
        happened.frames.append((step, pictures))
        if self._loop.log is not None:
            self._loop.log.write("/frame", {"step": step, "cameras": list(wanted)})
            for name, picture in pictures.items():
                self._loop.log.picture(name, picture.rgb, picture.captured)

    # -- a control step

    def _control_step(
        self, now: float, state: ArmState, happened: Happened
    ) -> tuple[Decision | None, np.ndarray | None, Step]:
        actions, idle = self._executor.next()
        action, decision, joints = actions[0], None, None
        if idle[0]:
            happened.idle += 1
        else:
            joints, gripper = self._targets.of(action, state.joint_pos.value)
            decision = self._loop.command(joints, gripper, self._captured, now)
            if decision.target is not None:
                self._targets.commanded(decision.target)
            happened.changed += decision.verdict != "accepted"
            happened.checks.update(intervention.check for intervention in decision.interventions)
        measured = self._targets.tool(state.joint_pos.value)
        poses = self._senses.poses()
        step = Step(state, action, self._targets.joints.copy(), measured, poses)
        happened.steps.append(step)
        self._step += 1
        if self._left is not None:
            self._left += 1
        return decision, joints, step

    def _ending(self, happened: Happened, most_steps: int, trailing: int) -> str:
        mode = self._loop.gate.mode
        if mode in (Mode.LATCHED, Mode.STOPPED) and self._steered():
            happened.reason = self._loop.gate.reason
            return STOPPED
        if (why := self._over()) is not None:
            return why
        if self._left is not None and self._left > trailing:
            return "done"
        return "time" if self._step >= most_steps else ""

    # -- the log

    def _log(self, tick: Tick) -> None:
        if self._loop.log is None:
            return
        setpoint, state = tick.setpoint, tick.state
        message: dict[str, Any] = {
            "at": tick.now,
            "step": self._step,
            "setpoint": [setpoint.position, setpoint.velocity, setpoint.acceleration],
            "gripper": setpoint.gripper,
            "mode": setpoint.mode,
            "commanding": self._loop.commanding,
            "work_s": self._loop.tally.tick_s[-1],
        }
        if state is not None:
            message["state"] = {
                name: {"value": reading.value, "captured": reading.captured}
                for name in ("joint_pos", "joint_vel", "torque", "tool_pose", "gripper_width")
                if (reading := getattr(state, name))
            }
        if tick.decision is not None:
            message["command"] = {
                "asked": tick.asked,
                "verdict": tick.decision.verdict,
                "target": tick.decision.target,
                "reasons": tick.decision.reasons,
            }
        if tick.step is not None:
            poses = tick.step.poses
            message["control"] = {
                "action": tick.step.action,
                "ee_pose": tick.step.ee_pose,
                "poses": dict(poses.things) if poses else None,
            }
        self._loop.log.write("/tick", message, tick.now)

    def _log_decision(self, answer: Answer, step: int, waited: int) -> None:
        log, thought, observed = self._loop.log, answer.thought, answer.observed
        assert log is not None
        assert thought is not None
        log.write(
            "/decision",
            {
                "step": step,
                "waited_steps": waited,
                "asked": answer.asked,
                "answered": answer.answered,
                "ages": observed.ages(),
                "input": observed.digest(),
                "ee_pose": observed.ee_pose,
                "poses": dict(observed.poses.things) if observed.poses else None,
                "actions": thought.actions,
                "grounding": thought.grounding,
            },
            answer.answered,
        )
