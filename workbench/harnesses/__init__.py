"""The bench's tasks inside other people's evaluation harnesses: one environment that steps when it is told to.

`vla_eval_benchmark` is a benchmark of vla-eval, `inspect_robots_embodiment` an embodiment and a task of Inspect Robots.
Neither package is needed by the bench; whoever uses one has it.
"""
