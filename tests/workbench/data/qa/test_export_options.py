"""Which frames are asked about, what continues a broken export, and what is refused."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.workbench.data.made_up import without
from tests.workbench.data.qa.questions import changed, lines, write
from workbench.cli.options import OptionError, parse_options
from workbench.data.archive.archive import ArchiveError
from workbench.data.qa.entries import chosen_frames
from workbench.data.qa.export import export_qa
from workbench.data.qa.options import QaOptions
from workbench.data.qa.wordings import PLANS, SENTENCES, WORDINGS


def test_frames_are_spread_evenly_and_depend_on_the_name_alone():
    for frames, count in ((100, 4), (7, 3), (5, 5), (3, 8), (1, 1), (0, 4)):
        chosen = chosen_frames("000001-00", frames, count, 0)
        assert len(chosen) == min(frames, count)
        assert chosen == sorted(set(chosen))
        for k, frame in enumerate(chosen):
            assert abs(frame - (k + 0.5) * frames / len(chosen)) <= 0.5 * frames / len(chosen) + 1
    assert chosen_frames("a", 100, 4, 0) == chosen_frames("a", 100, 4, 0)
    assert len({tuple(chosen_frames(name, 100, 4, seed)) for name in "abc" for seed in range(3)}) == 9


def test_episodes_added_later_change_nothing(tmp_path, episodes):
    first = lines(export_qa(write(tmp_path, *episodes[:2]), tmp_path / "qa"))
    write(tmp_path, *episodes[2:4], name="1")
    assert lines(export_qa(tmp_path, tmp_path / "qa"))[: len(first)] == first
    alone = lines(export_qa(write(tmp_path / "alone", episodes[1]), tmp_path / "qa-alone"))
    assert alone == [e for e in first if e["episode"] == episodes[1].name]


def test_leaving_out_kinds_or_cameras_changes_nothing_about_the_rest(tmp_path, episodes):
    write(tmp_path, *episodes[:2])

    def conversations(out, **options):
        made = lines(export_qa(tmp_path, tmp_path / out, QaOptions(**options)))
        return [e["conversations"] for e in made if (e["kind"], e["camera"]) == ("trace", "wrist")]

    assert conversations("all") == conversations("some", kinds="trace", cameras="wrist")
    assert conversations("all") != conversations("other", seed=1)


def test_what_was_broken_off_is_continued_to_the_same_bytes(tmp_path, episodes):
    write(tmp_path, *episodes[:4])
    whole = export_qa(tmp_path, tmp_path / "whole")

    def interrupt(done, total):
        assert total == 4
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_qa(tmp_path, tmp_path / "qa", progress=interrupt)
    assert not (tmp_path / "qa/grounding_qa.jsonl").exists(), "a part must not look like the whole"
    done = {p: p.stat().st_mtime_ns for p in (tmp_path / "qa").rglob("*") if p.is_file()}
    assert len([p for p in done if p.parent.name == "episodes"]) == 2
    again = export_qa(tmp_path, tmp_path / "qa")
    assert again.path.read_bytes() == whole.path.read_bytes()
    assert again.questions == whole.questions
    assert again.passed == whole.passed
    assert {p: p.stat().st_mtime_ns for p in done} == done, "what was done must not be done again"
    for path in (tmp_path / "whole").rglob("*.jpg"):
        assert path.read_bytes() == (tmp_path / "qa" / path.relative_to(tmp_path / "whole")).read_bytes()
    assert not list((tmp_path / "qa").rglob("*.tmp"))


def test_other_options_do_not_continue_a_folder(tmp_path, episodes):
    write(tmp_path, episodes[0])
    export_qa(tmp_path, tmp_path / "qa")
    with pytest.raises(OptionError, match=r"seed=0, not seed=3"):
        export_qa(tmp_path, tmp_path / "qa", QaOptions(seed=3))


def test_an_array_holds_the_same_as_lines(tmp_path, episodes):
    write(tmp_path, episodes[0])
    as_lines = lines(export_qa(tmp_path, tmp_path / "qa"))
    assert as_lines
    assert (
        json.loads(export_qa(tmp_path, tmp_path / "qa", QaOptions(form="json")).path.read_text()) == as_lines
    )


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_nothing_to_ask_leaves_an_empty_file(tmp_path, episodes, form):
    blind = changed(episodes[0], visibility=np.zeros((12, 3), np.float32))
    options = QaOptions(kinds="box", form=form)
    summary = export_qa(write(tmp_path, blind), tmp_path / "qa", options)
    assert summary.questions == {"box": 0}
    assert not list((tmp_path / "qa").rglob("*.jpg"))
    assert (json.loads(summary.path.read_text()) if form == "json" else lines(summary)) == []


def test_pictures_of_the_right_size_stay_as_they_are(tmp_path, episodes):
    write(tmp_path, episodes[0])
    # 64 is no multiple of 28: the model's own rule makes it 56.
    small = lines(export_qa(tmp_path, tmp_path / "small", QaOptions(image_size="camera")))
    assert {tuple(e["image_size"]) for e in small} == {(56, 56)}
    view = episodes[0].cameras["front"]
    buffer = io.BytesIO()
    Image.open(io.BytesIO(view.jpeg[0])).resize((56, 56)).save(buffer, "JPEG")
    fitting = changed(
        episodes[0],
        width=56,
        height=56,
        jpeg=(buffer.getvalue(),) * 12,
        boxes=view.boxes * 56 / 64,
        depth=None,
        mask=None,
    )
    summary = export_qa(
        write(tmp_path / "fit", fitting), tmp_path / "fitting", QaOptions(image_size="camera")
    )
    for entry in lines(summary):
        assert (summary.path.parent / entry["image"]).read_bytes() == buffer.getvalue()


def test_bad_archives_are_named(tmp_path, episodes):
    with pytest.raises(ArchiveError, match="holds no episodes"):
        export_qa(tmp_path, tmp_path / "qa")
    cases = {
        "front, frame": changed(episodes[0], jpeg=(b"no picture",) * 12),
        "px, not 32 x 64": changed(
            episodes[0], width=32, boxes=np.full((12, 3, 4), (1, 1, 9, 9), np.float32), depth=None, mask=None
        ),
        "has 2 bodies with the role target": without(
            episodes[0], bodies=(episodes[0].bodies[0], *episodes[0].bodies[:1], episodes[0].bodies[2])
        ),
        "no file can be called": without(episodes[0], name="../../escaped"),
    }
    for number, (words, episode) in enumerate(cases.items()):
        folder = write(tmp_path / str(number), episode)
        with pytest.raises(ArchiveError, match=words):
            export_qa(folder, folder / "qa")
    write(tmp_path / "twice", episodes[0])
    write(tmp_path / "twice", episodes[0], name="1")
    with pytest.raises(ArchiveError, match="000000-00 2 times"):
        export_qa(tmp_path / "twice", tmp_path / "twice/qa")
    assert not (tmp_path / "escaped.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        "kinds=box,boxes", "kinds=", "frames=0", "per_kind=0", "trace_points=1", "seed=-1", "min_visibility=0",
        "min_visibility=1.5", "form=xml", "image_size=224", "image_size=0x224", "image_size=x", "max_pixels=10",
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused_before_anything_is_written(tmp_path, episodes, words):
    write(tmp_path, episodes[0])
    name = "image_size" if words.startswith("max_pixels") else words.partition("=")[0]
    with pytest.raises(OptionError, match=f"option {name}="):
        export_qa(tmp_path, tmp_path / "qa", parse_options(QaOptions, [words]))
    assert not (tmp_path / "qa").exists()


def test_a_camera_that_is_not_there_is_named(tmp_path, episodes):
    write(tmp_path, episodes[0])
    with pytest.raises(OptionError, match=r"cameras=front,top: episode 000000-00 has no top"):
        export_qa(tmp_path, tmp_path / "qa", QaOptions(cameras="front,top"))


def test_there_are_several_wordings_and_they_can_be_filled_in():
    words = {"task": "T", "thing": "A", "goal": "B", "at": "on", "count": 8}
    for ask, texts in WORDINGS.items():
        assert len({t.format(**words) for t in texts}) == len(texts) >= 3, ask
        assert not [t for t in texts if "<image>" in t], "the loader counts these"
    for texts in PLANS.values():
        for text in (t for row in texts for t in row):
            text.format(**words)
    assert all(text.count("<box>") == 2 for text in SENTENCES)
    assert all(text.index("{thing}") < text.index("{goal}") for text in SENTENCES)
