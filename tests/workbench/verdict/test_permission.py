import copy
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.verdict.made import DAYS, FINGERPRINT, ISSUED, files, verdict
from workbench.verdict.decide import NO_GO, RESTRICTED, Decision
from workbench.verdict.document import VerdictError, VerdictFile
from workbench.verdict.permission import Wish, permission
from workbench.verdict.signature import SignatureError, check_signature, read_key, signed

SOON = ISSUED + timedelta(days=1)


def wish(**changes: Any) -> Wish:
    values: dict[str, Any] = {
        "policy": "remote:openpi://gpu:8000",
        "fingerprint": FINGERPRINT,
        "robot": "franka",
        "task": "pick_place",
        "action_space": "delta_eef",
        "execution": {},
        "speed": 0.1,
        "workspace": ((0.15, -0.5, 0.01), (0.8, 0.5, 0.75)),
        "instruction": "put the red cube in the bowl",
    }
    return Wish(**values | changes)


@pytest.fixture
def go(tmp_path: Path) -> tuple[str, str]:
    return files(tmp_path, verdict())


def test_a_signed_go_allows_what_it_is_about(go) -> None:
    assert permission(*go, wish(), SOON).problems == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fingerprint": "0" * 64}, "about another policy: m1 (runs/mine) with the fingerprint ffffffffffff"),
        ({"fingerprint": None}, "does not say which policy it is"),
        ({"robot": "so_arm"}, "about robot=franka, not so_arm"),
        ({"task": "push"}, "about task=pick_place, not push"),
        ({"action_space": "delta_joints"}, "about action_space=delta_eef, not delta_joints"),
        ({"execution": {"execute": "blended"}}, "with the policy's own way, not with execute=blended"),
        ({"instruction": "put the red banana in the bowl"}, "no instruction says banana"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(go, changes: dict[str, Any], said: str) -> None:
    (problem,) = permission(*go, wish(**changes), SOON).problems
    assert said in problem


def test_a_verdict_expires(go) -> None:
    last = ISSUED + timedelta(days=DAYS)
    assert permission(*go, wish(), last - timedelta(seconds=1)).problems == ()
    (problem,) = permission(*go, wish(), last).problems
    assert problem == "the verdict expired on 2026-05-30: validate again"


def test_a_no_go_allows_nothing_and_says_why(tmp_path: Path) -> None:
    held = files(tmp_path, verdict(Decision(NO_GO, ("contract: the hand is reversed",), {}, "contract")))
    (problem,) = permission(*held, wish(), SOON).problems
    assert problem == "the verdict is no-go: contract: the hand is reversed"


def test_restrictions_bind(tmp_path: Path) -> None:
    to = {"speed": 0.3, "objects": ["l_block"], "workspace": [[0.2, -0.5, 0.0], [0.8, 0.5, 0.8]]}
    held = files(tmp_path, verdict(Decision(RESTRICTED, ("a",), to, "a")))
    inside = {"workspace": ((0.2, -0.5, 0.01), (0.8, 0.5, 0.75)), "instruction": ""}
    found = permission(*held, wish(**inside), SOON)
    assert (found.problems, found.most_speed) == ((), 0.3)
    speed, space, objects = permission(*held, wish(speed=0.5), SOON).problems
    assert "scale=0.5 is beyond what the verdict allows: 0.3 of the limits" in speed
    assert "workspace of place= is larger" in space
    assert "names none of the objects that the verdict allows: l_block" in objects


@pytest.mark.parametrize("path", ["verdict", "restrictions", "expires"])
def test_a_changed_verdict_is_refused(tmp_path: Path, path: str) -> None:
    changed = copy.deepcopy(dict(verdict(Decision(RESTRICTED, ("a",), {"speed": 0.3}, "a")).content))
    changed[path] = {"verdict": "go", "restrictions": {}, "expires": "2030-01-01T00:00:00+00:00"}[path]
    held = files(tmp_path, VerdictFile(changed))
    (problem,) = permission(*held, wish(), SOON).problems
    assert "changed after it was signed" in problem


def test_without_verdict_key_or_signature_nothing_is_allowed(tmp_path: Path, go) -> None:
    assert "no verdict says" in permission("", "", wish(), SOON).problems[0]
    assert "verdict_key= is missing" in permission(go[0], "", wish(), SOON).problems[0]
    held = files(tmp_path, VerdictFile(signed(verdict().content, None)))
    assert "is not signed" in permission(*held, wish(), SOON).problems[0]
    Path(go[1]).chmod(0o644)
    assert "can be read by others" in permission(*go, wish(), SOON).problems[0]


def test_another_key_is_no_signature() -> None:
    with pytest.raises(SignatureError, match="signed with another key"):
        check_signature(verdict().content, b"x" * 32)


def test_a_short_key_is_none(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"secret\n")
    with pytest.raises(SignatureError, match="holds 6 bytes, and a key has at least 32"):
        read_key(key)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "is no verdict"),
        (json.dumps(dict(verdict().content) | {"version": 2}), "has version 2"),
        (json.dumps(dict(verdict().content) | {"lines": [{}]}), "is not whole"),
        (json.dumps(dict(verdict().content) | {"bound": {"policy": "x"}}), "is not whole"),
    ],
)
def test_what_is_no_verdict_is_said(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "verdict.json"
    path.write_text(content)
    with pytest.raises(VerdictError, match=said):
        VerdictFile.read(path)
