"""`TaskSpec`: all that a task on the tabletop is. Environment, randomisation, rollout and data know no more of it.

A task is a module with one `TaskSpec`, found by its name (`tasks.registry`); docs/adding_a_task.md shows how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from policy.action import ActionSpec
from policy.contract import Policy
from policy.grounding import Grounding
from robots.protocol import RobotModel
from tasks.language import Phrasing, SceneFacts, phrase
from tasks.shapes import OBJECTS
from tasks.tabletop.body_table import BodyTable
from tasks.tabletop.composition import composed, draw_poses, thing
from tasks.tabletop.held_out import HeldOut, SplitError
from tasks.tabletop.judge import Judge
from tasks.tabletop.layout_facts import LayoutFact, layout_facts
from tasks.tabletop.paraphrases import paraphrases
from tasks.tabletop.scene import Scene
from tasks.tabletop.view import PrivilegedView

VERB = "language.verb"
"""The factor whose words are the task's own."""


class MakeExpert(Protocol):
    """How a task's scripted expert is made: its class, as a rule."""

    def __call__(
        self,
        num_envs: int,
        action_spec: ActionSpec,
        grounding_error_px: float = 0.0,
        latency_steps: int = 0,
        device: str = "cpu",
        error_attempts: int = 0,
    ) -> Policy:
        """An expert for so many environments.

        Args:
            num_envs: number of environments.
            action_spec: of `tasks.tabletop.action_spaces`.
            grounding_error_px: standard deviation per axis of the error in where it sees things [px].
            latency_steps: control steps by which its actions come late.
            device: torch device.
            error_attempts: attempts after which it sees things where they are; 0 for never.
        """
        ...


@dataclass(frozen=True)
class TaskSpec:
    """What is asked, how a scene for it is drawn, and when it is done."""

    name: str
    """As in ``task=``: lower case, words joined by underscores."""
    help: str
    """What is asked, in a line."""
    phrasing: type[Phrasing]
    """How it is asked, from its verbs to its prepositions."""
    judge: Callable[[BodyTable, int, float, str, RobotModel], Judge]
    """Makes a judge of: shapes of the bodies, number of environments, control step [s], torch device, and the robot."""
    failure_reasons: tuple[str, ...]
    """Why an episode can fail; the first that applies counts."""
    expert: MakeExpert
    """The scripted policy that sees the simulator's state."""
    true_grounding: Callable[[PrivilegedView, int], Grounding]
    """Where things really are, for one row of a view."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What ``scene.*`` factors that are words may be here, where that is not all there is: factor -> words. They say
    which bodies may be named as target (``scene.target_shape``) and as receptacle (``scene.receptacle``)."""
    held_out: HeldOut | None = None
    """What is kept for asking for generalisation: it makes the splits of ``split=``. None for a task without splits."""
    grasps: bool = True
    """Whether the object is held while it is moved: demonstrations of other tasks have no grasp."""
    problems: Callable[[Scene], list[str]] = lambda scene: []
    """What keeps a scene from being one of this task, beyond what holds for all, in plain sentences."""
    draw_poses: Callable[[np.random.Generator, Sequence[str], float], list[float]] = draw_poses
    """Where bodies stand: x, y [m] and yaw [rad] of target, receptacle and the rest in turn, from the names of their
    slots and the least gap between them [m]."""
    layout_facts: Callable[[Mapping[str, Any]], dict[str, LayoutFact]] = layout_facts
    """What a drawn scene is like as a whole: columns that success is held against."""

    def __post_init__(self) -> None:
        """SplitError where what is held out would be seen, or cannot be drawn."""
        if self.held_out is not None:
            shapes = self.choices.get("scene.target_shape", OBJECTS)
            if problems := self.held_out.problems(self.phrasing, shapes):
                raise SplitError(f"task {self.name!r} holds out what it cannot: " + "; ".join(problems))

    def check_split(self, split: str) -> HeldOut:
        """What is held out; SplitError, in one sentence, for a split that this task does not have."""
        if self.held_out is None:
            raise SplitError(f"task {self.name!r} holds nothing out, so it has no split {split!r}")
        if split not in self.held_out.splits():
            have = ", ".join(self.held_out.splits())
            raise SplitError(f"task {self.name!r} has no split {split!r}: choose one of {have}")
        return self.held_out

    def compose(self, values: Mapping[str, Any]) -> Scene:
        """The scene that the values of the ``scene.*`` factors describe, asked for as those of ``language.*`` say."""
        return composed(self.name, self.phrasing, values)

    def instruction(self, scene: Scene) -> str:
        """How a scene is asked for where nothing varies: "put the red cube on the blue plate"."""
        return phrase(SceneFacts(thing(scene.target), thing(scene.receptacle)), self.phrasing())

    def paraphrases(self, scene: Scene, count: int, seed: int, split: str = "") -> tuple[str, ...]:
        """So many other ways to ask for a scene, from a seed; see `tasks.tabletop.paraphrases`.

        In a split, none is held out; in that of unseen wordings, all are.
        """
        allowed = self.check_split(split).wordings(split, self.phrasing) if split else {}
        return paraphrases(scene, count, seed, self.phrasing, allowed)

    def words(self, factor: str) -> tuple[str, ...] | None:
        """What a factor may be in this task; None where that is all there is."""
        if factor == VERB and self.phrasing.OPTIONS != Phrasing.OPTIONS:
            return self.phrasing.OPTIONS["verb"]
        return self.choices.get(factor)

    def nominal(self, factor: str, otherwise: Any) -> Any:
        """The nominal value of a factor, which but for the verb is the same in all tasks."""
        return self.phrasing().verb if factor == VERB else otherwise
