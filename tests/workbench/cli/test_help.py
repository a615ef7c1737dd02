"""``--help`` answers at once: it loads what it says, and neither arrays nor statistics nor a simulator."""

from __future__ import annotations

import subprocess
import sys

import pytest

from policy import execution
from workbench.attribution.plan import BASES
from workbench.cli.options import help_table
from workbench.evaluation.options import EQUAL, INTERVALS, EvalOptions
from workbench.rollout.policy_names import MODES
from workbench.stats import RATE_INTERVALS, strata

HEAVY = (
    "numpy",
    "scipy",
    "torch",
    "isaaclab",
    "warp",
    "pyarrow",
    "h5py",
    "rerun",
    "yaml",
    "rich._emoji_codes",
)
"""Modules that take longer to load than the answer may, or a good part of it."""
LIGHT = ("", "eval", "generate", "train", "eval-grounding", "report", "view", "doctor", "demo")
"""Commands whose help needs none of them."""


@pytest.mark.parametrize("command", LIGHT)
def test_help_loads_nothing_heavy(command):
    words = [*command.split(), "--help"]
    code = (
        "import sys; from workbench.cli.main import main; status = main(sys.argv[1:]); "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr); sys.exit(status)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, encoding="utf-8", check=False
    )
    assert told.returncode == 0, told.stderr
    assert "workbench" in told.stdout
    assert told.stderr.strip() == "[]"


def test_the_words_that_help_lists_are_those_that_are_understood():
    assert tuple(RATE_INTERVALS) == INTERVALS
    assert strata.EQUAL == EQUAL
    assert strata.parse_weights(EQUAL) == {}
    assert len(help_table(EvalOptions).rows) > 30
    assert BASES == ("nominal", "set")
    assert MODES == execution.MODES
