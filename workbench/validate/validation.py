"""`Validation`: which evidence is gathered in which order, what is cheap first, and when enough is known.

A requirement that is not met and forbids decides; what follows is then not tried, and says so, unless ``all=true``.
Success that falls short is a symptom, so its causes are still looked for: time, then single factors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console

from domain_rand.factor import REGISTRY
from robots.registry import robot
from tasks.tabletop.action_spaces import CONTROL_DT
from workbench.bridge.place import bounds_of
from workbench.cli.options import OptionError
from workbench.rollout.trajectory import Trajectory
from workbench.runs.records import EpisodeRecord
from workbench.validate.acting import (
    SHAPE,
    factors_line,
    grounding_line,
    objects_line,
    success_line,
    time_line,
)
from workbench.validate.bounds import line_of, overlap
from workbench.validate.deciding import (
    Thinking,
    contract_line,
    latency_line,
    memory_line,
    needed_delay,
    thinking_of,
)
from workbench.validate.motion import Motion, limiter_line, motion_of, share_line, workspace_line
from workbench.validate.options import ValidateOptions
from workbench.validate.plan import LATENCY, RECORDED, Plan
from workbench.validate.requirements import Requirement, Requirements
from workbench.validate.runs import Evaluated, NotPossible, Runs
from workbench.validate.shadow import shadow_line
from workbench.validate.stopping import stopping_line
from workbench.verdict.decide import FORBIDS
from workbench.verdict.line import FAIL, NOT_EVALUATED, PASS, Evidence, Line
from workbench.verdict.scope import scope_of

NEEDS_MOTION = ("workspace", "velocity", "acceleration", "stopping")
SYMPTOM = "success"
MORE_TIME = 3.0
"""By which the time limit grows when success falls short."""
SMALL_PICTURES = {"frame_every": "100000"}
"""Recorded episodes are for numbers here: their first and last picture will do."""


class Validation:
    """Gathers lines; `run` is all."""

    def __init__(self, options: ValidateOptions, asked: Requirements, runs: Runs, console: Console) -> None:
        self.options, self.asked, self.runs, self.console = options, asked, runs, console
        self.plan = Plan(options, asked)
        self.lines: dict[str, Line] = {}
        self.met: list[EpisodeRecord] = []
        """Episodes under what the requirements were met under: what the verdict applies to."""
        self._thinking: Thinking | None = None
        self._profile: tuple[Mapping[str, Any], Evidence] | None = None
        self._unprofiled = ""
        """Why there is no profile, once one was tried."""

    def run(self) -> list[Line]:
        """All lines, in the order of the requirements."""
        self._given()
        steps: list[tuple[Sequence[str], Callable[[], None]]] = [
            (("contract", "latency", "delay"), self._decisions),
            (("memory",), self._memory),
            ((SYMPTOM, "limiter", "grounding", "objects", "time", *NEEDS_MOTION), self._main),
            (("time",), self._time),
            (("delay",), self._delay),
            (("factors",), self._factors),
            (("disturbed",), self._disturbed),
            (("engine",), self._engine),
        ]
        for names, step in steps:
            wanted = [name for name in names if name in self.asked and name not in self.lines]
            if not wanted:
                continue
            if (decided := self._decided(wanted)) is None:
                step()
                continue
            for name in wanted:
                self._put(
                    line_of(
                        self.asked[name], f"not tried, since {decided} decides already (all=true goes on)"
                    )
                )
        for one in self.asked.all:
            if one.name not in self.lines:
                self._put(line_of(one, "nothing was measured"))
        return [self.lines[one.name] for one in self.asked.all]

    def scope(self) -> dict[str, Any]:
        """What the evidence covers."""
        nominal = {name: factor.nominal for name, factor in REGISTRY.items()}
        return scope_of(self.met, nominal, robot=self.options.robot, task=self.options.task)

    # -- which

    def _decided(self, wanted: Sequence[str]) -> str | None:
        """The requirement that decides already, unless these look for the cause of it."""
        if self.options.all:
            return None
        failing = [
            name
            for name, line in self.lines.items()
            if line.state == FAIL and self.asked[name].failed.does == FORBIDS
        ]
        if failing == [SYMPTOM] and set(wanted) <= {"time", "delay", "factors"}:
            return None
        return failing[0] if failing else None

    def _put(self, line: Line) -> None:
        if line.name in self.asked:
            self.lines[line.name] = line
            self.console.print(f"{line.state:<14} {line.name:<13} {line.sentence}", markup=False)

    def _each(self, name: str, make: Callable[[Requirement], Line]) -> None:
        if name in self.asked:
            self._put(make(self.asked[name]))

    # -- what costs nothing

    def _given(self) -> None:
        o = self.options
        sentence = f"{o.calibration}, {len(o.factor_set().factors)} factors"
        if o.calibration:
            self._each("calibration", lambda a: line_of(a, sentence).but(state=PASS))
        else:
            missing = f"no set was calibrated to this robot (calibration=): dr={o.dr} stands for it"
            self._each("calibration", lambda a: line_of(a, missing))
        self._each("shadow", lambda a: shadow_line(a, o.shadow, o.robot, self.asked.confidence))

    # -- how it decides

    def _decisions(self) -> None:
        found, evidence = self.runs.check()
        self._each("contract", lambda a: contract_line(a, found, evidence))
        if found["privileged"]:
            self._unprofiled = "the policy sees the simulator's state, which no robot has"
        elif self._decided(["latency"]) is None:
            self._take_profile()
        self._thinking = thinking_of((found, evidence), self._profile, self.options.horizon)
        self._each("latency", lambda a: latency_line(a, self._thinking, CONTROL_DT))

    def _memory(self) -> None:
        self._take_profile()
        self._each("memory", lambda a: memory_line(a, self._profile, self._unprofiled))

    def _take_profile(self) -> None:
        if self._profile is None and not self._unprofiled:
            try:
                self._profile = self.runs.profile()
            except NotPossible as problem:
                self._unprofiled = str(problem)

    # -- how it acts

    def _main(self) -> None:
        """The evaluation that most lines rest on."""
        needs_motion = any(name in self.asked for name in NEEDS_MOTION)
        recorded = {"record": str(RECORDED)} | SMALL_PICTURES if needs_motion else {}
        try:
            ran = self._main_run = self.runs.evaluate("success", self.plan.episodes("success"), **recorded)
        except NotPossible as problem:
            raise OptionError(str(problem)) from problem
        self._motion(ran)
        confidence = self.asked.confidence
        self._each("limiter", lambda a: limiter_line(a, ran.records, ran.evidence))
        if "grounding" in self.asked:
            line = grounding_line(self.asked["grounding"], ran, confidence)
            silent = line_of(
                self.asked["grounding"], "the policy never says where it will act", (ran.evidence,)
            )
            # Who claims nothing claims nothing wrong.
            self._put(line or silent.but(state=PASS))
        self._each("objects", lambda a: objects_line(a, ran.records, self._shapes(), ran.evidence))
        under = f"under {'the calibrated set' if self.options.calibration else 'dr=' + self.options.dr}"
        self._put(success_line(self.asked[SYMPTOM], ran, confidence, under))
        if self.lines[SYMPTOM].state == PASS:
            self.met += ran.records
            self._each("time", lambda a: time_line(a, ran, None, self.options.time_limit_s, confidence))

    def _motion(self, ran: Evaluated) -> None:
        if not any(name in self.asked for name in NEEDS_MOTION):
            return
        model = robot(self.options.robot)
        files = sorted((ran.folder / "trajectories").glob("episode_*.npz"))
        tracks = [Trajectory.load(file) for file in files]
        bounds = bounds_of(self.plan.place, model.workspace)
        motion: Motion | None = motion_of(tracks, model, bounds) if tracks else None
        self._each("workspace", lambda a: workspace_line(a, motion, ran.evidence))
        for name in ("velocity", "acceleration"):
            shares = None if motion is None else getattr(motion, name)
            self._each(name, lambda a, s=shares: share_line(a, s, ran.evidence))  # type: ignore[misc]
        self._each("stopping", lambda a: stopping_line(a, tracks, model, bounds, ran.evidence))

    def _shapes(self) -> list[str]:
        for factor in self.options.factor_set().factors:
            if factor.name == SHAPE:
                return [str(option) for option in getattr(factor.distribution, "options", ())]
        return []

    def _time(self) -> None:
        """Would it do its job with more time? Asked where success falls short because time ran out."""
        ran, limit = self._main_run, self.options.time_limit_s
        failed = [record for record in ran.records if not record.success]
        ran_out = [record for record in failed if record.duration_s >= limit - CONTROL_DT]
        longer = None
        if 2 * len(ran_out) > len(failed):
            longer = self.runs.evaluate("longer", len(ran.records), time_limit_s=f"{MORE_TIME * limit:g}")
        self._each("time", lambda a: time_line(a, ran, longer, limit, self.asked.confidence))

    def _delay(self) -> None:
        asked, delay = self.asked["delay"], needed_delay(self._thinking, CONTROL_DT)
        if delay == 0:
            said = "it answers within a control period, so that success is asked for without a delay"
            self._put(line_of(asked, said, (self._main_run.evidence,)).but(state=PASS))
            return
        try:
            ran = self.runs.evaluate("delay", self.plan.episodes("delay"), **{LATENCY: f"{delay:g}"})
        except NotPossible as problem:
            self._put(line_of(asked, str(problem)))
            return
        line = success_line(asked, ran, self.asked.confidence, f"with answers {1e3 * delay:g} ms late")
        before = self.lines[SYMPTOM]
        if line.state == before.state == FAIL and overlap(line, before):
            said = f"it succeeds no better without a delay: {line.sentence}"
            line = line.but(state=NOT_EVALUATED, sentence=said)
        self._take(line, ran)

    def _factors(self) -> None:
        asked = self.asked["factors"]
        try:
            ran = self.runs.evaluate("factors", self.plan.episodes("factors"), **self.plan.ladder_words())
        except NotPossible as problem:
            self._put(line_of(asked, str(problem)))
            return
        self._take(factors_line(asked, ran, self.asked.confidence), ran)

    def _disturbed(self) -> None:
        asked = self.asked["disturbed"]
        disturbances: Mapping[str, Any] = asked.given["factors"]
        changes = {
            f"dr__{name.replace('.', '__')}__value": f"{value}" for name, value in disturbances.items()
        }
        try:
            ran = self.runs.evaluate("disturbed", self.plan.episodes("disturbed"), **changes)
        except NotPossible as problem:
            self._put(line_of(asked, str(problem)))
            return
        said = ", ".join(f"{name} {value}" for name, value in disturbances.items())
        self._take(success_line(asked, ran, self.asked.confidence, f"with {said}"), ran)

    def _engine(self) -> None:
        asked = self.asked["engine"]
        physics = str(asked.given["physics"])
        if physics == self.options.physics:
            self._put(line_of(asked, f"{physics} is the engine itself: name another one in the requirements"))
            return
        try:
            ran = self.runs.evaluate("engine", self.plan.episodes("engine"), physics=physics)
        except NotPossible as problem:
            self._put(line_of(asked, str(problem)))
            return
        self._take(success_line(asked, ran, self.asked.confidence, f"with physics={physics}"), ran)

    def _take(self, line: Line, ran: Evaluated) -> None:
        self._put(line)
        if line.state == PASS:
            self.met += ran.records
