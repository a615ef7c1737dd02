"""Numbers of a server in the text format of Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

import threading
from collections.abc import Mapping

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of times [s]."""
COUNTERS = {
    "requests_total": "Messages that clients sent.",
    "refused_total": "Messages that were answered by an error.",
    "failures_total": "Messages at which the server itself failed, which is a bug: its log has the traceback.",
    "unauthorised_total": "Connections and messages that were turned away for want of the token.",
    "questions_total": "Environments that the policy was asked about.",
    "batches_total": "Runs of the policy.",
}
GAUGES = {
    "connections": "Clients that are connected.",
    "sessions": "Episodes under way.",
    "draining": "1 once it is ending.",
}
TIMES = {
    "request_seconds": "From a message to its answer.",
    "inference_seconds": "Of one run of the policy.",
}
PREFIX = "workbench_policy_"


class Metrics:
    """Counters, gauges and histograms; from any thread."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        """``labels`` stand at every number: which policy, which dialect."""
        quoted = (f'{k}="{_escaped(v)}"' for k, v in labels.items())
        self._labels = ",".join(quoted)
        self._values = dict.fromkeys((*COUNTERS, *GAUGES), 0.0)
        self._buckets = {name: [0] * (len(BOUNDS_S) + 1) for name in TIMES}
        self._sums = dict.fromkeys(TIMES, 0.0)
        self._lock = threading.Lock()

    def count(self, name: str, by: float = 1) -> None:
        """Add to a counter, or to a gauge."""
        with self._lock:
            self._values[name] += by

    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        with self._lock:
            self._values[name] = value

    def time(self, name: str, seconds: float) -> None:
        """Count a time [s]."""
        with self._lock:
            at = next((i for i, bound in enumerate(BOUNDS_S) if seconds <= bound), len(BOUNDS_S))
            self._buckets[name][at] += 1
            self._sums[name] += seconds

    def value(self, name: str) -> float:
        """Of a counter or gauge."""
        with self._lock:
            return self._values[name]

    def text(self) -> str:
        """All of them."""
        lines: list[str] = []
        with self._lock:
            for name, what in (COUNTERS | GAUGES).items():
                kind = "counter" if name in COUNTERS else "gauge"
                lines += [f"# HELP {PREFIX}{name} {what}", f"# TYPE {PREFIX}{name} {kind}"]
                lines.append(f"{PREFIX}{name}{{{self._labels}}} {self._values[name]:g}")
            for name, what in TIMES.items():
                lines += [f"# HELP {PREFIX}{name} {what}", f"# TYPE {PREFIX}{name} histogram"]
                so_far = 0
                for bound, n in zip((*map(str, BOUNDS_S), "+Inf"), self._buckets[name], strict=True):
                    so_far += n
                    lines.append(f'{PREFIX}{name}_bucket{{{self._labels},le="{bound}"}} {so_far}')
                lines.append(f"{PREFIX}{name}_sum{{{self._labels}}} {self._sums[name]:g}")
                lines.append(f"{PREFIX}{name}_count{{{self._labels}}} {so_far}")
        return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
