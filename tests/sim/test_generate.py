"""``workbench generate`` for real: what a dataset's annotations say is what its pictures show, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.sim.conftest import workbench
from tests.workbench.data.jumps import jumps
from workbench.data.archive.archive import episodes, settled
from workbench.data.episode import PHASES, SUBTASKS
from workbench.data.generate.annotate import points_on
from workbench.data.generate.silhouette import convex_parts
from workbench.data.pictures import decode
from workbench.data.projection import project_frames

pytestmark = [pytest.mark.sim, pytest.mark.slow]

WORDS = (
    "episodes=4",
    "renders=2",
    "num_envs=4",
    "frame_every=6",
    "chunk=2",
    "seed=2",
    "device=cpu",
    "dr=heavy",
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """Four planned episodes, each rendered twice by both cameras, with masks and depth."""
    out = tmp_path_factory.mktemp("data") / "heavy"
    workbench("generate", f"out={out}", "masks=true", "depth=true", *WORDS)
    return out


@pytest.fixture(scope="module")
def made(dataset) -> list:
    return list(episodes(dataset / "episodes"))


def test_every_kept_episode_is_rendered_under_looks_of_its_own(dataset, made):
    kept = [line["index"] for line in settled(dataset / "plan") if line["kept"]]
    assert len(kept) >= 4, "the expert should succeed"
    rendered = settled(dataset / "episodes")
    assert sorted((line["index"], line["render"]) for line in rendered) == [
        (i, k) for i in sorted(kept) for k in (0, 1)
    ]
    one, other = (next(e for e in made if (e.record["index"], e.render) == (kept[0], k)) for k in (0, 1))
    np.testing.assert_array_equal(one.joint_pos, other.joint_pos)
    changed = {name for name in one.factors if one.factors[name] != other.factors[name]}
    assert {"appearance.table_color", "camera.exposure", "camera.front_position"} <= changed
    assert {name.split(".")[0] for name in changed} <= {"appearance", "camera", "episode"}
    assert not np.array_equal(decode(one.cameras["front"].jpeg[0]), decode(other.cameras["front"].jpeg[0]))


def test_dataset_is_valid(dataset):
    run = workbench("data", "validate", str(dataset))
    assert "no problems" in run.stdout


def test_no_exported_column_jumps_without_the_robot(made):
    for episode in made:
        assert jumps(episode) == [], episode.name


def test_boxes_are_the_masks_bounds(made):
    boxes = 0
    for episode in made:
        for name, camera in episode.cameras.items():
            for f, mask in enumerate(camera.mask):
                for k in range(len(episode.bodies)):
                    rows, columns = np.nonzero(mask == k + 1)
                    if not len(rows):
                        assert np.isnan(camera.boxes[f, k]).all(), (
                            f"{episode.name} {name} {f}: a box around nothing"
                        )
                        continue
                    bounds = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
                    np.testing.assert_array_equal(camera.boxes[f, k], bounds)
                    boxes += 1
    assert boxes > 500


def test_bodies_are_where_pose_and_calibration_project_them(made):
    """Lens, latency, camera pose and robot base together: a box that nothing hides is its body's projected bounds."""
    errors = []
    for episode in made:
        for camera in episode.cameras.values():
            for k, body in enumerate(episode.bodies):
                pose = episode.body_pose[episode.shown_steps, k]
                corners = points_on(pose, np.concatenate(convex_parts(body.slot)))
                seen = project_frames(
                    corners, camera.position, camera.rotation, camera.intrinsics, camera.distortion
                )
                box = np.concatenate((seen.min(1), seen.max(1)), 1)
                inside = (box[:, :2] > 1).all(1) & (box[:, 2:] < camera.width - 1).all(1)
                clear = inside & (camera.visibility[:, k] > 0.995)
                errors.append(np.abs(camera.boxes[clear, k] - box[clear]))
    errors = np.concatenate(errors)
    assert len(errors) > 200
    # A pixel counts when its middle is covered, so bounds differ by up to half a pixel, corners by a little more.
    assert np.quantile(errors, 0.99) < 1.0, f"99 % of edges within {np.quantile(errors, 0.99):.2f} px"
    assert errors.mean() < 0.45


def test_traces_lead_from_the_tool_to_the_end_of_its_subtask(made):
    for episode in made:
        tool, shown = episode.ee_pose[:, :3], episode.shown_steps
        np.testing.assert_allclose(episode.trace[:, 0], tool[shown], atol=1e-6)
        subtask = [SUBTASKS[name] for name in PHASES]
        for f, t in enumerate(shown):
            later = [u for u in range(t, len(tool)) if subtask[episode.phase[u]] != subtask[episode.phase[t]]]
            end = later[0] if later else len(tool) - 1
            np.testing.assert_allclose(episode.trace[f, -1], tool[end], atol=1e-6)
        for camera in episode.cameras.values():
            pixels = project_frames(
                episode.trace, camera.position, camera.rotation, camera.intrinsics, camera.distortion
            )
            np.testing.assert_allclose(camera.trace, pixels, atol=0.01)


def test_grasp_and_contacts_are_on_the_object_in_the_picture(made):
    """While it is carried: the grasp within a pixel of it, the fingers' inner faces within a few."""
    grasps, contacts = [], []
    for episode in made:
        camera = episode.cameras["front"]
        for f, t in enumerate(episode.shown_steps):
            if episode.phase[t] == PHASES.index("carry") and camera.visibility[f, 0] > 0.6:
                shown = np.argwhere(camera.mask[f] == 1)[:, ::-1] + 0.5
                grasps.append(np.linalg.norm(shown - camera.grasp[f], axis=1).min())
                if camera.visibility[f, 0] > 0.7:  # a person's hand across the view may hide a whole side
                    contacts += [np.linalg.norm(shown - point, axis=1).min() for point in camera.contact[f]]
    assert len(grasps) > 20
    assert len(contacts) > 20
    assert max(grasps) < 1.0
    assert max(contacts) < 5.0


def test_depth_agrees_with_the_poses(made):
    """The depth of an object's visible middle is its distance, but for half its size and the sensor's errors."""
    off = []
    for episode in made:
        camera = episode.cameras["front"]
        for f, t in enumerate(episode.shown_steps):
            rows, columns = np.nonzero(camera.mask[f] == 1)
            if len(rows) < 40:
                continue
            depth = camera.depth[f][rows, columns] * 1e-4
            ahead = (episode.body_pose[t, 0, :3] - camera.position[f]) @ camera.rotation[f][:, 2]
            off.append(np.median(depth[depth > 0]) - ahead)
    assert np.abs(np.median(off)) < 0.03
    assert np.quantile(np.abs(off), 0.95) < 0.06


@pytest.mark.long
def test_recorded_actions_reproduce_what_they_show_and_others_are_named(dataset, made, tmp_path):
    """Of one episode a rendering's x is 5 % too long, of another both renderings' actions are zero."""
    shutil.copytree(dataset, tmp_path / "copy")
    numbers = sorted({episode.record["index"] for episode in made})
    longer, zero = f"{numbers[0]:06d}-01", (f"{numbers[1]:06d}-00", f"{numbers[1]:06d}-01")
    for path in (tmp_path / "copy/episodes").glob("chunk-*.hdf5"):
        with h5py.File(path, "r+") as file:
            for demo in file["data"].values():
                if demo.attrs["name"] == longer:
                    demo["actions"][:, 0] *= 1.05
                if demo.attrs["name"] in zero:
                    demo["actions"][:] = 0.0
    run = workbench("data", "replay", str(tmp_path / "copy"), check=False)
    assert run.returncode == 1
    named = sorted(line for line in run.stdout.splitlines() if line.startswith("episode "))
    assert len(named) == 2, run.stdout
    assert re.match(rf"episode {longer}: .*the tool is \d+\.\d mm off, 5 mm are allowed", named[0])
    # A hand that never moves fails; what it is called hangs on what else happens in the episode.
    assert re.match(rf"episode {', '.join(zero)}: [a-z_]+; the tool is \d+\.\d mm off", named[1])
    run = workbench("data", "replay", str(dataset), "episodes=2", check=False)
    assert (run.returncode, "at most 0.0 mm" in run.stdout) == (0, True), run.stdout


@pytest.mark.long
def test_actions_of_an_export_reproduce_success(dataset, tmp_path):
    workbench("data", "export", str(dataset), "format=lerobot_v21", f"out={tmp_path / 'v21'}")
    run = workbench("data", "replay", str(tmp_path / "v21"), check=False)
    again, of = run.stdout.split("succeeded again ")[1].split(" ")[0].split("/")
    assert int(again) >= int(of) - 1, run.stdout


def lines(folder: Path, stage: str) -> list[dict]:
    """What a pass settled, apart from times, in order."""
    found = settled(folder / stage)
    for line in found:
        line.get("record", {}).pop("wall_s", None)
    return sorted(found, key=lambda line: (line["index"], line.get("render", 0)))


def kill_after(condition, *words: str) -> None:
    """Start ``workbench words...`` and kill it, its workers too, once ``condition()`` holds."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli.main", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "nothing was finished within five minutes"
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.long
def test_killed_generation_ends_as_if_nothing_had_happened(dataset, tmp_path):
    out = tmp_path / "killed"
    words = ("generate", f"out={out}", "masks=true", "depth=true", *WORDS)
    kill_after(lambda: list((out / "plan").glob("chunk-*.hdf5")), *words)
    assert 0 < len(lines(out, "plan")) < 5, "the kill came too late to test anything"
    kill_after(lambda: list((out / "episodes").glob("chunk-*.hdf5")), *words)
    assert 0 < len(lines(out, "episodes")) < len(lines(dataset, "episodes"))
    workbench(*words)
    for stage in ("plan", "episodes"):
        assert lines(out, stage) == lines(dataset, stage)
    assert "no problems" in workbench("data", "validate", str(out)).stdout
    names = [episode.name for episode in episodes(out / "episodes", ())]
    assert len(set(names)) == len(names)
    one, other = (json.loads((folder / "summary.json").read_text()) for folder in (dataset, out))
    for summary in (one, other):
        del summary["rates"]
    assert one == other
