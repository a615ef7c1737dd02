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


def test_what_was_identified_has_units_and_intervals_and_errors_before_and_after(tmp_path: Path) -> None:
    posterior = tmp_path / "posterior.json"
    entry = {"name": "payload", "unit": "kg", "best": 0.3, "interval": [0.21, 0.42], "told": True}
    errors = {"held_out": {"before": [0.003, 0.004], "after": [0.0003, 0.0004]}}
    posterior.write_text(json.dumps({"parameters": [entry], "rmse_rad": errors}))
    page = page_of({"posterior": str(posterior)})
    for held in ("0.3 kg (0.21 to 0.42)", "<td><b>held out</b></td><td>3.54</td><td>0.354</td>"):
        assert held in page, held


def test_what_is_no_posterior_is_said(tmp_path: Path) -> None:
    path, _ = files(tmp_path, verdict())
    with pytest.raises(OptionError, match="is no posterior of `workbench tune sysid`"):
        page_of({"posterior": path})
