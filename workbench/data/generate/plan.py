"""The first pass: episodes are simulated without cameras; what succeeded is kept as states and commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from workbench.data.archive.chunk_writer import RollingWriter
from workbench.data.archive.content import timeless
from workbench.data.generate.annotate import NotADemonstration
from workbench.data.generate.demonstrations import NO_DEMONSTRATION, defect, to_episode
from workbench.data.generate.options import GenerateOptions
from workbench.rollout.episode_runner import record_of
from workbench.rollout.loop import Rollout, RunningEpisode
from workbench.rollout.policies import make_policy
from workbench.rollout.simulation import TabletopSimulation, launch_tabletop
from workbench.rollout.tally import Tally
from workbench.rollout.work import Work

PARAPHRASES = 4
"""Other ways to say an instruction that are stored with an episode."""


class PlanPass:
    """Plans episodes into chunks; one process, one simulator."""

    simulation_class: type[TabletopSimulation] = TabletopSimulation

    def __init__(
        self,
        options: GenerateOptions,
        writer: RollingWriter,
        booked: Callable[[dict[str, Any]], Any],
    ) -> None:
        """
        Args:
            options: resolved.
            writer: where lines and episodes go.
            booked: called with each line once its episode has ended; the line is safe only when its chunk is closed.
        """
        self.options, self.writer, self.booked = options, writer, booked

    def run(self, work: Iterable[int] | Work, ready: Callable[[], Any] = lambda: None) -> Tally:
        """Plan the episodes that are handed out; ``ready`` is called when the simulator stands."""
        o = self.options
        with ExitStack() as stack:
            env = stack.enter_context(launch_tabletop(o.simulation_cfg((), o.factor_set())))
            ready()
            return self.plan(env, work)

    def plan(self, env: Any, work: Iterable[int] | Work) -> Tally:
        """The same in environments that stand already."""
        o = self.options
        self.env = env
        self.simulation = self.simulation_class(env, o.factor_set(), o.seed, o.max_steps)
        policy = make_policy(o.policy_cfg, o.num_envs, env.action_spec, o.device, o.image_size)
        with self.writer:
            return Rollout(self.simulation, policy, work, self._done, recorded=range(o.episodes)).run()

    def _done(self, ran: RunningEpisode) -> None:
        episode = self.simulation.episodes.pop(ran.index)
        record = timeless(record_of(ran, episode, self.options.task, self.options.seed).to_dict())
        line = {"index": ran.index, "kept": False, "rejected": record["failure_reason"], "record": record}
        kept = None
        if record["success"]:
            base = self.env.layout.base[ran.row].cpu().numpy()
            others = self.env.task.paraphrases(
                episode.scene, PARAPHRASES, episode.policy_seed, self.options.chosen_split
            )
            try:
                kept = to_episode(ran, episode, record, self.env.action_spec, base, others)
                line["rejected"] = defect(kept)
            except NotADemonstration:
                line["rejected"] = NO_DEMONSTRATION
        line["kept"] = line["rejected"] is None
        self.writer.settle(line, kept if line["kept"] else None)
        self.booked(line)
