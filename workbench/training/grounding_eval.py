"""``workbench eval-grounding``: how well a checkpoint says where things are, on pictures it was not trained on.

    named boxes       "where is the red cube": IoU >= 0.5
    task boxes        the policy's own question about the task: both boxes, IoU >= 0.5
    boxes             all published questions about boxes: every box of the answer, IoU >= 0.5
    points            every point of the answer inside the thing's mask, or its box where the data holds no masks
    grasp yaw         two contact points: the fingers close within 15 degrees of a right direction
    trace             mean absolute error of waypoints [px of the picture seen]
    ... in mind       what the model takes its prompt's slots to stand for (`workbench.training.slot_eval`)

Every episode is a group: its renderings and frames succeed and fail together, so intervals count it once
(`workbench.data.qa.held_out`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from policy.answer_parser import parse_answer
from policy.answers import Answer, Boxes, Labelled, PickPlace, Points, Sentence, Trace, coordinates
from policy.grounding import Box
from policy.m1.checkpoint import CheckpointError, load_checkpoint, locate
from policy.m1.model import M1Model
from policy.smart_resize import Resize
from workbench.cli.options import OptionError, listed
from workbench.data.archive.archive import ArchiveError
from workbench.data.episode import DatasetEpisode
from workbench.data.qa.entries import chosen_frames
from workbench.data.qa.held_out import Error, Rate, box_rate, point_in_mask_rate, trace_mae, within_rate
from workbench.data.qa.options import QaOptions
from workbench.data.qa.questions import questions
from workbench.runs.durable import write_atomically
from workbench.training.annotations import row_of_role, task_answer, visible_boxes
from workbench.training.frames import ArchiveFrames
from workbench.training.grasp_yaw import RIGHT_YAW, GraspYaw, grasp_yaw
from workbench.training.grounding_eval_options import GroundingEvalOptions
from workbench.training.slot_eval import evaluate_slots

NAMED, TASK, BOXES, POINTS, TRACE = "named boxes", "task boxes", "boxes", "points", "trace"
YAW = "grasp yaw"
POINT_ASKS = {"grasp": "target", "contacts": "target", "place": "receptacle", "point at a thing": ""}
"""Questions for points, and the body that they lie on; what is pointed at by name says itself."""
SLACK = 1.0
"""A fingertip lies on the thing's outline, and answers are whole pixels: this far outside still counts [px]."""


@dataclass(frozen=True)
class Trial:
    """One question to the model, with what is true."""

    metric: str
    episode: str
    """Of the demonstration, whatever its rendering: the group."""
    number: int
    view: str
    frame: int
    question: str
    answer: Answer
    region: np.ndarray | None = None
    """Where points may lie ``[S, S]`` bool, for points."""
    yaw: GraspYaw | None = None
    """What the fingers' direction is held against, for contact points."""


def eval_grounding(options: GroundingEvalOptions, console: Console) -> dict[str, Any]:
    """Ask everything, measure, print and write; returns what was written. Options must be resolved.

    Raises OptionError for a checkpoint or data that cannot be used.
    """
    try:
        model = load_checkpoint(locate(options.checkpoint), options.device, torch.float32)
        views = listed("views", options.views) or model.config.images.views[:1]
        frames = ArchiveFrames(Path(options.data), views)
        trials = list(_trials(model, frames, views, options))
        said = _ask(model, frames, trials, options, console)
    except (CheckpointError, ArchiveError) as error:
        raise OptionError(str(error)) from error
    if not trials:
        raise OptionError(f"nothing can be asked about the pictures of {options.data}")
    has_masks = all(view.mask is not None for e in frames.episodes for view in e.cameras.values())
    found = measure(trials, said, model.config.images.size, options)
    found |= evaluate_slots(model, frames, _region, options)
    result = {
        "checkpoint": options.checkpoint,
        "data": options.data,
        "views": list(views),
        "episodes": len({trial.episode for trial in trials}),
        "points_inside": "mask" if has_masks else "box: the data holds no masks (generate with masks=true)",
        "confidence": options.confidence,
        "metrics": {name: asdict(value) for name, value in found.items()},
    }
    _print(result, found, console)
    if options.out:
        write_atomically(Path(options.out), json.dumps(result, indent=2, allow_nan=False) + "\n")
    return result


def _trials(
    model: M1Model, frames: ArchiveFrames, views: tuple[str, ...], options: GroundingEvalOptions
) -> Iterator[Trial]:
    size, own = model.config.images.size, model.config.prompt.grounding
    qa = QaOptions(
        image_size=f"{size}x{size}", min_pixels=1, max_pixels=size**2, per_kind=2, seed=options.seed,
        trace_points=options.trace_points, kinds="box,point,trace",
    )  # fmt: skip
    for number, episode in enumerate(frames.episodes[: options.episodes]):
        labels = [body.label for body in episode.bodies]
        group = str(episode.demonstration)
        for frame in chosen_frames(episode.name, len(episode.frame_steps), options.frames, options.seed):
            for view in views:
                where = (group, number, view, frame)
                boxes = visible_boxes(episode, view, frame, qa)
                for row, box in boxes.items():
                    if labels.count(labels[row]) == 1:
                        answer = Labelled((Box(labels[row], box),))
                        yield Trial(NAMED, *where, own.replace("{instruction}", labels[row]), answer)
                if task := task_answer(episode, boxes, row_of_role(episode, "target")):
                    yield Trial(TASK, *where, own.replace("{instruction}", episode.instruction), task)
                for question in questions(episode, view, frame, qa)[0]:
                    match question.answer:
                        case Trace():
                            yield Trial(TRACE, *where, question.text, question.answer)
                        case _ if question.ask in POINT_ASKS:
                            row = _pointed_at(episode, question.ask, question.answer)
                            region = _region(episode, view, frame, row, size)
                            is_grasp = question.ask == "contacts"
                            yaw = grasp_yaw(episode, view, frame, size) if is_grasp else None
                            yield Trial(POINTS, *where, question.text, question.answer, region, yaw)
                        case Boxes() | Labelled() | PickPlace() | Sentence():
                            yield Trial(BOXES, *where, question.text, question.answer)


def _pointed_at(episode: DatasetEpisode, ask: str, answer: Answer) -> int:
    """Row of the body that a question asks to point at."""
    role = POINT_ASKS[ask]
    if role:
        return next(i for i, body in enumerate(episode.bodies) if body.role == role)
    assert isinstance(answer, Labelled)
    return [body.label for body in episode.bodies].index(answer.points[0].label)


def _region(episode: DatasetEpisode, view: str, frame: int, row: int, size: int) -> np.ndarray:
    """Where points may lie, in the pixels of the picture seen ``[size, size]``: on the thing, and `SLACK` around it."""
    camera = episode.cameras[view]
    resize = Resize((camera.width, camera.height), (size, size))
    region = np.zeros((size, size), bool)
    if camera.mask is not None:
        # The mask is in the camera's pixels: look up the middle of each pixel seen.
        at = (np.arange(size) + 0.5) / size
        v, u = (at * camera.height).astype(int), (at * camera.width).astype(int)
        region = camera.mask[frame][np.ix_(v, u)] == row + 1
        return _widened(region)
    u0, v0, u1, v1 = resize.to_seen(camera.boxes[frame, row])
    low_u, low_v = (max(0, int(np.floor(x - SLACK))) for x in (u0, v0))
    region[low_v : int(np.ceil(v1 + SLACK)), low_u : int(np.ceil(u1 + SLACK))] = True
    return region


def _widened(region: np.ndarray) -> np.ndarray:
    """True pixels and their eight neighbours."""
    padded = np.pad(region, 1)
    size = region.shape[0]
    return np.any([padded[i : i + size, j : j + size] for i in range(3) for j in range(3)], axis=0)


def _ask(
    model: M1Model,
    frames: ArchiveFrames,
    trials: list[Trial],
    options: GroundingEvalOptions,
    console: Console,
) -> list[Answer | None]:
    """What the model answers to each, parsed; None where nothing can be read."""
    size = model.config.images.size
    said: list[Answer | None] = []
    starts = range(0, len(trials), options.batch)
    for start in track(starts, description="asking", console=console):
        some = trials[start : start + options.batch]
        pictures = np.stack([frames.picture(t.number, t.view, t.frame) for t in some])
        texts = model.answer(
            {"asked": torch.from_numpy(pictures)}, [t.question for t in some], question="{instruction}"
        )
        for trial, text in zip(some, texts, strict=True):
            pairs = {POINTS: "points", TRACE: "trace"}.get(trial.metric)
            said.append(parse_answer(text, (size, size), pairs).answer)  # type: ignore[arg-type]
    return said


def measure(
    trials: list[Trial], said: list[Answer | None], size: int, options: GroundingEvalOptions
) -> dict[str, Rate | Error]:
    """The metrics that were asked for, by name. An answer with too few boxes or points is wrong where it lacks one."""
    found: dict[str, Rate | Error] = {}
    for metric in (NAMED, TASK, BOXES, POINTS, TRACE):
        pairs = [(t, a) for t, a in zip(trials, said, strict=True) if t.metric == metric]
        if not pairs:
            continue
        if metric == TRACE:
            ways = [_rows(a, 2) if isinstance(a, Trace) else np.empty((0, 2)) for _, a in pairs]
            true = [_rows(t.answer, 2) for t, _ in pairs]
            groups = [t.episode for t, _ in pairs]
            found[metric] = trace_mae(ways, true, groups, options.confidence)
            continue
        width = 2 if metric == POINTS else 4
        claims, truths, regions, groups = [], [], [], []
        for trial, answer in pairs:
            wanted = _rows(trial.answer, width)
            claims.append(_padded(answer, trial.answer, width, len(wanted)))
            truths.append(wanted)
            regions += [trial.region] * len(wanted)
            groups += [trial.episode] * len(wanted)
        claimed, truth = np.concatenate(claims), np.concatenate(truths)
        if metric == POINTS:
            masks = [region for region in regions if region is not None]
            found[metric] = point_in_mask_rate(claimed, masks, groups, options.confidence)
        else:
            # Whole pixels are what can be said; a box is compared with the box as it can be said.
            found[metric] = box_rate(claimed, np.round(truth), groups, confidence=options.confidence)
    turned = [(t, a) for t, a in zip(trials, said, strict=True) if t.yaw is not None]
    if turned:
        errors = [t.yaw.error(_padded(a, t.answer, 2, 2)) for t, a in turned if t.yaw is not None]
        groups = [t.episode for t, _ in turned]
        found[YAW] = within_rate(errors, RIGHT_YAW, groups, options.confidence)
    return found


def _padded(answer: Answer | None, true: Answer, width: int, count: int) -> np.ndarray:
    """``count`` rows of an answer of the wanted shape; NaN for what it lacks."""
    rows = np.full((count, width), np.nan)
    shape_fits = _form(answer) == _form(true)
    if answer is not None and shape_fits:
        numbers = coordinates(answer)
        if len(numbers) % width == 0:
            given = np.array(numbers).reshape(-1, width)[:count]
            rows[: len(given)] = given
    return rows


def _form(answer: Answer | None) -> str:
    """What an answer holds, however it is written: a model may name its points, or leave out names."""
    match answer:
        case Boxes() | PickPlace() | Labelled(points=()):
            return "boxes"
        case Points() | Labelled(boxes=()):
            return "points"
    return type(answer).__name__


def _rows(answer: Answer, width: int) -> np.ndarray:
    return np.array(coordinates(answer), float).reshape(-1, width)


def _print(result: dict[str, Any], found: dict[str, Rate | Error], console: Console) -> None:
    table = Table(box=None, padding=(0, 2), show_edge=False)
    for heading in ("asked for", "result", f"{result['confidence']:.0%} interval", "answers", "unusable"):
        table.add_column(heading)
    for name, value in found.items():
        is_rate = isinstance(value, Rate)
        middle = value.rate if isinstance(value, Rate) else value.mean
        shown = "none" if middle is None else f"{middle:.1%}" if is_rate else f"{middle:.1f} px"
        ends = value.interval
        spread = "-" if ends is None else " to ".join(f"{x:.1%}" if is_rate else f"{x:.1f}" for x in ends)
        table.add_row(name, shown, spread, str(value.count), str(value.missing))
    console.print(table)
    console.print(f"points are held against the thing's {result['points_inside']}", markup=False)
