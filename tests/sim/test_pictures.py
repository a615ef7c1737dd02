"""What a run shows: images, calibration, recording, report."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.rollout.trajectory import Trajectory
from workbench.views.recording import read_recording

pytestmark = pytest.mark.sim


@pytest.fixture(scope="module")
def trajectory(expert_run) -> Trajectory:
    return Trajectory.load(expert_run / "trajectories" / "episode_000000.npz")


def test_images_of_different_instants_differ(trajectory):
    for name, shots in trajectory.frames.items():
        assert len(shots) == len(trajectory.frame_steps)
        first, last = (np.asarray(Image.open(io.BytesIO(shots[i])), float) for i in (0, -1))
        assert np.abs(first - last).mean() > 1.0, f"{name} shows the same picture from beginning to end"


def test_target_has_its_colour_where_the_projection_says(trajectory):
    image = np.asarray(Image.open(io.BytesIO(trajectory.frames["front"][0])), float)
    target = trajectory.body("target")
    u, v = trajectory.cameras["front"].project(target.pose[0, None, :3], 0)[0]
    seen = image[int(v) - 2 : int(v) + 3, int(u) - 2 : int(u) + 3].reshape(-1, 3).mean(0)
    expected = np.array(target.color)
    # Shading darkens all channels alike, so directions are compared.
    cosine = seen @ expected / np.linalg.norm(seen) / np.linalg.norm(expected)
    assert cosine > 0.97, f"{target.label} should be at ({u:.0f}, {v:.0f}), the image shows {seen}"


def test_recorded_states_and_record_agree(trajectory):
    assert trajectory.steps == trajectory.record["steps"]
    assert len(trajectory.joint_pos) == trajectory.steps + 1
    path = np.linalg.norm(np.diff(trajectory.tool_position, axis=0), axis=1).sum()
    assert path == pytest.approx(trajectory.record["path_length_m"], abs=1e-4)


def test_report_is_one_file_with_pictures(expert_run):
    page = (expert_run / "report.html").read_text()
    assert page.count("data:image/jpeg") == 4
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


@pytest.mark.long
def test_executed_trace_lies_on_the_end_effector_in_the_image():
    """A ball fixed between the fingertips is found by segmentation, and must be where the trace says."""
    script = Path(__file__).with_name("marker_trial.py")
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    errors = [float(line.split()[1]) for line in run.stdout.splitlines() if line.startswith("ERROR_PX")]
    assert len(errors) >= 20, "the ball was hidden too often to judge"
    assert max(errors) < 2.0, f"the trace is off by up to {max(errors):.2f} px"


def test_recording_holds_what_was_said_and_done(expert_run, trajectory):
    episodes = read_recording(expert_run / "recording.rrd", values=True)
    assert sorted(episodes) == ["episode_000000", "episode_000001"]
    for episode in episodes.values():
        assert episode.has_blueprint
        for path, component in {
            "/world/cameras/front/image": "EncodedImage:blob",
            "/world/cameras/wrist/image": "EncodedImage:blob",
            "/world/cameras/front/predicted/boxes": "Boxes2D:centers",
            "/world/cameras/front/predicted/points": "Points2D:positions",
            "/world/cameras/front/predicted/trace": "LineStrips2D:strips",
            "/world/cameras/front/true/boxes": "Boxes2D:centers",
            "/world/cameras/front/executed/so_far": "LineStrips2D:strips",
            "/world/executed_trace": "LineStrips3D:strips",
            "/actions/m": "Scalars:scalars",
            "/measures/gripper_width": "Scalars:scalars",
            "/episode": "TextDocument:text",
        }.items():
            content = episode.entities[path]
            assert component in content.components, f"{path} lacks {component}"
            assert content.rows + content.static_rows > 0, f"{path} is empty"
    first = episodes["episode_000000"]
    assert first.properties["episode:instruction"] == trajectory.record["instruction"]
    shown = first.entities["/world/cameras/front/image"].values["EncodedImage:blob"]
    assert len(shown) == len(trajectory.frame_steps)
