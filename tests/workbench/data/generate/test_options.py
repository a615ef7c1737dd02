"""What ``workbench generate`` refuses, and what a dataset's summary counts."""

import numpy as np
import pytest
from rich.console import Console

from domain_rand.episode import LOOKS, NOISE_SEED, draw_episode, redraw_looks
from domain_rand.sets import load_set
from tasks.episode import EpisodeSpec
from tasks.tabletop.action_spaces import DELTA_EEF
from tests.workbench.data.made_up import made_up_episode
from workbench.cli.options import OptionError, parse_options
from workbench.data.generate.demonstrations import OUTSIDE_LIMITS, UNSTABLE, defect
from workbench.data.generate.generate import generate
from workbench.data.generate.options import GenerateOptions
from workbench.data.generate.summary import summarise_dataset
from workbench.data.lerobot.reading import ImportedEpisode
from workbench.data.replay.sources import control_actions


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stages=paint"], "there is no stage 'paint'"),
        (["stages="], "at least one of plan, render"),
        (["cameras=front,side"], "side"),
        (["episodes=0"], "episodes must be at least 1"),
        (["min_visibility=2"], "min_visibility"),
        (["min_brightness=300"], "min_brightness"),
        (["jpeg_quality=0"], "jpeg_quality"),
        (["launcher=slurm"], "slurm"),
        (["workers=0"], "workers"),
        (["ray_address=10.0.0.1:6379"], "is for launcher=ray"),
        (["seed=4294967296"], "seed must be at most 4294967295"),
        (["image_size=100000"], "image_size must be at most 4096"),
        (["time_limit_s=1e12"], "time_limit_s must be at most 3600"),
    ],
)
def test_what_cannot_be_is_one_sentence(words, said):
    with pytest.raises(OptionError, match=said):
        parse_options(GenerateOptions, words).resolve()


def test_where_it_runs_is_no_part_of_what_a_dataset_is():
    here = GenerateOptions(device="cpu", physics="ovphysx")
    there = GenerateOptions(device="cpu", physics="ovphysx", launcher="ray", workers=7)
    assert here.config("generate") == there.config("generate")


def test_looks_are_drawn_anew_and_nothing_else():
    factor_set = load_set("heavy")
    episode = draw_episode(EpisodeSpec("pick_place", 3, 1), factor_set)
    renders = [redraw_looks(episode, factor_set, k) for k in range(3)]
    assert redraw_looks(episode, factor_set, 1).factors == renders[1].factors, (
        "the same rendering, the same draws"
    )
    for render in renders:
        assert render.scene is episode.scene
        changed = {name for name in episode.factors if render.factors[name] != episode.factors[name]}
        assert {name.split(".")[0] for name in changed} <= {*LOOKS, NOISE_SEED.split(".")[0]}
        assert NOISE_SEED in changed
    assert renders[0].factors["camera.exposure"] != renders[1].factors["camera.exposure"]
    assert list(renders[0].factors) == list(episode.factors)


def test_looks_of_a_smaller_set_are_the_same_draws():
    spec = EpisodeSpec("pick_place", 5, 2)
    whole, part = load_set("heavy"), load_set("none", {"camera.exposure": "default"})
    exposures = [redraw_looks(draw_episode(spec, s), s, 2).factors["camera.exposure"] for s in (whole, part)]
    default = load_set("none", {"camera.exposure": "default"})
    assert exposures[1] == redraw_looks(draw_episode(spec, default), default, 2).factors["camera.exposure"]
    assert exposures[0] == pytest.approx(exposures[1]), "heavy draws exposure over its default range"


def test_the_summary_counts_what_was_kept_and_why_not():
    config = {
        "task": "pick_place", "policy": "expert", "dr": "heavy", "seed": 0, "physics": "ovphysx", "num_envs": 4,
        "renderer": "newton_warp", "device": "cpu", "renders": 2, "cameras": "front", "episodes": 5,
    }  # fmt: skip
    planned = [
        {"index": k, "kept": k != 3, "rejected": None if k != 3 else "dropped", "record": {"steps": 100}}
        for k in range(4)
    ]
    rendered = [
        {
            "index": 0,
            "render": k,
            "kept": not k,
            "rejected": "too_dark" if k else None,
            "frames": 50,
            "bytes": 5000,
        }
        for k in range(2)
    ]
    session = {"wall_s": 36.0, "jobs": 4, "kept": 3, "frames": 100, "seconds": {"physics": 18.0}}
    sessions = [{**session, "stage": "plan"}, {**session, "stage": "render", "seconds": {"drawing": 9.0}}]
    found = summarise_dataset(config, planned, rendered, sessions)
    assert (found["planned"]["kept"], found["planned"]["rejected"], found["planned"]["steps"]) == (
        3,
        {"dropped": 1},
        300,
    )
    assert found["rendered"]["wanted"] == 6
    assert (found["rendered"]["frames"], found["rendered"]["bytes_per_frame"]) == (50, 100.0)
    assert found["rendered"]["rejected"] == {"too_dark": 1}
    # Three trajectories and a hundred frames in the 72 s of both passes; each pass alone took half of it.
    assert found["rates"]["trajectories_per_hour"] == 150.0
    assert found["rates"]["frames_per_hour"] == 5_000.0
    assert found["rates"]["planned_per_hour_of_planning"] == 300.0
    assert found["rates"]["frames_per_hour_of_rendering"] == 10_000.0
    assert found["rates"]["share_of_time"] == {"plan: physics": 0.25, "render: drawing": 0.125}


def test_actions_between_frames_are_spread_over_their_steps():
    rng = np.random.default_rng(0)
    columns = {
        "command.delta_eef_position": rng.normal(size=(5, 3)),
        "command.delta_eef_rotation_vector": rng.normal(size=(5, 3)),
        "command.gripper_close": np.array((-1.0, -1, 1, 1, -1)),
    }
    episode = ImportedEpisode(0, "", 5.0, columns, {}, {})
    actions = control_actions(episode, DELTA_EEF)
    assert actions.shape == (20, 7)
    np.testing.assert_allclose(actions[:4, :3].sum(0), columns["command.delta_eef_position"][0], rtol=1e-5)
    np.testing.assert_array_equal(actions[8:12, 6], -1.0)
    np.testing.assert_array_equal(actions[:8, 6], 1.0)


def test_trajectories_that_cannot_be_are_not_kept():
    from dataclasses import replace

    good = made_up_episode(cameras=())
    home = np.array((0, 0, 0, -1.5, 0, 1.5, 0), np.float32)
    good = replace(good, joint_pos=np.tile(home, (good.steps + 1, 1)))
    assert defect(good) is None
    assert defect(replace(good, joint_pos=good.joint_pos * np.nan)) == UNSTABLE
    bent = good.joint_pos.copy()
    bent[3, 3] = 0.5
    assert defect(replace(good, joint_pos=bent)) == OUTSIDE_LIMITS


def test_rendering_needs_a_plan_and_leaves_no_folder_without_one(tmp_path):
    options = GenerateOptions(device="cpu", physics="ovphysx", stages="render", out=str(tmp_path / "new"))
    with pytest.raises(OptionError, match=r"nothing is planned in .*; add stage plan"):
        generate(options, Console())
    assert not (tmp_path / "new").exists()
