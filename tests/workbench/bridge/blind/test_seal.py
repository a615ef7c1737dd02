"""The order of two policies: balanced, random, kept from the run folder until it is unsealed."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare

from workbench.bridge.blind import seal
from workbench.bridge.blind.seal import BLOCK, WAYS, Sealed, commitment, first, trials
from workbench.cli.main import main
from workbench.cli.options import OptionError


def secrets_of(count: int) -> list[bytes]:
    return [np.random.default_rng(k).bytes(32) for k in range(count)]


def test_each_pair_has_both_policies_and_each_block_either_first_as_often() -> None:
    for secret in secrets_of(50):
        found = trials(secret, 3 * BLOCK)
        for pair in range(3 * BLOCK):
            assert {t.policy for t in found if t.episode == pair} == {"a", "b"}
        assert [t.number for t in found] == list(range(6 * BLOCK))
        for block in range(3):
            leads = [first(secret, pair) for pair in range(block * BLOCK, (block + 1) * BLOCK)]
            assert Counter(leads) == {"a": 2, "b": 2}


def test_all_ways_are_as_frequent_and_blocks_know_nothing_of_each_other() -> None:
    blocks = [
        [WAYS.index(tuple(first(s, b * BLOCK + k) for k in range(BLOCK))) for b in range(2)]
        for s in secrets_of(3000)
    ]
    joint = Counter((a, b) for a, b in blocks)
    assert len(WAYS) == 6
    assert chisquare([joint[a, b] for a in range(6) for b in range(6)]).pvalue > 0.001
    assert chisquare(list(Counter(a for a, _ in blocks).values())).pvalue > 0.001


def test_a_longer_run_begins_with_the_same_order() -> None:
    (secret,) = secrets_of(1)
    assert trials(secret, 9)[:10] == trials(secret, 5)


def run_pair(place: Path, monkeypatch: pytest.MonkeyPatch, secret: bytes) -> Path:
    """One pair of trials on an ideal arm, of a policy that moves and one that does not."""
    monkeypatch.setattr(seal.secrets, "token_bytes", lambda _: secret)
    words = [
        "bridge", "robot=franka", "mode=dry_run", "instruction=move", "episode_s=0.4", "episodes=1", "policy_a=hold",
        f"policy_b=replay:{place.parent / 'moves.mcap'}", f"out={place / 'run'}", f"vault={place / 'vault'}",
    ]  # fmt: skip
    assert main(words) == 0
    return place / "run"


@pytest.fixture
def moves(tmp_path: Path) -> Path:
    """A log in which the arm moves."""
    from robots.registry import robot
    from workbench.bridge.ticks import TickLog

    spec = robot("franka").action_spaces(20.0)["delta_eef"]
    action = spec.idle_action.astype(float)
    action[2] = 0.002
    log = TickLog(tmp_path / "moves.mcap")
    log.write("/episode", {"begin": 0, "action_spec": spec.to_dict()})
    for _ in range(8):
        log.write("/tick", {"control": {"action": action}})
    log.close()
    return tmp_path


@pytest.mark.slow
def test_the_run_folder_is_the_same_whichever_policy_went_first(
    moves: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything in it but the commitment, hours and process numbers; and so is what the person reads."""
    left, said, orders = [], [], []
    for k, secret in enumerate(next(s for s in secrets_of(20) if first(s, 0) == way) for way in "ab"):
        place = moves / str(k)
        run = run_pair(place, monkeypatch, secret)
        said.append(capsys.readouterr().out.replace(str(place), "PLACE"))
        files = {}
        for path in sorted(run.rglob("*")):
            text = (
                path.read_text("utf-8").replace(str(place), "PLACE").replace(commitment(secret), "COMMITMENT")
            )
            files[str(path.relative_to(run))] = re.sub(r"\d{4}-\d\d-\d\dT[\d:+]+|pid \d+", "WHEN", text)
        left.append(files)
        assert main(["bridge", "unseal", str(run), f"vault={place / 'vault'}"]) == 0
        capsys.readouterr()
        orders.append(json.loads((run / "unsealed.json").read_text("utf-8"))["order"])
        assert main(["compare", str(run / "a"), str(run / "b")]) == 0
        assert "1 shared episodes" in capsys.readouterr().out
    assert left[0] == left[1]
    assert said[0] == said[1]
    assert "trials.jsonl" in left[0]
    assert orders == [["a", "b"], ["b", "a"]]


@pytest.fixture
def sealed(tmp_path: Path) -> Sealed:
    run = tmp_path / "run"
    made = Sealed(run, str(tmp_path / "vault"))
    (run / "config.yaml").write_text("policy_a: one\npolicy_b: two\nepisodes: 2\n", "utf-8")
    return made


def test_unsealing_too_early_or_without_the_secret_is_refused(sealed: Sealed, tmp_path: Path) -> None:
    vault = str(tmp_path / "vault")
    with pytest.raises(OptionError, match="4 of 4 trials have no label yet"):
        seal.unseal(sealed.run, False, vault)
    with pytest.raises(OptionError, match="its secret is not at"):
        seal.unseal(sealed.run, False, str(tmp_path / "elsewhere"))
    (sealed.vault / "secret").write_text("00" * 32, "utf-8")
    with pytest.raises(OptionError, match="not the one that"):
        seal.unseal(sealed.run, False, vault)


def test_the_secret_is_kept_out_of_the_run_folder_and_for_its_owner_alone(
    sealed: Sealed, tmp_path: Path
) -> None:
    assert (sealed.vault / "secret").stat().st_mode & 0o077 == 0
    assert sealed.vault.stat().st_mode & 0o077 == 0
    for path in sealed.run.rglob("*"):
        assert sealed.secret.hex() not in path.read_text("utf-8")
    with pytest.raises(OptionError, match="lies in the run folder"):
        Sealed(tmp_path / "other", str(tmp_path / "other" / "vault"))


def test_a_label_that_was_changed_afterwards_is_noticed(
    moves: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_pair(moves / "0", monkeypatch, secrets_of(1)[0])
    lines = (run / "trials.jsonl").read_text("utf-8").splitlines()
    changed = json.loads(lines[0]) | {"success": True, "failure_reason": None}
    (run / "trials.jsonl").write_text("\n".join([json.dumps(changed), *lines[1:]]) + "\n", "utf-8")
    assert main(["bridge", "unseal", str(run), f"vault={moves / '0' / 'vault'}"]) == 2
    assert "one of them was changed" in capsys.readouterr().err
