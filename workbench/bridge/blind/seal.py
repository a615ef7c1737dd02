"""The sealed order of two policies: drawn from a secret, committed to in the run folder, kept outside of it.

    RUN/sealed.json       commitment: SHA-256 of the secret; fixes the order, and says nothing about it
    RUN/trials.jsonl      trial by trial what the person saw: success or why not, and nothing else
    VAULT/<commitment>/   the secret, and everything by which the policies could be told apart: logs, pictures, timings,
                          traffic of the twin, one ordinary run folder a policy
    RUN/unsealed.json     after `workbench bridge unseal RUN`: secret and order; RUN/a and RUN/b are the two runs

Each episode is a pair of trials, one a policy, on the same scene. In each block of four pairs, either policy goes first
twice: which of the six ways is drawn by HMAC-SHA256 of the secret and the block's number, so that a run can be
continued and lengthened.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from workbench.cli.options import OptionError
from workbench.runs.durable import append_line, write_atomically

SEALED, TRIALS, UNSEALED = "sealed.json", "trials.jsonl", "unsealed.json"
A, B = "a", "b"
BLOCK = 4
"""Pairs in which either policy goes first as often as the other."""
WAYS = tuple(sorted(set(itertools.permutations((A, A, B, B)))))
"""Who goes first in the pairs of a block."""
SECRET = "secret"


@dataclass(frozen=True)
class Trial:
    """One trial."""

    number: int
    episode: int
    policy: str
    """`A` or `B`."""


def default_vault() -> Path:
    """Where vaults are unless `vault=` says otherwise."""
    return Path(platformdirs.user_state_dir("sim2real-workbench")) / "sealed"


def commitment(secret: bytes) -> str:
    """What the run folder says of a secret."""
    return hashlib.sha256(b"sim2real-workbench order\0" + secret).hexdigest()


def first(secret: bytes, pair: int) -> str:
    """Which policy goes first in a pair."""
    drawn = hmac.digest(secret, f"block {pair // BLOCK}".encode(), "sha256")
    return WAYS[int.from_bytes(drawn) % len(WAYS)][pair % BLOCK]


def trials(secret: bytes, pairs: int) -> list[Trial]:
    """All trials in their order."""
    found = []
    for pair in range(pairs):
        leads = first(secret, pair)
        for place, policy in enumerate((leads, B if leads == A else A)):
            found.append(Trial(2 * pair + place, pair, policy))
    return found


class Sealed:
    """A run folder whose order is sealed."""

    def __init__(self, run: Path, vault: str = "") -> None:
        """Seal it, or find the seal that it has. OptionError for one whose vault is gone, or that was unsealed."""
        self.run = run
        if (run / UNSEALED).exists():
            raise OptionError(
                f"{run} was unsealed: who acted is known, and no blind trial can be added; choose another out="
            )
        if (run / SEALED).is_file():
            self.commitment = str(_json(run / SEALED)["commitment"])
            place = Path(vault) if vault else default_vault()
            self.vault = place / self.commitment[:16]
            self.secret = _secret(self.vault, self.commitment, run)
            return
        place = Path(vault).absolute() if vault else default_vault()
        if place.is_relative_to(run.absolute()):
            raise OptionError(f"vault={vault} lies in the run folder, where the order could be read")
        self.secret = secrets.token_bytes(32)
        self.commitment = commitment(self.secret)
        self.vault = place / self.commitment[:16]
        self.vault.mkdir(parents=True, mode=0o700)
        write_atomically(self.vault / SECRET, self.secret.hex())
        (self.vault / SECRET).chmod(0o600)
        run.mkdir(parents=True, exist_ok=True)
        write_atomically(
            run / SEALED, json.dumps({"commitment": self.commitment, "block": BLOCK}, indent=2) + "\n"
        )

    def order(self, pairs: int) -> list[Trial]:
        """All trials in their order; for the loop alone."""
        return trials(self.secret, pairs)

    def labels(self) -> dict[int, dict[str, Any]]:
        """Trial -> what was entered of it."""
        return labels(self.run)

    def enter(self, trial: int, episode: int, success: bool, reason: str | None) -> None:
        """The label of a trial, on disk when this returns; nothing by which policies differ is in it."""
        line = {"trial": trial, "episode": episode, "success": success, "failure_reason": reason}
        append_line(self.run / TRIALS, json.dumps(line))


def labels(run: Path) -> dict[int, dict[str, Any]]:
    """Trial -> its label, of a run folder."""
    path = run / TRIALS
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return {int(said["trial"]): said for said in map(json.loads, lines)}


def unseal(run: Path, partial: bool, vault: str = "") -> dict[str, Any]:
    """Move what was sealed into the run folder, and say the order; what ``unsealed.json`` then holds.

    OptionError where there is no seal, trials are missing (unless ``partial``), or what the vault holds is not what was
    sealed and labelled.
    """
    if not (run / SEALED).is_file():
        raise OptionError(f"{run} is not sealed: it has no {SEALED}")
    if (run / UNSEALED).is_file():
        return _json(run / UNSEALED)
    sealed, entered = Sealed(run, vault), labels(run)
    config = _config(run)
    planned = sealed.order(int(config["episodes"]))
    if missing := [t for t in planned if t.number not in entered]:
        if not partial:
            raise OptionError(
                f"{len(missing)} of {len(planned)} trials have no label yet, and unsealing ends the blinding: finish "
                "the run with the same command, or add partial=true"
            )
        planned = [t for t in planned if t.number in entered]
    for policy in (A, B):
        _check_labels(run, sealed.vault / policy, [t for t in planned if t.policy == policy], entered)
    for path in sorted(sealed.vault.iterdir()):
        if path.name != SECRET:
            _move(path, run / path.name)
    said = {
        "secret": sealed.secret.hex(),
        "policies": {A: config["policy_a"], B: config["policy_b"]},
        "order": [t.policy for t in planned],
    }
    write_atomically(run / UNSEALED, json.dumps(said, indent=2) + "\n")
    return said


def _check_labels(
    run: Path, folder: Path, wanted: list[Trial], entered: Mapping[int, dict[str, Any]]
) -> None:
    """What was labelled is what the sealed runs recorded."""
    from workbench.runs.folder import RunFolder

    recorded = RunFolder(folder).completed() if wanted else {}
    for trial in wanted:
        label, record = entered[trial.number], recorded.get(trial.episode)
        if (
            record is None
            or record.success != label["success"]
            or record.failure_reason != label["failure_reason"]
        ):
            said = "success" if label["success"] else label["failure_reason"]
            raise OptionError(
                f"trial {trial.number} of {run} is labelled {said}, and the sealed record says otherwise: one of them "
                "was changed"
            )


def _secret(vault: Path, wanted: str, run: Path) -> bytes:
    try:
        secret = bytes.fromhex((vault / SECRET).read_text("utf-8").strip())
    except (OSError, ValueError):
        raise OptionError(
            f"{run} is sealed, and its secret is not at {vault}: give the folder that holds it as vault="
        ) from None
    if commitment(secret) != wanted:
        raise OptionError(f"the secret at {vault} is not the one that {run / SEALED} commits to")
    return secret


def _move(source: Path, target: Path) -> None:
    """Between disks too; what was at the target stays an error."""
    import shutil

    if target.exists():
        raise OptionError(f"{target} exists already, and nothing is written over it")
    shutil.move(source, target)


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _config(run: Path) -> dict[str, Any]:
    from workbench.runs.folder import RunFolder

    return RunFolder(run).config()
