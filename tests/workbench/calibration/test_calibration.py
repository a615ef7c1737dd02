"""Rendered boards with known truth, through the command itself; over many seeds: `tools/calibration_study`."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from domain_rand.sets import load_set
from tools.calibration_study import BOARD, SIZE, draw, moved, posture, told
from workbench.calibration.calibration import load
from workbench.calibration.hand_eye import FIXED, HAND, HandEye
from workbench.calibration.lens import Lens
from workbench.calibration.poses import apart, inverse, to_seven
from workbench.calibration.synthetic import BoardRenderer
from workbench.cli.calibrate import beyond
from workbench.cli.main import main


def take(
    folder: Path, true: HandEye, renderer: BoardRenderer, count: int, random: np.random.Generator
) -> Path:
    folder.mkdir()
    lines = []
    for k in range(count):
        pose = posture(true, random)
        camera_from_board = inverse(true.base_from_camera(pose)) @ true.base_from_board(pose)
        Image.fromarray(renderer.picture(camera_from_board, random)).save(folder / f"{k}.png")
        lines.append(json.dumps({"picture": f"{k}.png", "tool_pose": to_seven(told(pose, random))}))
    (folder / "captures.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lens, HandEye, BoardRenderer]:
    """A camera that stands, calibrated from ten pictures."""
    place, random = tmp_path_factory.mktemp("calibration"), np.random.default_rng(5)
    lens, true = draw(FIXED, random)
    renderer = BoardRenderer(BOARD, lens, fine=2)
    take(place / "board", true, renderer, 9, random)
    words = ["calibrate", str(place / "board"), "mount=fixed", "resamples=8", f"out={place / 'front.yaml'}"]
    assert main(words) == 0
    return place, lens, true, renderer


def test_lens_and_place_are_found(calibrated: tuple[Path, Lens, HandEye, BoardRenderer]) -> None:
    place, lens, true, _ = calibrated
    found = load(place / "front.yaml")
    assert np.allclose(found.lens.focal, lens.focal, rtol=0.005)
    metres, radians = apart(found.hand_eye.camera, true.camera)
    assert metres < 0.002
    assert np.degrees(radians) < 0.3
    assert found.measured["pictures"] == 9
    assert all(width > 0 for width in found.measured["half_widths"].values())


def test_simulated_cameras_take_the_file(calibrated: tuple[Path, Lens, HandEye, BoardRenderer]) -> None:
    pytest.importorskip("torch")  # which the robot's own computer lacks
    place, lens, true, _ = calibrated
    content = yaml.safe_load((place / "front.factors.yaml").read_text("utf-8"))
    from robots.registry import robot
    from tasks.tabletop.workspace import cameras_of

    front, _ = cameras_of(robot("franka"))
    there = np.array(front.eye) + content["camera.front_position"]["value"]
    assert np.linalg.norm(there - true.camera[:3, 3]) < 0.002
    focal = content["camera.focal_length"]["value"] * front.focal_px / front.width
    assert focal == pytest.approx(np.mean(lens.focal) / lens.size[0], rel=0.005)
    assert [sentence.split()[0] for sentence in beyond(content)] == ["camera.focal_length"]
    content["camera.focal_length"]["value"] = 1.1  # of a camera that sees as little as the simulated one
    (place / "mine.yaml").write_text(yaml.safe_dump(content), "utf-8")
    load_set(str(place / "mine.yaml"))


def test_a_camera_that_was_moved_by_5_mm_is_noticed_and_one_that_was_not_is_not(
    calibrated: tuple[Path, Lens, HandEye, BoardRenderer], capsys: pytest.CaptureFixture[str]
) -> None:
    place, _, true, renderer = calibrated
    random = np.random.default_rng(6)
    still = take(place / "still", true, renderer, 2, random)
    pushed = take(place / "pushed", moved(true, random), renderer, 2, random)
    words = ["calibrate", "check", str(place / "front.yaml")]
    assert main([*words, str(still)]) == 0
    assert "stale" not in capsys.readouterr().out
    assert main([*words, str(pushed)]) == 1
    assert "it is stale" in capsys.readouterr().out


def test_a_camera_on_the_hand_is_found_too(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    lens, true = draw(HAND, random)
    data = take(tmp_path / "hand", true, BoardRenderer(BOARD, lens, fine=2), 8, random)
    assert main(["calibrate", str(data), "mount=hand", "camera=wrist", "resamples=0"]) == 0
    found = load(data / "wrist.yaml")
    metres, radians = apart(found.hand_eye.camera, true.camera)
    assert metres < 0.002
    assert np.degrees(radians) < 0.3
    assert "camera.front_position" not in yaml.safe_load((data / "wrist.factors.yaml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "mount=hand"], "holds neither captures.jsonl"),
        (["board"], "to= is missing"),
        (["check", "a", "b"], "a is no calibration"),
        (["here", "mount=sideways"], "mount= is missing"),
        (["board", "to=x.png", "marker=0.05"], "must be smaller than squares"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_pixels_begin_at_the_corner_of_the_picture() -> None:
    """A board seen straight on, its middle on the optical axis: the corners' mean is the principal point."""
    lens = Lens(SIZE, (600.0, 600.0), (320.0, 240.0))
    pose = np.eye(4)
    pose[:3, 3] = (-BOARD.size[0] / 2, -BOARD.size[1] / 2, 0.6)
    seen = BOARD.find(BoardRenderer(BOARD, lens).picture(pose, np.random.default_rng(0), noise=0.0))
    assert seen is not None
    assert np.allclose(seen.pixels.mean(0), (320.0, 240.0), atol=0.1)
    assert np.abs(seen.pixels - lens.project(seen.corners + pose[:3, 3])).max() < 0.3
