"""Names and shapes of exported columns, and what earlier exports called them."""

from __future__ import annotations

import numpy as np

from tasks.tabletop.action_spaces import DELTA_EEF
from workbench.data.lerobot.columns import EULER, NOWHERE, OLD_NAMES, arranged, features
from workbench.data.lerobot.reading import ImportedEpisode


def test_columns_of_earlier_exports_are_found_by_todays_names():
    today = features(("front",), 2, DELTA_EEF)
    assert OLD_NAMES.keys() <= today.keys()
    assert not set(EULER) & today.keys()
    old = {before: np.full((3, 2), float(k)) for k, before in enumerate(OLD_NAMES.values())}
    episode = ImportedEpisode(0, "", 10.0, old, {}, {})
    for k, name in enumerate(OLD_NAMES):
        assert (episode.column(name) == k).all(), name


def test_every_command_but_the_rotations_of_poses_had_an_older_name():
    commands = {n for n in features((), 0, DELTA_EEF) if n.startswith("command.")}
    assert commands - OLD_NAMES.keys() == {"command.eef_rotation_6d", "command.eef_rotation_vector"}


def test_tables_of_earlier_exports_and_flat_rows_are_arranged_alike():
    boxes = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    boxes[1, 2] = np.nan
    flat = np.where(np.isnan(boxes), NOWHERE, boxes).reshape(2, 12).astype(np.float32)
    for stored in (boxes, flat):
        np.testing.assert_array_equal(arranged("annotation.base_view.boxes", stored), boxes)


def test_a_path_is_of_the_room_or_of_a_picture():
    room, picture = np.zeros((2, 72)), np.zeros((2, 48))
    assert arranged("annotation.trace", room).shape == (2, 24, 3)
    assert arranged("annotation.base_view.trace", picture).shape == (2, 24, 2)
    assert arranged("annotation.phase", np.zeros((2, 1), int)).shape == (2, 1)
    assert arranged("state.joints", np.zeros((2, 7))).shape == (2, 7)
