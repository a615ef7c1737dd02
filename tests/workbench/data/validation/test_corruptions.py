"""Every way in which data is known to go wrong is named with its cause, and what is sound is left alone."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.workbench.data.archive_corruptions import IN_ARCHIVES, plant_in_archive
from tests.workbench.data.archives import write_archive
from tests.workbench.data.demonstrated import demonstrated_episode
from tests.workbench.data.lerobot_corruptions import IN_LEROBOT, edit_lines, plant_in_lerobot
from workbench.data.archive.statistics import write_archive_statistics
from workbench.data.lerobot.v3 import export_lerobot_v3
from workbench.data.lerobot.v21 import export_lerobot_v21
from workbench.data.validation.validate import examine, validate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    made = [demonstrated_episode(k, r) for k, r in ((0, 0), (0, 1), (1, 0))]
    write_archive(folder / "archive", *made)
    write_archive_statistics(folder / "archive")
    export_lerobot_v21(folder / "archive", folder / "v21")
    export_lerobot_v3(folder / "archive", folder / "v3")
    return folder


def named(corruption, found):
    assert any(re.search(corruption.says, text) for text in found), "\n".join((corruption.says, *found[:8]))


@pytest.mark.parametrize("corruption", IN_ARCHIVES, ids=lambda c: c.name)
def test_an_archive_in_which_something_is_wrong(sound, tmp_path, corruption):
    plant_in_archive(sound / "archive", tmp_path / "archive", corruption)
    named(corruption, [str(problem) for problem in validate(tmp_path / "archive")])


@pytest.mark.parametrize("version", ["v21", "v3"])
@pytest.mark.parametrize("corruption", IN_LEROBOT, ids=lambda c: c.name)
def test_a_lerobot_dataset_in_which_something_is_wrong(sound, tmp_path, version, corruption):
    plant_in_lerobot(sound / version, tmp_path / version, corruption)
    named(corruption, [str(problem) for problem in validate(tmp_path / version)])


@pytest.mark.parametrize("name", ["archive", "v21", "v3"])
def test_what_is_sound_has_no_problem(sound, name):
    found = examine(sound / name)
    assert [str(problem) for problem in found.problems] == []


@pytest.mark.parametrize("export", [export_lerobot_v21, export_lerobot_v3])
def test_pictures_that_come_late_between_two_rows_are_no_problem(tmp_path, export):
    """Where bodies that moved were at that instant, an export does not say: they are not judged."""
    write_archive(tmp_path / "archive", demonstrated_episode(0, late=1))
    assert [str(problem) for problem in validate(tmp_path / "archive")] == []
    export(tmp_path / "archive", tmp_path / "export")
    assert [str(problem) for problem in validate(tmp_path / "export")] == []


@pytest.mark.parametrize("version", ["v21", "v3"])
def test_a_dataset_that_says_nothing_of_its_conventions_is_checked_as_far_as_it_goes(
    sound, tmp_path, version
):
    """As others write them: columns and videos, and no word about what is meant."""
    root = shutil.copytree(sound / version, tmp_path / version)
    (root / "meta/conventions.json").unlink()
    edit_lines(root, lambda _, facts: facts.clear())
    found = examine(root)
    assert [str(problem) for problem in found.problems] == []
    assert any(
        "in no episode for want of an instruction, and the labels of bodies" in text
        for text in found.unchecked
    )


@pytest.mark.skipif("WORKBENCH_TEST_DATA" not in os.environ, reason="WORKBENCH_TEST_DATA is not set")
@pytest.mark.parametrize("name", ["foreign/lerobot_v3_two_tasks", "internvla_m1_demo"])
def test_foreign_data_has_no_problem_and_says_what_was_not_checked(name):
    found = examine(Path(os.environ["WORKBENCH_TEST_DATA"]) / name)
    assert found.problems == []
    assert any("for want of calibration" in text for text in found.unchecked)
