"""Lines on how a policy decides: conventions, time, memory. Nothing moves for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.policy_check.verdict import CONTRADICTORY
from workbench.validate.bounds import line_of, most_line
from workbench.validate.requirements import Requirement
from workbench.verdict.line import FAIL, NOT_EVALUATED, Evidence, Line

CHANNELS_SHOWN = 3
BUSY = 1.0
"""Processes for each core beyond which times are those of a machine that has other things to do."""


@dataclass(frozen=True)
class Thinking:
    """How long a policy takes for a decision."""

    p99_s: float
    least_s: float
    """The quickest one."""
    load: float
    """Processes for each core of the machine, while it was measured."""
    steps: int
    """Control steps that the decision is for."""
    evidence: Evidence

    def share(self, control_dt: float) -> float:
        """Of the time that its actions last."""
        return self.p99_s / (self.steps * control_dt)


def contract_line(asked: Requirement, found: Mapping[str, Any], evidence: Evidence) -> Line:
    """How many conventions contradict, from what ``workbench policy check`` found; the first ones in words."""
    wrong = [verdict for verdict in found["verdicts"] if verdict["result"] == CONTRADICTORY]
    said = "; ".join(f"{v['channel']}: {v['sentence']}" for v in wrong[:CHANNELS_SHOWN])
    more = f" and {len(wrong) - CHANNELS_SHOWN} more" if len(wrong) > CHANNELS_SHOWN else ""
    told = sum(v["result"] == "consistent" for v in found["verdicts"])
    sentence = said + more if wrong else f"{told} conventions are consistent, none contradicts"
    channels = [v["channel"] for v in wrong]
    return most_line(
        asked, len(wrong), sentence, (evidence,), channels=channels, decisions=found["decisions"]
    )


def thinking_of(
    check: tuple[Mapping[str, Any], Evidence] | None,
    profile: tuple[Mapping[str, Any], Evidence] | None,
    horizon: int,
) -> Thinking | None:
    """How long a decision takes: from the profile where there is one, else from the decisions of the check.

    ``horizon`` is how many steps a decision is for; 0: as the policy says. None where nothing was measured.
    """
    steps = horizon or int((check[0] if check else {}).get("execute_steps", 1))
    if profile is not None:
        return _thinking(profile[0]["latency_ms"]["1"], steps, profile[1])
    if check is None or not check[0].get("decision_ms"):
        return None
    return _thinking(check[0]["decision_ms"], steps, check[1])


def _thinking(ms: Mapping[str, float], steps: int, evidence: Evidence) -> Thinking:
    return Thinking(ms["p99"] / 1e3, ms["least"] / 1e3, ms["load_per_core"], steps, evidence)


def latency_line(asked: Requirement, thinking: Thinking | None, control_dt: float) -> Line:
    """The 99th percentile of a decision against the time that its actions last.

    Late answers on a machine that was busy with other things say nothing, unless even the quickest one was late.
    """
    if thinking is None:
        return line_of(asked, "no decision was timed")
    share = thinking.share(control_dt)
    lasts = thinking.steps * control_dt
    sentence = (
        f"a decision takes {1e3 * thinking.p99_s:.3g} ms (p99), and its {thinking.steps} "
        f"action{'s' if thinking.steps > 1 else ''} last {1e3 * lasts:g} ms"
    )
    details = {"p99_s": thinking.p99_s, "least_s": thinking.least_s, "load_per_core": thinking.load}
    line = most_line(asked, share, sentence, (thinking.evidence,), **details)
    most = line.threshold if line.threshold is not None else math.inf
    if line.state == FAIL and thinking.load > BUSY and thinking.least_s <= most * lasts:
        said = f"the machine was busy ({thinking.load:.1f} processes a core), and {sentence}"
        return line.but(state=NOT_EVALUATED, sentence=said)
    return line


def memory_line(asked: Requirement, profile: tuple[Mapping[str, Any], Evidence] | None, reason: str) -> Line:
    """Peak memory; ``reason`` says why there is no profile, where there is none."""
    if profile is None:
        return line_of(asked, reason)
    peak = profile[0].get("peak_mib")
    if peak is None:
        return line_of(asked, str(profile[0].get("peak_is", "it is not known")), (profile[1],))
    sentence = f"{peak:.0f} MiB, {profile[0]['peak_is']}"
    return most_line(asked, float(peak), sentence, (profile[1],))


def needed_delay(thinking: Thinking | None, control_dt: float) -> float:
    """Delay that has to be simulated [s]: that of a decision, where it takes longer than a control period.

    A quicker answer is carried out in the next control step, as without a delay.
    """
    if thinking is None or thinking.p99_s <= control_dt:
        return 0.0
    return math.ceil(thinking.p99_s * 1e3) / 1e3
