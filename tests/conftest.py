"""Settings of all tests."""

import os

from hypothesis import settings

# The same examples every time, so that what passes here passes there; a busy machine is no failure.
settings.register_profile("workbench", deadline=None, derandomize=True)
settings.load_profile("workbench")

# Suites run in two processes on two cores: each computes on one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
