"""Settings of all tests."""

import os

from hypothesis import settings

# A busy machine is no failure, and a hang is caught elsewhere.
settings.register_profile("workbench", deadline=None)
settings.load_profile("workbench")

# Suites run in two processes on two cores: each computes on one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
