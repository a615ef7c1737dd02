import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from tests.workbench.verdict import made
from workbench.bridge.options import BridgeOptions
from workbench.bridge.verdict import allowed
from workbench.cli.options import OptionError, parse_options
from workbench.verdict.decide import RESTRICTED, Decision
from workbench.verdict.identity import policy_fingerprint


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A verdict of today on the expert, restricted in its speed."""
    monkeypatch.setattr(made, "ISSUED", datetime.now(UTC))
    fingerprint = policy_fingerprint({}, "expert")
    decision = Decision(RESTRICTED, ("shadow: nothing",), {"speed": 0.3}, "shadow")
    path, key = made.files(tmp_path, made.verdict(decision, policy="expert", policy_fingerprint=fingerprint))
    return [f"verdict={path}", f"verdict_key={key}"]


def ask(*words: str, policy: str = "expert") -> tuple[float, str]:
    options = parse_options(BridgeOptions, [f"policy={policy}", "arm=true", *words])
    options.resolve()
    out = io.StringIO()
    return allowed(options, Console(file=out, width=300)), out.getvalue()


def test_strict_lets_the_arm_go_as_fast_as_the_verdict_says_and_no_faster(held: list[str]) -> None:
    assert ask("mode=live", "require=strict", "scale=0.3", *held) == (0.3, "")
    with pytest.raises(OptionError, match=r"scale=0.5 is beyond what the verdict allows: 0.3 of the limits"):
        ask("mode=live", "require=strict", "scale=0.5", *held)


def test_strict_refuses_another_policy_in_one_sentence(held: list[str]) -> None:
    with pytest.raises(OptionError) as found:
        ask("mode=live", "require=strict", *held, policy="hold")
    assert "the verdict is about another policy: expert" in str(found.value)
    assert ";" not in str(found.value)


def test_strict_without_a_verdict_moves_nothing() -> None:
    with pytest.raises(OptionError, match="no verdict says that this policy may act"):
        ask("mode=live", "require=strict")


def test_warn_says_it_and_goes_on(held: list[str]) -> None:
    scale, said = ask("mode=live", "scale=0.5", *held)
    assert scale == 1.0
    assert said.startswith("warning: scale=0.5 is beyond")
    assert ask("mode=live", "scale=0.3", *held) == (1.0, "")


@pytest.mark.parametrize(
    "words", [["mode=live", "require=off"], ["mode=shadow"], ["mode=dry_run", "require=strict"]]
)
def test_nobody_is_asked_where_the_arm_is_not_moved_by_the_policy(words: list[str]) -> None:
    assert ask(*words) == (1.0, "")


def test_what_a_logs_policy_was_nobody_knows(held: list[str]) -> None:
    with pytest.raises(OptionError, match="does not say which policy it is"):
        ask("mode=live", "require=strict", *held, policy="replay:x.mcap")
