import json
from pathlib import Path

import pytest

from tests.workbench.verdict.made import files, verdict
from workbench.cli.options import OptionError
from workbench.gap.report import page_of


def test_the_page_holds_what_is_given_and_says_what_is_not(tmp_path: Path) -> None:
    path, _ = files(tmp_path, verdict())
    card = tmp_path / "after.json"
    card.write_text(json.dumps({"scores": {"mmrv": {"value": 0.021, "interval": [0.0, 0.1]}}}))
    page = page_of({"verdict": path, "after": str(card)})
    for held in (
        "m1 (runs/mine)",
        "+0.021 (+0.00 to +0.10)",
        "identified parameters (workbench tune sysid): not given",
    ):
        assert held in page, held


def test_what_is_no_scorecard_is_said(tmp_path: Path) -> None:
    path, _ = files(tmp_path, verdict())
    with pytest.raises(OptionError, match="is no scorecard"):
        page_of({"before": path})
