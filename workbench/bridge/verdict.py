"""Before ``mode=live``: does a signed verdict allow this policy on this arm, here and now?"""

from __future__ import annotations

from rich.console import Console

from robots.registry import arm, arm_names
from workbench.bridge.options import LIVE, REMOTE, REPLAY, TELEOP, TWIN, BridgeOptions
from workbench.bridge.place import bounds_of
from workbench.cli.options import OptionError, listed
from workbench.rollout.chunk_options import chosen_ways
from workbench.verdict.identity import policy_fingerprint, served_fingerprint
from workbench.verdict.permission import OFF, STRICT, Wish, permission

ARM_OF_THE_TWIN = "franka"


def allowed(options: BridgeOptions, console: Console) -> float:
    """Share of the arm's limits that may be used.

    What a verdict does not allow is an OptionError with ``require=strict``, and printed with ``require=warn``.
    """
    if options.mode != LIVE or options.require == OFF or arm_of(options) not in arm_names():
        return 1.0  # an arm without a model is refused a little later, whatever a verdict says
    verdicts, most = listed("verdict", options.verdict), 1.0
    for position, policy in enumerate(options.policies):
        if policy == TELEOP:
            continue  # a person drives
        path = verdicts[position] if position < len(verdicts) else ""
        found = permission(path, options.verdict_key, wish_of(options, policy))
        if found.problems and options.require == STRICT:
            raise OptionError("; ".join(found.problems))
        for sentence in found.problems:
            console.print(f"warning: {sentence}", markup=False)
        most = min(most, found.most_speed)
    return most if options.require == STRICT else 1.0


def wish_of(options: BridgeOptions, policy: str) -> Wish:
    """What these options want a policy to do."""
    name = arm_of(options)
    workspace = bounds_of(options.place_given, arm(name).workspace).workspace
    return Wish(
        policy=policy,
        fingerprint=_fingerprint(options, policy),
        robot=name,
        task=options.task,
        action_space=options.action_space,
        execution=chosen_ways(options.execute, options.horizon),
        speed=options.scale,
        workspace=(tuple(workspace.low), tuple(workspace.high)),
        instruction=options.instruction,
    )


def arm_of(options: BridgeOptions) -> str:
    """Name of the arm that moves."""
    return ARM_OF_THE_TWIN if options.robot == TWIN else options.robot


def _fingerprint(options: BridgeOptions, policy: str) -> str | None:
    """Which policy it is, as `workbench validate` would say; None where nobody knows."""
    if policy.startswith(REPLAY):
        return None
    if not policy.startswith(REMOTE):
        return policy_fingerprint({}, policy)
    from workbench.bridge.policies.remote import server_of

    return served_fingerprint(server_of(policy, options.policy_options).greeting.contract)
