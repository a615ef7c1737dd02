"""Numbers that the action head is told, and hands that are perturbed."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.workbench.training.streamed import VIEWS
from workbench.data.archive.archive import ArchiveError
from workbench.data.projection import project_frames
from workbench.training.action_stream import ActionStream, chunk_at
from workbench.training.annotations import hand_at, slot_places
from workbench.training.hand_perturbation import PERTURBATION, PERTURBED_SHARE
from workbench.training.numbers_stream import PLACE_ERROR, NumbersStream


def numbers_told(frames, epochs=400):
    """Each row of the stream with what it is: episode, frame, annotated places, chunk; and several epochs of it."""
    slots = ("grasp", "place", "path")
    stream = NumbersStream(frames, "front", slots, 224, 8, seed=0)
    seen = [(n, f, slot_places(frames.episodes[n], "front", f, slots, 224)) for n, f in frames.rows(True)]
    whole = [row for row in seen if None not in row[2]]
    assert stream.size == len(whole) > 0
    for row, (number, frame, places) in enumerate(whole):
        episode = frames.episodes[number]
        chunk, had = chunk_at(episode.actions, int(episode.frame_steps[frame]), 8)
        batch = stream.batch([(row, epoch) for epoch in range(epochs)])
        assert (batch.valid == torch.from_numpy(had)).all()
        assert (stream.batch([(row, 3)]).hand == batch.hand[3]).all()
        by = batch.hand.double().numpy() - np.array(hand_at(episode, frame))
        yield episode, frame, np.array(places), chunk, batch, by


def test_numbers_tell_the_annotated_places_and_err_otherwise_each_epoch(frames):
    told = [batch.places.numpy()[:, :2] - places[:2] for _, _, places, _, batch, _ in numbers_told(frames)]
    errors = np.concatenate(told)
    assert np.abs(errors.mean(0)).max() < 0.5
    assert np.allclose(errors.std(0), PLACE_ERROR, rtol=0.1)


def test_perturbed_hands_are_led_back_and_others_are_as_recorded(frames):
    shifts, kinds = [], set()
    for _, _, _, chunk, batch, by in numbers_told(frames):
        steady = bool((np.sign(chunk[:, 6]) == np.sign(chunk[0, 6])).all())
        is_perturbed = np.abs(by[:, :4]).max(axis=1) > 1e-6
        kinds.add(steady)
        assert is_perturbed.any() == steady
        straight = batch.actions.numpy()[~is_perturbed]
        assert np.allclose(straight, chunk, atol=1e-6)
        # Where the hand ends, seen from where it is told to be, is where the demonstrated one ends.
        led = batch.actions.numpy()[is_perturbed]
        ends = by[is_perturbed, :3] + led[..., :3].sum(1)
        assert np.allclose(ends, chunk[:, :3].sum(0), atol=1e-5)
        turned = (by[is_perturbed, 3] + led[..., 5].sum(1) - chunk[:, 5].sum()) / np.pi
        assert np.allclose(turned, turned.round(), atol=1e-5), "off by other than half a turn"
        assert np.allclose(led[:, 6:], chunk[6:], atol=1e-6)
        assert np.allclose(led[..., [3, 4, 6]], chunk[..., [3, 4, 6]], atol=1e-6)
        assert np.allclose(by[:, 4], 0.0, atol=1e-6)
        if steady:
            shifts.append(by[is_perturbed, :3])
            assert abs(is_perturbed.mean() - PERTURBED_SHARE) < 0.1
    assert kinds == {True, False}
    assert np.allclose(np.concatenate(shifts).std(0), PERTURBATION[:3], rtol=0.1)


def test_a_perturbed_hand_is_seen_where_it_was_moved_to(frames):
    """Apart from the error of every place: its mean over many epochs is that of the true pixels."""
    for episode, frame, places, _, batch, by in numbers_told(frames):
        camera = episode.cameras["front"]
        tool = episode.ee_pose[episode.shown_steps[frame], :3]
        where = project_frames(
            (tool + by[:, :3])[None],
            camera.position[frame : frame + 1],
            camera.rotation[frame : frame + 1],
            camera.intrinsics,
            camera.distortion,
        )[0]
        true = (where * 224 / np.array((camera.width, camera.height))).clip(0, 224)
        true[np.abs(by[:, :3]).max(axis=1) < 1e-6] = places[2]
        in_front = ~np.isnan(true).any(axis=1)
        errors = (batch.places.numpy()[:, 2] - true)[in_front]
        assert len(errors) > 100
        assert np.abs(errors.mean(0)).max() < 5 * PLACE_ERROR / len(errors) ** 0.5
        assert np.abs(errors.std(0) / PLACE_ERROR - 1).max() < 0.2


def test_behind_pictures_the_hand_told_is_perturbed_but_not_what_is_seen_and_said(frames):
    plain = ActionStream(frames, VIEWS, 8, seed=0)
    stream = ActionStream(frames, VIEWS, 8, seed=0, perturbed_at=224)
    went = 0
    for row, (number, frame) in enumerate(stream.rows):
        rows = [(row, epoch) for epoch in range(40)]
        batch, was = stream.batch(rows), plain.batch(rows)
        assert was.perturbed is None
        assert all(torch.equal(batch.images[view], was.images[view]) for view in VIEWS)
        assert torch.equal(batch.hand, was.hand)
        by = (batch.perturbed.hand - batch.hand).double().numpy()
        is_perturbed = np.abs(by[:, :3]).max(axis=1) > 1e-6
        straight = torch.from_numpy(~is_perturbed)
        assert torch.equal(batch.actions[straight], was.actions[straight])
        ends = by[:, :3] + batch.actions.numpy()[..., :3].sum(1)
        assert np.allclose(ends, was.actions.numpy()[..., :3].sum(1), atol=1e-5)
        camera = frames.episodes[number].cameras["front"]
        tool = frames.episodes[number].ee_pose[frames.episodes[number].shown_steps[frame], :3]
        scale = 224 / np.array((camera.width, camera.height))
        where = [
            (
                project_frames(
                    (tool + shift)[None],
                    camera.position[frame : frame + 1],
                    camera.rotation[frame : frame + 1],
                    camera.intrinsics,
                    camera.distortion,
                )[0]
                * scale
            ).clip(0, 224)
            for shift in (np.zeros((1, 3)), by[:, :3])
        ]
        behind = np.isnan(where[0]).any()
        assert not (behind and is_perturbed.any())
        shift = np.zeros((40, 2)) if behind else where[1] - where[0]
        assert np.allclose(batch.perturbed.tool_moved.numpy(), shift, atol=2e-2)
        went += is_perturbed.sum()
    assert went > 50


def test_without_slots_numbers_tell_of_the_hand_alone_and_nothing_is_perturbed(frames):
    """Who is told no place cannot know from where it was moved."""
    stream = NumbersStream(frames, "front", (), 224, 8, seed=0)
    assert stream.size == len(frames.rows(before_end=True))
    rows = [(row, epoch) for row in range(stream.size) for epoch in range(10)]
    batch = stream.batch(rows)
    assert batch.places.shape == (len(rows), 0, 2)
    asked = ActionStream(frames, VIEWS, 8, seed=0).batch(rows)
    assert torch.equal(batch.actions, asked.actions)
    assert torch.equal(batch.hand, asked.hand)


def test_a_frame_with_a_place_outside_the_picture_is_no_lesson_in_numbers(frames):
    episode = frames.episodes[0]
    camera = episode.cameras["front"]
    away = camera.grasp.copy()
    away[1] = np.nan
    other = copy(frames)
    other.episodes = [replace(episode, cameras={"front": replace(camera, grasp=away)})]
    whole = copy(frames)
    whole.episodes = [episode]
    sizes = [NumbersStream(one, "front", ("grasp",), 224, 4, seed=0).size for one in (whole, other)]
    assert sizes[0] - sizes[1] == 1


def test_numbers_of_frames_that_show_no_place_are_refused_in_one_sentence(frames):
    episode = frames.episodes[0]
    camera = episode.cameras["front"]
    blind = copy(frames)
    blind.episodes = [
        replace(episode, cameras={"front": replace(camera, grasp=np.full_like(camera.grasp, np.nan))})
    ]
    with pytest.raises(ArchiveError, match="no frame of camera front shows all of grasp"):
        NumbersStream(blind, "front", ("grasp",), 224, 4, seed=0)
