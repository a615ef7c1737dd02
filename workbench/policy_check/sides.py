"""What both sides say, channel by channel, before anything is asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from policy.action import ActionChannel, ActionSpec
from policy.observation_spec import FORMS, CameraInput
from workbench.policy_check.examined import Sides
from workbench.policy_check.verdict import CONTRADICTORY, Verdict

AS_TASK = "as the task"


@dataclass(frozen=True)
class Said:
    """A line: what one side says of a channel, and what the other needs or gives."""

    part: str
    """``action`` or ``observation``."""
    channel: str
    policy: str
    task: str
    agrees: bool = True

    def to_dict(self) -> dict[str, object]:
        """Plain JSON types."""
        return asdict(self)


def what_they_say(sides: Sides) -> list[Said]:
    """Every line, actions first."""
    return [*_actions(sides), *_observations(sides)]


def declared_contradictions(sides: Sides) -> list[Verdict]:
    """Where the two specs of actions differ, a verdict each."""
    found = []
    for sentence in sides.needed.mismatches(sides.own):
        about, _, rest = sentence.partition(": ")
        found.append(
            Verdict("action", _channel(about, sides.needed), "declared", CONTRADICTORY, rest or about)
        )
    return found


def _channel(about: str, spec: ActionSpec) -> str:
    words = about.split(" ")
    if words[0] == "channel" and len(words) > 1 and words[1].isdigit() and int(words[1]) < spec.dim:
        return spec.channels[int(words[1])].name
    return about if len(words) == 1 else "all"


def _actions(sides: Sides) -> list[Said]:
    own, needed = sides.own, sides.needed
    adopted = own is needed
    lines = []
    for i in range(max(own.dim, needed.dim)):
        mine = own.channels[i] if i < own.dim else None
        theirs = needed.channels[i] if i < needed.dim else None
        name = theirs.name if theirs else mine.name if mine else ""
        says = AS_TASK if adopted else _channel_says(mine)
        lines.append(Said("action", name, says, _channel_says(theirs), mine == theirs))
    for label, mine_says, task_says in (
        ("rate", f"{own.control_hz:g} Hz", f"{needed.control_hz:g} Hz"),
        ("rotation", own.rotation.replace("_", " "), needed.rotation.replace("_", " ")),
        ("gripper sign", own.gripper_sign, needed.gripper_sign),
        ("robot", own.robot, needed.robot),
    ):
        lines.append(
            Said("action", label, AS_TASK if adopted else mine_says, task_says, mine_says == task_says)
        )
    lines.append(Said("action", "steps per decision", f"{sides.execute_steps}", "any"))
    return lines


def _channel_says(channel: ActionChannel | None) -> str:
    if channel is None:
        return "no such channel"
    frame = {"base": "base frame", "end_effector": "tool frame", "joint": "joint"}[channel.frame]
    reference = {
        "previous_command": "from the command",
        "measured": "from the measured",
        "absolute": "absolute",
    }
    unit = "" if channel.unit == "1" else f" {channel.unit}"
    if -channel.low == channel.high:
        bounds = f"+-{channel.high:.4g}{unit}"
    else:
        bounds = f"{channel.low:.4g} to {channel.high:.4g}{unit}"
    return f"{bounds}, {frame}, {reference[channel.reference]}"


def _observations(sides: Sides) -> list[Said]:
    spec, offer = sides.observation_spec, sides.offer
    lines = []
    for camera, (width, height) in offer.cameras.items():
        takes = [c for c in spec.cameras if c.camera == camera] if spec else []
        gives = f"{width} x {height} px, rgb"
        if takes:
            lines += [
                Said("observation", f"{camera} picture", _picture(c, width, height), gives) for c in takes
            ]
        else:
            says = "as it is" if camera in sides.cameras else "not asked for"
            lines.append(Said("observation", f"{camera} picture", says, gives))
    for quantity, forms in FORMS.items():
        entries = [entry.form for entry in spec.state if entry.quantity == quantity] if spec else []
        says = "as it is" if spec is None else ", ".join(entries) or "not asked for"
        given = next(iter(forms)).replace("_", " ")
        frame = ", base frame" if quantity.startswith("ee_") else ""
        lines.append(Said("observation", quantity.replace("_", " "), says.replace("_", " "), given + frame))
    lines.append(Said("observation", "instruction", spec.prompt if spec else "as it is", "a sentence"))
    if sides.privileged:
        lines.append(Said("observation", "simulator's state", "as it is", "all of it"))
    return lines


def _picture(camera: CameraInput, width: int, height: int) -> str:
    parts = [f"{camera.width or width} x {camera.height or height} px, {camera.color_order}"]
    if camera.name != camera.camera:
        parts.append(f"as {camera.name}")
    if camera.crop < 1:
        parts.append(f"middle {camera.crop:g}")
    if camera.calibrated:
        parts.append("with calibration")
    return ", ".join(parts)
