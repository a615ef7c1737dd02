"""The conventions of observations that people confuse, as changes to what a policy sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from policy.observation_spec import FORMS, ObservationSpec
from workbench.policy_check.changes import Change, Seen, scaled
from workbench.policy_check.examined import Sides

CROP = 0.8
"""Share of a picture's sides that is kept, or to which it is shrunk."""


@dataclass(frozen=True)
class Family:
    """Conventions of one thing: as it is, and what else it might be."""

    channel: str
    about: str
    changes: Sequence[Change]
    scores: Sequence[str]
    """Which scores of `workbench.policy_check.conventions.Scores` show it, the first that tells."""


def families(sides: Sides) -> list[Family]:
    """All that may be asked about this policy."""
    found = [family for camera in sides.cameras for family in _of_a_picture(camera, sides)]
    return [*found, *(_of_the_state(sides) if sides.observation_spec else _of_the_measured(sides))]


def _of_a_picture(camera: str, sides: Sides) -> list[Family]:
    channel = f"{camera} picture"

    def change(says: str, make: Callable[[np.ndarray], np.ndarray]) -> Change:
        return Change(channel, says, lambda seen: _with_image(seen, camera, make))

    found = [
        Family(
            channel,
            "colour order",
            [change("with red and blue exchanged", lambda image: image[..., ::-1])],
            ["pointing"],
        ),
        Family(
            channel,
            "orientation",
            [
                change("mirrored", lambda image: image[:, :, ::-1]),
                change("upside down", lambda image: image[:, ::-1, ::-1]),
            ],
            ["pointing", "aiming"],
        ),
        Family(
            channel,
            "crop",
            [
                change(f"shrunk to {CROP:g} with a black rim", lambda image: zoomed(image, 1 / CROP)),
                change(f"cropped to its middle {CROP:g}", lambda image: zoomed(image, CROP)),
            ],
            ["aiming"],
        ),
    ]
    others = [name for name in sides.cameras if name != camera]
    if others:
        found.append(
            Family(
                channel,
                "which camera",
                [
                    Change(channel, f"exchanged with the {other} picture", _exchanged(camera, other))
                    for other in others
                ],
                ["pointing"],
            )
        )
    return found


def _of_the_measured(sides: Sides) -> list[Family]:
    """Of what a policy without an observation spec gets."""
    most = sides.offer.gripper_max_width

    def rolled(by: int) -> Callable[[Seen], Seen]:
        def alter(seen: Seen) -> Seen:
            pose = seen.ee_pose.copy()
            pose[:, 3:] = np.roll(pose[:, 3:], by, 1)
            return replace(seen, ee_pose=pose)

        return alter

    def millimetres(factor: float) -> Callable[[Seen], Seen]:
        def alter(seen: Seen) -> Seen:
            pose = seen.ee_pose.copy()
            pose[:, :3] *= factor
            return replace(seen, ee_pose=pose)

        return alter

    def width(make: Callable[[np.ndarray], np.ndarray]) -> Callable[[Seen], Seen]:
        return lambda seen: replace(seen, gripper_width=make(seen.gripper_width).astype(np.float32))

    position, rotation, hand, joints = "tool position", "tool rotation", "gripper width", "joint positions"
    return [
        Family(
            position,
            "unit",
            [
                Change(position, "in millimetres", millimetres(1000.0)),
                Change(position, "divided by 1000", millimetres(0.001)),
            ],
            ["pointing"],
        ),
        Family(
            rotation,
            "form",
            [
                Change(rotation, "as a quaternion w x y z", rolled(1)),
                Change(rotation, "with a quaternion's first number last", rolled(-1)),
            ],
            ["righting", "pointing"],
        ),
        Family(
            hand,
            "form",
            [
                Change(hand, "in millimetres", scaled("gripper_width", 1000.0)),
                Change(hand, "divided by 1000", scaled("gripper_width", 0.001)),
                Change(hand, "as a share of open", scaled("gripper_width", 1 / most)),
                Change(hand, "as 1 when closed", width(lambda w: 1 - w / most)),
                Change(hand, "multiplied by its greatest", scaled("gripper_width", most)),
            ],
            ["gripping"],
        ),
        Family(
            joints,
            "unit",
            [
                Change(joints, "in degrees", scaled("joint_pos", 180 / np.pi)),
                Change(joints, "degrees taken for radians", scaled("joint_pos", np.pi / 180)),
            ],
            ["pointing"],
        ),
    ]


def _of_the_state(sides: Sides) -> list[Family]:
    """Of the state vector of a policy with an observation spec: other forms of equal width, and another order."""
    spec, joints = sides.observation_spec, sides.offer.joints
    assert spec is not None
    shown = {"ee_rotation": ["righting", "pointing"], "gripper": ["gripping"]}
    found = []
    for k, entry in enumerate(spec.state):
        width = FORMS[entry.quantity][entry.form]
        others = [form for form, w in FORMS[entry.quantity].items() if w == width and form != entry.form]
        changes = [
            Change("state", f"as {form.replace('_', ' ')}", respec=_other_form(k, form)) for form in others
        ]
        if changes:
            channel = _CHANNELS[entry.quantity]
            found.append(Family(channel, "form", changes, shown.get(entry.quantity, ["pointing"])))
    orders = [
        Change(
            "state", f"with {a.quantity} and {b.quantity} exchanged".replace("_", " "), respec=_exchange(i, j)
        )
        for i, a in enumerate(spec.state)
        for j, b in enumerate(spec.state)
        if i < j and a.width(joints) == b.width(joints)
    ]
    if orders:
        found.append(Family("state", "order", orders, ["pointing"]))
    return found


_CHANNELS = {
    "joint_pos": "joint positions",
    "joint_vel": "joint velocities",
    "ee_position": "tool position",
    "ee_rotation": "tool rotation",
    "gripper": "gripper width",
}


def _other_form(k: int, form: str) -> Callable[[ObservationSpec], ObservationSpec]:
    def respec(spec: ObservationSpec) -> ObservationSpec:
        state = [replace(e, form=form) if i == k else e for i, e in enumerate(spec.state)]
        return replace(spec, state=tuple(state))

    return respec


def _exchange(i: int, j: int) -> Callable[[ObservationSpec], ObservationSpec]:
    def respec(spec: ObservationSpec) -> ObservationSpec:
        state = list(spec.state)
        state[i], state[j] = state[j], state[i]
        return replace(spec, state=tuple(state))

    return respec


def _with_image(seen: Seen, camera: str, make: Callable[[np.ndarray], np.ndarray]) -> Seen:
    return replace(seen, images={**seen.images, camera: np.ascontiguousarray(make(seen.images[camera]))})


def _exchanged(one: str, other: str) -> Callable[[Seen], Seen]:
    return lambda seen: replace(
        seen, images={**seen.images, one: seen.images[other], other: seen.images[one]}
    )


def zoomed(images: np.ndarray, share: float) -> np.ndarray:
    """The middle ``share`` of pictures ``[S, H, W, 3]`` at full size, nearest pixel; above 1 a black rim is added."""
    _, height, width, _ = images.shape
    zoomed = images
    for axis, side in ((1, height), (2, width)):
        at = np.floor((np.arange(side) + 0.5 - side / 2) * share + side / 2).astype(int)
        inside = (at >= 0) & (at < side)
        zoomed = np.take(zoomed, np.clip(at, 0, side - 1), axis)
        shape = [1, 1, 1, 1]
        shape[axis] = side
        zoomed = zoomed * inside.reshape(shape).astype(np.uint8)
    return zoomed
