"""Names that ``policy=`` may have. Loads nothing: ``--help`` lists them."""

M1 = "m1"
POLICIES = ("expert", "noisy_expert", "random", "hold", M1)
"""The policies that ship with the bench; `M1` is a checkpoint of ``workbench train`` or ``workbench policy import``."""
M1_MINI = "m1-mini"
"""The checkpoint that ships: what `M1` is unless another is named."""
REMOTE = "remote:"
"""How the names of servers begin."""
PREFIX = "policy."
"""How options begin that are arguments of a policy's own."""
OPEN_LOOP, REAL_TIME = "open_loop", "real_time"
MODES = (OPEN_LOOP, "receding", "temporal", "adaptive", "blended", REAL_TIME)
"""Ways to carry out chunks of actions, as in `policy.execution`, whose package needs NumPy."""

STORED = "stored"
PRECISIONS = (STORED, "float32", "bfloat16", "int8", "int4")
"""Weights that `M1` can act with: `policy.m1.precision` says what they are, and a test that these are the same."""
