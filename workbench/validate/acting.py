"""Lines on what a policy achieves: success, time, grounding, factors, shapes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from workbench.runs.records import CLEAN, EpisodeRecord
from workbench.validate.bounds import bounded, line_of, most_line, rate_line
from workbench.validate.requirements import Requirement
from workbench.validate.runs import Evaluated
from workbench.verdict.decide import OBJECTS
from workbench.verdict.line import FAIL, PASS, Evidence, Line

REASONS_SHOWN = 2
SLOWEST = 0.9
"""Share of successes that the time is about."""
SHAPE = "scene.target_shape"


def success_line(asked: Requirement, ran: Evaluated, confidence: float, under: str) -> Line:
    """The bound of success of an evaluation; ``under`` says under what."""
    line = rate_line(
        asked, ran.successes, len(ran.records), confidence, f"episodes succeeded {under}", (ran.evidence,)
    )
    reasons = Counter(r.failure_reason for r in ran.records if not r.success)
    if line.state == FAIL and reasons:
        said = ", ".join(f"{n} {reason}" for reason, n in reasons.most_common(REASONS_SHOWN))
        line = line.but(sentence=f"{line.sentence}; failures: {said}")
    return line.but(details={**line.details, "reasons": dict(reasons)})


def grounding_line(asked: Requirement, ran: Evaluated, confidence: float) -> Line | None:
    """How often a policy says rightly where it will act; None where it never says anything."""
    claims = [r.grounding.get("right") for r in ran.records if r.grounding is not None]
    told = [bool(right) for right in claims if right is not None]
    if not claims:
        return None
    return rate_line(asked, sum(told), len(told), confidence, "claims are right", (ran.evidence,))


def time_line(
    asked: Requirement, ran: Evaluated, longer: Evaluated | None, limit_s: float, confidence: float
) -> Line:
    """What successes take of the time limit; ``longer`` is the same with more time, where success fell short.

    The policy is too slow where more time makes a success of clearly more episodes (their bounds do not overlap).
    """
    if longer is not None:
        k, n, m = ran.successes, longer.successes, len(ran.records)
        if bounded(n, len(longer.records), confidence)[0] > bounded(k, m, confidence)[1]:
            needed = _slowest(longer.records)
            sentence = (
                f"too slow: {k} of {m} episodes succeed in {limit_s:g} s, {n} of {len(longer.records)} with more time, "
                f"nine of ten of these within {needed:.3g} s"
            )
            evidence = (ran.evidence, longer.evidence)
            return most_line(asked, needed / limit_s, sentence, evidence).but(state=FAIL)
    needed = _slowest(ran.records)
    if not np.isfinite(needed):
        return line_of(asked, "no episode succeeded", (ran.evidence,))
    sentence = f"nine of ten successes take at most {needed:.3g} of {limit_s:g} s"
    return most_line(asked, needed / limit_s, sentence, (ran.evidence,))


def _slowest(records: Sequence[EpisodeRecord]) -> float:
    times = [r.time_to_success_s for r in records if r.time_to_success_s is not None]
    return float(np.quantile(times, SLOWEST)) if times else np.inf


def factors_line(asked: Requirement, ran: Evaluated, confidence: float) -> Line:
    """The bound of success under the worst condition of a ladder, and how far each factor may go.

    Every condition has to reach the threshold, so the worst of them needs no correction for having been looked for.
    """
    counts: dict[str, list[bool]] = defaultdict(list)
    for record in ran.records:
        counts[record.condition or CLEAN].append(record.success)
    clean = counts.pop(CLEAN, [])
    least = asked.threshold or 0.0
    if bounded(sum(clean), max(1, len(clean)), confidence)[0] < least:
        said = f"nominal episodes themselves do not succeed: {sum(clean)} of {len(clean)}"
        return line_of(asked, said, (ran.evidence,))
    if not counts:
        return line_of(asked, "no factor of the set varies", (ran.evidence,))
    bounds = {name: bounded(sum(won), len(won), confidence)[0] for name, won in counts.items()}
    worst = min(bounds, key=lambda name: (bounds[name], name))
    won = counts[worst]
    state = PASS if bounds[worst] >= least else FAIL
    sentence = f"{worst}: {sum(won)} of {len(won)} episodes succeed, lower bound {bounds[worst]:.3f} ({confidence:.0%})"
    table = {name: [sum(won), len(won)] for name, won in sorted(counts.items())}
    return line_of(asked, evidence=(ran.evidence,)).but(
        state=state,
        sentence=f"{sentence}; of {len(clean)} nominal ones {sum(clean)} do" if state == FAIL else sentence,
        number=bounds[worst],
        interval=bounded(sum(won), len(won), confidence),
        details={"conditions": table, "worst": worst, "margin": bounds[worst] - least},
    )


def objects_line(
    asked: Requirement, records: Sequence[EpisodeRecord], shapes: Sequence[str], evidence: Evidence
) -> Line:
    """Whether every shape of the factor set was met; else, the arm can be restricted to those that were."""
    met = Counter(str(r.factors[SHAPE]) for r in records if SHAPE in r.factors)
    if not met:
        return line_of(asked, f"episodes do not say what was asked for ({SHAPE})", (evidence,))
    least = int(asked.threshold or 1)
    enough = sorted(shape for shape, n in met.items() if n >= least)
    missing = sorted(set(shapes) - set(enough))
    fewest = min((met.get(shape, 0) for shape in shapes), default=0)
    sentence = f"every shape was met {fewest} times or more"
    if missing:
        sentence = f"met in fewer than {least} episode{'s' if least > 1 else ''}: {', '.join(missing)}"
    return line_of(asked, sentence, (evidence,)).but(
        state=FAIL if missing else PASS,
        number=float(fewest),
        details={"met": dict(met), f"restrict_{OBJECTS}": enough} if missing else {"met": dict(met)},
    )
