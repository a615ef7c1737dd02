"""The small tokenizer writes the published model's answer shapes, one token a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from policy.m1.config import TokenizerConfig
from policy.m1.tokenizer import SPECIAL, UNKNOWN, build_tokenizer, coordinate_tokens, vocabulary

CONFIG = TokenizerConfig("words", ("put the red cube on the plate", "L-block", "Place"), coordinate_bins=224)
TOKENIZER = build_tokenizer(CONFIG)
pixels = st.integers(0, 223)
labels = st.lists(st.sampled_from(("red", "cube", "l-block", "plate")), min_size=1, max_size=3).map(" ".join)
boxes = st.lists(st.tuples(st.lists(pixels, min_size=4, max_size=4), labels), min_size=1, max_size=3)


def there_and_back(text):
    ids = TOKENIZER(text).input_ids
    return TOKENIZER.decode(ids), ids


@given(boxes)
def test_qwens_boxes_come_back_to_the_letter(items):
    text = "[" + ", ".join(f'{{"bbox_2d": {box}, "label": "{label}"}}' for box, label in items) + "]"
    assert there_and_back(text)[0] == text


@given(st.lists(st.tuples(pixels, pixels), min_size=1, max_size=8))
def test_points_come_back_to_the_letter(points):
    assert there_and_back(str(points))[0] == str(points)


@pytest.mark.parametrize(
    "text",
    [
        "[[12, 34, 56, 78]]",
        "[[1, 2, 3, 4], [5, 6, 7, 8]]",
        '{"pick": {"bbox_2d": [1, 2, 3, 4]}, "place": {"bbox_2d": [5, 6, 7, 8]}}',
        "place the red cube <box> [[1, 2, 3, 4]] </box> on the plate.",
        "put the red cube on the plate. put the l-block on the plate",
        '[{"point_2d": [5, 6], "label": "plate"}, {"point_2d": [7, 8], "label": "red cube"}]',
    ],
)
def test_shapes_come_back_to_the_letter(text):
    back, ids = there_and_back(text)
    assert back == text
    assert TOKENIZER.unk_token_id not in ids


def test_a_box_costs_little_more_than_its_numbers():
    assert len(there_and_back('[{"bbox_2d": [1, 20, 30, 220], "label": "red cube"}]')[1]) == 12


def test_every_coordinate_is_one_token_that_reads_as_the_number():
    numbers = coordinate_tokens(TOKENIZER, 224)
    assert len(set(numbers)) == 224
    assert [TOKENIZER.decode([n]) for n in numbers] == [str(i) for i in range(224)]
    with pytest.raises(ValueError, match="below 225"):
        coordinate_tokens(TOKENIZER, 225)


def test_an_unknown_word_is_visibly_unknown():
    assert there_and_back("put the gizmo on the plate")[0] == f"put the{UNKNOWN}on the plate"


def test_numbers_are_fixed_by_the_configuration():
    tokens = vocabulary(CONFIG)
    assert tokens[: len(SPECIAL)] == list(SPECIAL)
    assert TOKENIZER.convert_tokens_to_ids(tokens) == list(range(len(tokens)))
    with pytest.raises(ValueError, match="needs words"):
        vocabulary(TokenizerConfig("words"))


def test_a_saved_tokenizer_reads_the_same(tmp_path):
    TOKENIZER.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = 'put the red cube on the plate. [{"bbox_2d": [1, 20, 30, 220], "label": "red cube"}]<|im_end|>'
    assert loaded(text).input_ids == TOKENIZER(text).input_ids
    assert loaded.decode(loaded(text).input_ids) == TOKENIZER.decode(TOKENIZER(text).input_ids) == text
    assert loaded.padding_side == "left"
