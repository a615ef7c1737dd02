"""``README.md`` of an export: the dataset card that hubs show, with LeRobot's front matter and what is not there.

The same facts as ``meta/info.json`` and ``meta/conventions.json``, for people. Nothing is claimed about a licence:
whose data it is decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from workbench.data.lerobot.columns import ANNOTATION
from workbench.data.lerobot.export_choices import ExportChoices

CARD = "README.md"
_SOURCE = {
    "video": "pictures, as video",
    "image": "pictures, as PNG in the table",
}


def dataset_card(
    name: str,
    info: Mapping[str, Any],
    said: Mapping[str, Any],
    origin: Mapping[str, Any],
    choices: ExportChoices,
    left_out: Mapping[str, bool],
) -> str:
    """The text of the card.

    Args:
        name: of the dataset.
        info: ``meta/info.json``.
        said: ``meta/conventions.json``.
        origin: ``meta/origin.json``.
        choices: what was exported.
        left_out: for depth and masks, whether the archive has them.
    """
    front = {
        "task_categories": ["robotics"],
        "tags": ["LeRobot", "simulation", str(info["robot_type"])],
        "configs": [{"config_name": "default", "data_files": "data/*/*.parquet"}],
    }
    config = origin.get("config") or {}
    made = ", ".join(
        f"`{k}={config[k]}`"
        for k in ("task", "robot", "policy", "dr", "split", "seed", "physics")
        if k in config
    )
    lines = [
        "---",
        yaml.safe_dump(front, sort_keys=False).rstrip(),
        "---",
        "",
        f"# {name}",
        "",
        f"Simulated demonstrations of a {info['robot_type']} in LeRobot {info['codebase_version']}: "
        f"{info['total_episodes']} episodes, {info['total_frames']} frames at {info['fps']:g} Hz, "
        f"{info['total_tasks']} instructions." + (f" Generated with {made}." if made else ""),
        "",
        "## Parts",
        "",
        "Episodes of each part, first and past the last; all renderings of one demonstration are in one part.",
        "",
        "| part | episodes |",
        "|---|---|",
        *(f"| `{part}` | {where} |" for part, where in info["splits"].items()),
        "",
        "## Columns",
        "",
        f"`action` is `{choices.action_space}` of `meta/conventions.json`: from a frame to the next, as the "
        "environments take it. `observation.state` is the arm's joints [rad] and the distance between the "
        "fingertips [m]. Tables are flattened row by row: `names` in `meta/info.json` and `tables` in "
        "`meta/conventions.json` say how.",
        "",
        "| column | numbers | what |",
        "|---|---|---|",
        *(_row(column, feature) for column, feature in info["features"].items()),
        "",
        "## Conventions",
        "",
        *(
            f"- `{key}`: {said[key]}"
            for key in ("frame", "state", "quaternion", "eef_rotation_6d", "eef_rotation_vector", "pixels")
        ),
        "",
        "## What is not here",
        "",
        *_absent(choices, left_out),
        "",
    ]
    return "\n".join(lines)


def _row(column: str, feature: Mapping[str, Any]) -> str:
    shape = "x".join(map(str, feature["shape"]))
    kind = feature["dtype"]
    what = _SOURCE.get(kind, kind)
    if column.startswith(ANNOTATION) and kind not in _SOURCE:
        what += ", not normalised"
    return f"| `{column}` | {shape} | {what} |"


def _absent(choices: ExportChoices, left_out: Mapping[str, bool]) -> list[str]:
    lines = []
    for what, chosen in (("depth", choices.depth), ("masks", choices.masks)):
        if chosen:
            continue
        has = "The archive has them" if left_out[what] and what == "masks" else "The archive has it"
        if left_out[what]:
            lines.append(f"- No {what}. {has}: export with `{what}=true`.")
        else:
            lines.append(f"- No {what}: the archive was generated without.")
    if not choices.annotations:
        lines.append(
            "- No annotations (boxes, points, traces, poses of bodies and cameras): export with `annotations=true`."
        )
    lines.append(
        "- Nothing of this was recorded on a robot. Factors of randomisation are drawn per episode; "
        "`task_data` of each says which."
    )
    return lines
