"""What is read at all: each input is exchanged for another scene's while all else stays as it is.

Policies get the same seeds each time, so one that repeats itself exactly shows with a single scene that it reads an
input. One that does not is compared with how much it differs from itself.
"""

from __future__ import annotations

import numpy as np

from workbench.policy_check.changes import Change, from_elsewhere, moved, scaled
from workbench.policy_check.examined import Examined, differ
from workbench.policy_check.signed_rank import signed_rank
from workbench.policy_check.situations import OPEN, beside
from workbench.policy_check.verdict import CONTRADICTORY, NOT_READ, READ, UNKNOWN, Result, Verdict

SITUATION = beside(1, 1)
"""In which inputs are exchanged."""
REPEAT = Change("", "once more")


def inputs(examined: Examined) -> list[Change]:
    """Every input that the policy is given, taken from elsewhere."""
    found = [
        Change("joint positions", "another scene's", from_elsewhere("joint_pos")),
        Change("joint velocities", "0.3 rad/s more", moved("joint_vel", 0.3)),
        Change("tool position", "another scene's", from_elsewhere("ee_position")),
        Change("tool rotation", "another scene's", from_elsewhere("ee_rotation")),
        Change("gripper width", "a third of it", scaled("gripper_width", 1 / 3)),
        *(
            Change(f"{camera} picture", "another scene's", from_elsewhere(f"images/{camera}"))
            for camera in examined.sides.cameras
        ),
        Change("instruction", "another scene's", from_elsewhere("instruction")),
    ]
    if examined.sides.privileged:
        found.append(Change("simulator's state", "another scene's", from_elsewhere("simulator")))
    return found


def examine_reading(examined: Examined) -> list[Verdict]:
    """A verdict for each input; a picture that is asked for and not read contradicts what the policy says."""
    first = examined.answers(SITUATION)
    again = examined.answers(SITUATION, REPEAT)
    steady = not differ(first, again).any()
    noise = np.abs(again.steps - first.steps).max((1, 2))
    found = []
    for change in inputs(examined):
        # The hand is told of where the object may be: what an open hand over it says is no secret.
        at = OPEN if change.channel == "gripper width" else SITUATION
        before = first if at is SITUATION else examined.answers(at)
        after = examined.answers(at, change)
        changed = differ(before, after)
        count, scenes = int(changed.sum()), int(before.reached.sum())
        if steady:
            result: Result = READ if count else NOT_READ
            said = f"{change.says} changes its answer in {count} of {scenes} scenes"
            p = None
        else:
            test = signed_rank(np.abs(after.steps - before.steps).max((1, 2)) - noise)
            result = READ if test.leans(examined.test_level) > 0 else UNKNOWN
            said = f"{change.says} changes its answer more than asking again in {test.above} of {test.count} scenes"
            p = test.p
        if result == NOT_READ and change.channel.endswith(" picture"):
            result, said = CONTRADICTORY, f"it is asked for and not read: {said}"
        found.append(
            Verdict("observation", change.channel, "read", result, said, {"changed": count}, scenes, p)
        )
    return found
