"""Options of how a policy's chunks of actions are carried out: `policy.execution` is what does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.cli.options import OptionError, option
from workbench.rollout.policy_names import M1, MODES, OPEN_LOOP, POLICIES, REAL_TIME, REMOTE

AS_THE_POLICY_SAYS = "auto"


@dataclass
class ChunkOptions:
    """When a policy is asked, and which of its actions are carried out."""

    execute: str = option(
        AS_THE_POLICY_SAYS,
        f"how chunks of actions are carried out: {', '.join(MODES)}; auto: {OPEN_LOOP}, as the policy says",
    )
    horizon: int = option(
        0, "steps between two requests to the policy; 0: as the policy says", "control steps"
    )

    def check_chunks(self, policy: str) -> None:
        """OptionError for what cannot be, or what ``policy=`` cannot do."""
        if self.execute not in (known := (AS_THE_POLICY_SAYS, *MODES)):
            raise OptionError(f"there is no execute {self.execute!r}: choose one of {', '.join(known)}")
        if self.horizon < 0:
            raise OptionError(f"horizon must be at least 0, not {self.horizon}")
        if self.execute == REAL_TIME and ((policy in POLICIES and policy != M1) or policy.startswith(REMOTE)):
            raise OptionError(no_real_time(policy))


def no_real_time(policy: str) -> str:
    """Why a policy cannot be carried out in real time."""
    return (
        f"execute={REAL_TIME} is for policies that make a chunk go on from the last one, and policy={policy} does not: "
        "execute=blended does it with finished chunks"
    )


def chosen_ways(execute: str, horizon: int) -> Mapping[str, Any]:
    """How chunks are carried out, where it is not as the policy says: what two runs can be compared by."""
    usual = {"execute": (AS_THE_POLICY_SAYS, OPEN_LOOP), "horizon": (0,)}
    given = {"execute": execute, "horizon": horizon}
    return {name: value for name, value in given.items() if value not in usual[name]}
