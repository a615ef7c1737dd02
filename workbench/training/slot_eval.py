"""What a model has in mind when it acts, held against held-out pictures: the places that its prompt's slots stand for.

points in mind    grasp and place inside the mask of target and receptacle; left out where something hides them
first grasp ...   the grasp alone, in each episode's first picture: the arm has not moved, only the words tell which
grasp yaw ...     the fingers' direction, of the two contacts, until the hand closes
way in mind       mean absolute error of points of the tool's way [px of the picture seen]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from policy.grounding import GRASP, PLACE, PLACES
from policy.m1.config import CONTACT, PATH
from policy.m1.model import M1Model
from workbench.data.episode import PHASES, DatasetEpisode
from workbench.data.qa.entries import chosen_frames
from workbench.data.qa.held_out import Error, Rate, point_in_mask_rate, points_in_mask, trace_mae, within_rate
from workbench.training.annotations import hand_at, slot_places
from workbench.training.frames import ArchiveFrames
from workbench.training.grasp_yaw import RIGHT_YAW, grasp_yaw
from workbench.training.grounding_eval_options import GroundingEvalOptions

POINTS_IN_MIND, FIRST_IN_MIND, WAY_IN_MIND = "points in mind", "first grasp in mind", "way in mind"
YAW_IN_MIND = "grasp yaw in mind"

Region = Callable[[DatasetEpisode, str, int, int, int], np.ndarray]
"""Episode, camera, frame, row of a body, side of the picture -> where points may lie ``[S, S]`` bool."""


def evaluate_slots(
    model: M1Model, frames: ArchiveFrames, region: Region, options: GroundingEvalOptions
) -> dict[str, Rate | Error]:
    """The metrics by name; empty for a model whose prompt has no slots, or whose cameras were not asked for."""
    slots, size, views = model.config.prompt.slots, model.config.images.size, model.config.images.views
    if not slots or any(view not in frames.episodes[0].cameras for view in views):
        return {}
    rows = [
        (number, frame)
        for number, episode in enumerate(frames.episodes[: options.episodes])
        for frame in chosen_frames(episode.name, len(episode.frame_steps), options.frames, options.seed)
    ]
    firsts = [(number, 0) for number in range(len(frames.episodes[: options.episodes]))]
    found: dict[str, Rate | Error] = {}
    thoughts = _think(model, frames, rows, options.batch)
    for name, some, places, wanted in (
        (POINTS_IN_MIND, rows, thoughts, (GRASP, PLACE)),
        (FIRST_IN_MIND, firsts, _think(model, frames, firsts, options.batch), (GRASP,)),
    ):
        if rate := _points_rate(model, frames, some, places, wanted, region, options):
            found[name] = rate
    if turned := _yaw_rate(model, frames, rows, thoughts, options):
        found[YAW_IN_MIND] = turned
    ways, true_ways, way_of = [], [], []
    path = [i for i, slot in enumerate(slots) if slot == PATH]
    for (number, frame), said in zip(rows, thoughts, strict=True):
        episode = frames.episodes[number]
        true_places = slot_places(episode, views[0], frame, slots, size)
        true = [true_places[i] for i in path]
        if path and None not in true:
            ways.append(said[path])
            true_ways.append(np.array(true))
            way_of.append(str(episode.demonstration))
    if ways:
        found[WAY_IN_MIND] = trace_mae(ways, true_ways, way_of, options.confidence)
    return found


def _points_rate(
    model: M1Model,
    frames: ArchiveFrames,
    rows: Sequence[tuple[int, int]],
    thoughts: Sequence[np.ndarray],
    wanted: Sequence[str],
    region: Region,
    options: GroundingEvalOptions,
) -> Rate | None:
    """How often the places of the ``wanted`` slots are on their thing; None where nothing can be said."""
    slots, view, size = model.config.prompt.slots, model.config.images.views[0], model.config.images.size
    claims, regions, claimed_by = [], [], []
    for (number, frame), said in zip(rows, thoughts, strict=True):
        episode = frames.episodes[number]
        roles = [body.role for body in episode.bodies]
        true = slot_places(episode, view, frame, slots, size)
        for slot, place, claim in zip(slots, true, said, strict=True):
            if slot in wanted and place is not None:
                inside = region(episode, view, frame, roles.index(PLACES[slot]), size)
                if points_in_mask(np.array([place]), inside)[0]:
                    claims.append(claim)
                    regions.append(inside)
                    claimed_by.append(str(episode.demonstration))
    return point_in_mask_rate(claims, regions, claimed_by, options.confidence) if claims else None


def _yaw_rate(
    model: M1Model,
    frames: ArchiveFrames,
    rows: Sequence[tuple[int, int]],
    thoughts: Sequence[np.ndarray],
    options: GroundingEvalOptions,
) -> Rate | None:
    """How often the two contacts turn the hand rightly before it closes; None where nothing can be said."""
    slots, view, size = model.config.prompt.slots, model.config.images.views[0], model.config.images.size
    contacts = [i for i, slot in enumerate(slots) if slot == CONTACT]
    errors, claimed_by = [], []
    for (number, frame), said in zip(rows, thoughts, strict=True):
        episode = frames.episodes[number]
        if len(contacts) != 2 or episode.phase[episode.shown_steps[frame]] != PHASES.index("reach"):
            continue
        true = slot_places(episode, view, frame, slots, size)
        yaw = grasp_yaw(episode, view, frame, size)
        if yaw is not None and None not in [true[i] for i in contacts]:
            errors.append(yaw.error(said[contacts]))
            claimed_by.append(str(episode.demonstration))
    return within_rate(errors, RIGHT_YAW, claimed_by, options.confidence) if errors else None


def _think(
    model: M1Model, frames: ArchiveFrames, rows: Sequence[tuple[int, int]], batch: int
) -> list[np.ndarray]:
    """Places ``[S, 2]`` for each episode and frame."""
    found: list[np.ndarray] = []
    for start in range(0, len(rows), batch):
        some = rows[start : start + batch]
        images = {
            view: torch.from_numpy(np.stack([frames.picture(number, view, frame) for number, frame in some]))
            for view in model.config.images.views
        }
        told = [frames.episodes[number].instruction for number, _ in some]
        hand = torch.tensor([hand_at(frames.episodes[number], frame) for number, frame in some])
        found += list(model.think(images, told, hand).cpu().numpy())
    return found
