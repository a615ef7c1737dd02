"""A recording holds, per episode and joined by exact times, what the policy said and what it did."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rerun as rr

from robots.registry import robot
from tests.workbench.synthetic import CONTROL_DT, JOINTS, synthetic_trajectory
from workbench.rollout.trajectory import CameraTrack, Trajectory
from workbench.views.recording import RecordedEpisode, read_recording, write_recording
from workbench.views.recording.episode_log import instants_ns
from workbench.views.recording.grounding import claims_shown
from workbench.views.recording.images import projected_path
from workbench.views.recording.robot import RobotModel

FRONT, WRIST = "/world/cameras/front", "/world/cameras/wrist"


@pytest.fixture(scope="module")
def trajectories() -> list[Trajectory]:
    return [
        synthetic_trajectory(17, steps=40, size=64),
        synthetic_trajectory(4, steps=30, size=64, success=False),
    ]


@pytest.fixture(scope="module")
def recording(trajectories: list[Trajectory], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(trajectories, tmp_path_factory.mktemp("run") / "recording.rrd", robot().urdf())


@pytest.fixture(scope="module")
def episodes(recording: Path) -> dict[str, RecordedEpisode]:
    return read_recording(recording, values=True)


@pytest.fixture
def said(trajectories: list[Trajectory]) -> Trajectory:
    return trajectories[0]


@pytest.fixture
def held(episodes: dict[str, RecordedEpisode]) -> RecordedEpisode:
    return episodes["episode_000017"]


def test_each_episode_is_a_recording_of_its_own_with_outcome_and_factors(
    episodes: dict[str, RecordedEpisode], recording: Path
) -> None:
    assert list(episodes) == ["episode_000004", "episode_000017"]
    failed = episodes["episode_000004"]
    assert failed.name == "4 failed (dropped): put the red cube on the blue plate"
    assert failed.properties["episode:success"] is False
    assert failed.properties["episode:failure_reason"] == "dropped"
    assert failed.properties["episode:seed"] == 0
    assert failed.properties["factors:light.color"] == [1.0, 0.94, 0.88]
    assert "episode:failure_reason" not in episodes["episode_000017"].properties
    assert failed.application_id == recording.parent.name, (
        "two runs in one viewer must not share their episodes"
    )


def test_the_layout_comes_with_the_file(episodes: dict[str, RecordedEpisode]) -> None:
    assert all(episode.has_blueprint for episode in episodes.values())


def test_images_are_the_recorded_bytes_at_their_instants(said: Trajectory, held: RecordedEpisode) -> None:
    for camera, path in (("front", FRONT), ("wrist", WRIST)):
        image = held.entities[f"{path}/image"]
        np.testing.assert_array_equal(image.times["step"], said.frame_steps)
        blobs = [bytes(row[0]) for row in image.values["EncodedImage:blob"]]
        assert blobs == list(said.frames[camera])


def test_all_entities_join_on_integer_nanoseconds(held: RecordedEpisode) -> None:
    timed = {path: entity for path, entity in held.entities.items() if entity.rows}
    assert len(timed) > 20
    for path, entity in timed.items():
        expected = np.rint(entity.times["step"] * CONTROL_DT * 1e9).astype(np.int64)
        np.testing.assert_array_equal(entity.times["episode_time"], expected, err_msg=path)


def test_times_are_rounded_and_not_cut_off() -> None:
    thirtieths = instants_ns(np.arange(31), 1 / 30)
    assert thirtieths[1] == 33_333_333
    assert thirtieths[2] == 66_666_667
    assert thirtieths[30] == 1_000_000_000


def test_predicted_and_true_grounding_lie_over_the_front_image(
    said: Trajectory, held: RecordedEpisode
) -> None:
    for kind, claims in (("predicted", said.decisions), ("true", said.true_grounding)):
        boxes = held.entities[f"{FRONT}/{kind}/boxes"]
        np.testing.assert_array_equal(boxes.times["step"], [step for step, _ in claims])
        row = next(i for i, (_, g) in enumerate(claims) if g is not None and g.camera == "front")
        claim = claims[row][1]
        # The first row of values is the static one, with no instances.
        center = np.array(timed_rows(boxes, "Boxes2D:centers")[row])
        half = np.array(timed_rows(boxes, "Boxes2D:half_sizes")[row])
        np.testing.assert_allclose(
            np.hstack([center - half, center + half]), [b.xyxy for b in claim.boxes], atol=1e-3
        )
        assert timed_rows(boxes, "Boxes2D:labels")[row] == ["red cube", "blue plate"]
        points = timed_rows(held.entities[f"{FRONT}/{kind}/points"], "Points2D:positions")[row]
        np.testing.assert_allclose(points, [p.uv for p in claim.points], atol=1e-3)
        trace = timed_rows(held.entities[f"{FRONT}/{kind}/trace"], "LineStrips2D:strips")[row]
        np.testing.assert_allclose(trace[0], claim.trace, atol=1e-3)


def test_a_decision_without_grounding_clears_the_image(said: Trajectory, held: RecordedEpisode) -> None:
    assert said.decisions[-1][1] is None
    for part, component in (("boxes", "Boxes2D:centers"), ("points", "Points2D:positions")):
        assert timed_rows(held.entities[f"{FRONT}/predicted/{part}"], component)[-1] == []


def test_what_was_true_of_a_claim_goes_with_it(said: Trajectory, tmp_path: Path) -> None:
    claim, silence = said.decisions[0], said.decisions[-1]
    alone = replace(said, decisions=(claim, silence), true_grounding=said.true_grounding[:1])
    path = write_recording([alone], tmp_path / "recording.rrd")
    shown = read_recording(path, values=True)["episode_000017"]
    for kind in ("predicted", "true"):
        first, last = timed_rows(shown.entities[f"{FRONT}/{kind}/boxes"], "Boxes2D:centers")
        assert first != []
        assert last == [], f"{kind} boxes stay"


def test_a_moving_cameras_claim_goes_with_its_image(said: Trajectory) -> None:
    step, claim = next((s, g) for s, g in said.decisions if g is not None and g.camera == "wrist")
    shown = dict(claims_shown("wrist", said.cameras["wrist"], said.decisions, said.frame_steps))
    assert shown[step] == claim
    assert shown[min(said.frame_steps[said.frame_steps > step])] is None
    fixed = dict(claims_shown("front", said.cameras["front"], said.decisions, said.frame_steps))
    assert set(fixed) == {s for s, _ in said.decisions}, (
        "on a fixed camera a claim stays until the next decision"
    )


def test_a_claim_about_a_resized_image_is_shown_in_the_cameras_pixels(said: Trajectory) -> None:
    claim = said.decisions[0][1]
    halved = ((0, claim.resized(32, 32)),)
    (_, shown), *_ = claims_shown("front", said.cameras["front"], halved, said.frame_steps)
    np.testing.assert_allclose(shown.boxes[0].xyxy, claim.boxes[0].xyxy)


def test_the_executed_trace_in_an_image_is_the_projected_tool_path(
    said: Trajectory, held: RecordedEpisode
) -> None:
    camera = said.cameras["front"]
    rows = timed_rows(held.entities[f"{FRONT}/executed/so_far"], "LineStrips2D:strips")
    for i, instant in enumerate(said.frame_steps):
        expected = camera.project(said.tool_position[: instant + 1], int(instant))
        if instant == 0:
            assert rows[i] == []
            continue
        near = (np.abs(expected - 32) < 32 + 64).all(1)
        drawn = np.concatenate([np.array(strip) for strip in rows[i]]) if rows[i] else np.zeros((0, 2))
        assert len(drawn) in (near.sum(), near.sum() - 1), "all points in and around the image are drawn"
        if near.all():
            np.testing.assert_allclose(drawn, expected, atol=1e-3)
    assert near.all(), "the test path must end up whole in the image"


def test_the_executed_trace_follows_a_moving_camera(said: Trajectory, held: RecordedEpisode) -> None:
    rows = timed_rows(held.entities[f"{WRIST}/executed/to_come"], "LineStrips2D:strips")
    instant = int(said.frame_steps[5])
    expected = projected_path(said.cameras["wrist"], said.tool_position[instant:], instant)
    assert expected, "the path to come must be in the wrist camera's view"
    for drawn, strip in zip(rows[5], expected, strict=True):
        np.testing.assert_allclose(drawn, strip, atol=1e-2)


def test_a_path_is_cut_where_it_passes_behind_the_camera() -> None:
    k = np.array([[50.0, 0.0, 32.0], [0.0, 50.0, 32.0], [0.0, 0.0, 1.0]])
    camera = CameraTrack(64, 64, k, np.zeros((1, 3)), np.eye(3)[None])
    path = np.array([[0.0, 0, 1], [0.1, 0, 1], [0, 0, -1], [0, 0, -2], [0, 0.1, 1], [0, 0.2, 1], [0, 0, -1]])
    strips = projected_path(camera, path, 0)
    assert [len(strip) for strip in strips] == [2, 2]
    np.testing.assert_allclose(strips[1], camera.project(path[4:6], 0))


def test_the_executed_trace_in_space_grows_by_one_tool_position_a_step(
    said: Trajectory, held: RecordedEpisode
) -> None:
    trace = held.entities["/world/executed_trace"]
    np.testing.assert_array_equal(trace.times["step"], np.arange(1, said.steps + 1))
    rows = timed_rows(trace, "LineStrips3D:strips")
    for i, row in enumerate(rows):
        assert len(row[0]) == i + 2
    np.testing.assert_allclose(rows[-1][0], said.tool_position, atol=1e-6)


def test_bodies_move_along_their_recorded_poses(said: Trajectory, held: RecordedEpisode) -> None:
    cube = held.entities["/world/bodies/cube_large"]
    assert "Mesh3D:vertex_positions" in cube.components
    moved = [row[0] for row in timed_rows(cube, "Transform3D:translation")]
    np.testing.assert_allclose(moved, said.body("target").pose[:, :3], atol=1e-6)


def test_a_predicted_point_is_a_ray_that_passes_through_its_pixel(
    said: Trajectory, held: RecordedEpisode
) -> None:
    camera = said.cameras["front"]
    ray = np.array(timed_rows(held.entities["/world/predicted_rays"], "LineStrips3D:strips")[0][0])
    np.testing.assert_allclose(ray[0], camera.position[0], atol=1e-6)
    assert abs(ray[1, 2]) < 1e-6, "the ray ends on the table"
    np.testing.assert_allclose(camera.project(ray[1:], 0)[0], said.decisions[0][1].points[0].uv, atol=1e-2)


def test_actions_are_grouped_by_unit_and_keep_their_names(said: Trajectory, held: RecordedEpisode) -> None:
    metres = held.entities["/actions/m"]
    assert timed_rows(metres, "Scalars:scalars") == said.actions[:, :3].tolist()
    assert metres.values["SeriesLines:names"][0] == ["dx [m]", "dy [m]", "dz [m]"]
    assert held.entities["/actions/rad"].rows == said.steps
    assert held.entities["/actions/1"].values["SeriesLines:names"][0] == ["gripper [1]"]


def test_measures_are_distances_of_the_bodies(said: Trajectory, held: RecordedEpisode) -> None:
    reach = np.linalg.norm(said.tool_position - said.body("target").pose[:, :3], axis=1)
    rows = timed_rows(held.entities["/measures/tool_to_target"], "Scalars:scalars")
    np.testing.assert_allclose(np.ravel(rows), reach)
    assert {"/measures/target_to_receptacle", "/measures/gripper_width"} <= set(held.entities)


def test_the_page_tells_the_story(episodes: dict[str, RecordedEpisode]) -> None:
    page = episodes["episode_000004"].entities["/episode"].values["TextDocument:text"][0][0]
    assert "put the red cube on the blue plate" in page
    assert "failed (dropped)" in page
    assert re.search(r"\| object\.friction \| 0\.61 \|", page)


def test_the_robot_is_drawn_where_the_tool_was(said: Trajectory, held: RecordedEpisode) -> None:
    meshes = [path for path, e in held.entities.items() if "Mesh3D:vertex_positions" in e.components]
    assert len([path for path in meshes if path.startswith("/world/robot/")]) == 11
    assert not [path for path in held.entities if "collision" in path]
    pose = np.eye(4)
    for joint in (*JOINTS[:7], "panda_joint8", "panda_hand_joint", "panda_hand_tcp_joint"):
        transform = held.entities[f"/world/robot/joints/{joint}"]
        pose = pose @ matrix(
            transform.values["Transform3D:translation"][-1], transform.values["Transform3D:quaternion"][-1]
        )
    np.testing.assert_allclose(pose[:3, 3], said.tool_position[-1], atol=2e-3)


def test_an_episode_without_images_claims_and_bodies_can_be_recorded(
    said: Trajectory, tmp_path: Path
) -> None:
    bare = replace(
        said,
        decisions=(),
        true_grounding=(),
        frame_steps=np.zeros(0, np.int64),
        frames={},
        bodies=(),
        cameras={},
    )
    episode = read_recording(write_recording([bare], tmp_path / "recording.rrd"))["episode_000017"]
    assert episode.entities["/world/executed_trace"].rows == said.steps
    assert not [path for path in episode.entities if path.startswith("/world/cameras")]


def wrong_camera(t: Trajectory) -> Trajectory:
    return replace(t, decisions=((0, replace(t.decisions[0][1], camera="side")),))


def missing_image(t: Trajectory) -> Trajectory:
    return replace(t, frames={"front": t.frames["front"][:-1]})


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (wrong_camera, r"episode_000017 has a grounding for the camera 'side' at step 0.*front, wrist"),
        (missing_image, r"episode_000017 has 20 images of the camera 'front' for 21 instants"),
    ],
)
def test_a_trajectory_that_does_not_fit_together_is_refused(
    said: Trajectory, recording: Path, spoil, sentence: str
) -> None:
    before = recording.read_bytes()
    with pytest.raises(ValueError, match=sentence):
        write_recording([spoil(said)], recording)
    assert recording.read_bytes() == before
    assert [path.name for path in recording.parent.iterdir()] == [recording.name]


def test_no_episode_and_twice_the_same_are_refused(said: Trajectory, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no episode"):
        write_recording([], tmp_path / "recording.rrd")
    with pytest.raises(ValueError, match="more than once: episode_000017"):
        write_recording([said, said], tmp_path / "recording.rrd")


def test_a_robot_with_unrecorded_joints_is_refused(said: Trajectory, tmp_path: Path) -> None:
    lacking = replace(said, joint_names=("other_joint1", *JOINTS[1:]))
    with pytest.raises(
        ValueError, match=r"'panda' has the joints panda_joint1, which the trajectory does not record"
    ):
        write_recording([lacking], tmp_path / "recording.rrd", robot().urdf())
    assert not list(tmp_path.iterdir()), "a failed write leaves nothing behind"
    with pytest.raises(ValueError, match=r"there is no robot description .*none\.urdf"):
        write_recording([said], tmp_path / "recording.rrd", tmp_path / "none.urdf")


def test_writing_leaves_reruns_strictness_as_it_was(recording: Path) -> None:
    assert recording.is_file()
    assert not rr.strict_mode()


def test_reading_what_is_no_recording_is_one_clear_error(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no recording .*none\.rrd"):
        read_recording(tmp_path / "none.rrd")
    for missing in (1, 100, recording.stat().st_size // 2):
        (tmp_path / "cut.rrd").write_bytes(recording.read_bytes()[:-missing])
        with pytest.raises(ValueError, match=r"cut\.rrd is not a whole Rerun recording"):
            read_recording(tmp_path / "cut.rrd")


def timed_rows(entity, component: str) -> list:
    """A component's values in the rows that have a time."""
    return entity.values[component][-entity.rows :]


def matrix(translation: list, quaternion: list) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_quat(quaternion[0]).as_matrix()
    pose[:3, 3] = translation[0]
    return pose


@pytest.mark.parametrize("name", ["franka", "so_arm"])
def test_a_robot_has_the_colors_of_its_meshes_or_those_that_its_description_gives_them(name: str) -> None:
    """The Panda's meshes have their own; the SO-ARM's have none, and its URDF says yellow and black."""
    drawn = RobotModel.load(robot(name).urdf())
    found = {
        color for _, mesh in drawn.meshes for color in mesh.vertex_colors.as_arrow_array().to_pylist()[:1]
    }
    yellow = 0xFFEA61FF
    assert len(found) >= 2
    assert (yellow in found) == (name == "so_arm")
