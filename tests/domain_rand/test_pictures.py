"""A choice of pictures: any that can be opened, and a run is bound to what they show."""

import numpy as np
import pytest
from PIL import Image

from domain_rand.sets import FactorSetError, build_set

NAME = "appearance.background_overlay"


def picture(path, level=7):
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(path)
    return str(path)


@pytest.mark.parametrize("given", ["options", "value"])
def test_any_picture_may_be_chosen(given, tmp_path):
    file = picture(tmp_path / "lab.png")
    content = {"options": ["none", file]} if given == "options" else {"value": file}

    factor = next(f for f in build_set("mine", {NAME: content}).factors if f.name == NAME)

    assert factor.distribution.sample(np.random.default_rng(0)) in ("none", file)


@pytest.mark.parametrize("given", [{"options": ["nowhere.png"]}, {"value": "nowhere.png"}, {"value": 3}])
def test_what_is_no_picture_is_refused_in_a_sentence(given):
    with pytest.raises(FactorSetError, match=r"nowhere\.png|3"):
        build_set("mine", {NAME: given})


@pytest.mark.parametrize("value", ["nowhere.png", 3])
def test_the_refusal_says_that_a_pictures_file_is_possible(value):
    with pytest.raises(
        FactorSetError, match="possible is none, chart, or the file of a picture that can be opened"
    ):
        build_set("mine", {NAME: {"value": value}})


def test_a_file_that_is_no_picture_is_refused(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("not a picture")

    with pytest.raises(FactorSetError, match="no picture that can be opened"):
        build_set("mine", {NAME: {"options": [str(path)]}})


def test_a_run_is_bound_to_what_a_picture_shows(tmp_path):
    file = picture(tmp_path / "lab.png")
    content = {NAME: {"options": ["none", file]}}
    before = build_set("mine", content).fingerprint()

    assert build_set("mine", content).fingerprint() == before
    picture(tmp_path / "lab.png", 8)
    assert build_set("mine", content).fingerprint() != before
