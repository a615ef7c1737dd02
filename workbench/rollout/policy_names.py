"""Names that ``policy=`` may have. Loads nothing: ``--help`` lists them."""

M1 = "m1"
POLICIES = ("expert", "noisy_expert", "random", "hold", M1)
"""The policies that ship with the bench; `M1` is a checkpoint of ``workbench train`` or ``workbench policy import``."""
M1_MINI = "m1-mini"
"""The checkpoint that ships: what `M1` is unless another is named."""
PREFIX = "policy."
"""How options begin that are arguments of a policy's own."""
OPEN_LOOP = "open_loop"
MODES = (OPEN_LOOP, "receding", "temporal", "adaptive", "blended")
"""Ways to carry out chunks of actions, as in `policy.execution`, whose package needs NumPy."""
