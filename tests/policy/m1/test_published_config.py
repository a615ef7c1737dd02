"""Whatever stands in a run's files, it is read or refused in one sentence; never anything else."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch
import yaml

from policy.m1.config import M1Config
from policy.m1.import_published import _renamed
from policy.m1.mixtures import PublishedError
from policy.m1.published_config import Choices, published_config
from policy.m1.published_run import PublishedRun, open_run
from policy.m1.published_tensors import read_tensors
from policy.m1.qwen_folder import read_qwen
from policy.m1.strict import ConfigError
from tests.policy.m1.published import CONFIG, STATISTICS, published_tensors, write_qwen

CHOICES = Choices(("front", "wrist"))
ODD = [None, [], [1, 2], {}, {"a": 1}, 0, -1, 10**30, 0.5, float("nan"), float("inf"), True, "", "seven", "5"]


def paths(content, prefix=()):
    """Every place in nested mappings."""
    for key, value in content.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from paths(value, (*prefix, key))


def edited(content, path, value):
    content = deepcopy(content)
    target = content
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return content


@pytest.fixture(scope="module")
def qwen(tmp_path_factory):
    return write_qwen(tmp_path_factory.mktemp("qwen"))


@pytest.fixture(scope="module")
def tensors():
    return _renamed(published_tensors(depth=1))[0]


def written(folder, statistics):
    content = {"franka": {"action": statistics}}
    (folder / "dataset_statistics.json").write_text(json.dumps(content))
    return folder


def read(folder, config, qwen, tensors):
    """The configuration, or the sentence that refuses it."""
    run = PublishedRun(folder, {"config.yaml": config}, Path("weights.pt"), 0)
    try:
        return published_config(run, qwen, tensors, CHOICES)[0]
    except (PublishedError, ConfigError) as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert len(sentence) < 500
    return sentence


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_an_odd_value_anywhere_in_the_configuration(value, qwen, tensors, tmp_path):
    folder = written(tmp_path, STATISTICS)
    assert isinstance(read(folder, CONFIG, qwen, tensors), M1Config)
    for path in paths(CONFIG):
        found = read(folder, edited(CONFIG, path, value), qwen, tensors)
        if isinstance(found, M1Config):  # null is as if left out; the rest nothing reads, or it may be so
            assert found.chunk_length > 0
            assert M1Config.from_plain(json.loads(json.dumps(found.to_plain()))) == found


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_an_odd_value_anywhere_in_the_statistics(value, qwen, tensors, tmp_path):
    for key in STATISTICS:
        for place in (None, 0):
            statistics = dict(STATISTICS)
            statistics[key] = value if place is None else [value, *STATISTICS[key][1:]]
            folder = written(tmp_path, statistics)
            found = read(folder, CONFIG, qwen, tensors)
            if key in ("min", "max") and not (place == 0 and value in (0, 0.5, -1)):
                assert isinstance(found, str), f"{key}: {statistics[key]}"
                assert "franka" in found


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_an_odd_value_anywhere_in_qwens_configuration(value, qwen, tmp_path):
    content = json.loads((qwen / "config.json").read_text())
    for path in list(paths(content))[::3]:  # every third is enough: transformers takes a while over each
        (tmp_path / "config.json").write_text(json.dumps(edited(content, path, value)))
        sentence = str(tmp_path)
        try:
            vision, language = read_qwen(tmp_path)
            sizes = (vision.depth, vision.hidden_size, language.hidden_size, language.num_hidden_layers)
            assert all(isinstance(size, int) for size in sizes)
        except PublishedError as error:
            sentence = str(error)
        assert str(tmp_path) in sentence


def test_a_hostile_yaml_is_refused(tmp_path):
    laughs = "a: &a [x, x, x, x, x, x, x, x]\n"
    for here, there in ("ba", "cb", "dc", "ed", "fe", "gf", "hg"):
        laughs += f"{here}: &{here} [{', '.join([f'*{there}'] * 8)}]\n"
    texts = (
        laughs + "framework: *h\n",
        "[" * 5000,
        "!!python/object/apply:os.system [ls]",
        "- a\n- b\n",
        "a: [1",
        "\x00",
    )
    for text in texts:
        (tmp_path / "config.yaml").write_text(text)
        (tmp_path / "final_model").mkdir(exist_ok=True)
        (tmp_path / "final_model" / "pytorch_model.pt").touch()
        with pytest.raises(PublishedError) as error:
            open_run(tmp_path).text("framework")
        assert "config.yaml" in str(error.value)
        assert len(str(error.value)) < 600


def test_weights_of_a_kind_that_nothing_can_be_done_with_are_named(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "checkpoints" / "steps_5").mkdir(parents=True)
    (tmp_path / "checkpoints" / "steps_5" / "__0_0.distcp").touch()
    with pytest.raises(PublishedError, match="shares of several devices: join them first"):
        open_run(tmp_path)


def test_a_plain_qwen_is_no_run(qwen):
    with pytest.raises(PublishedError, match=r"plain qwen2_5_vl, no run of InternVLA-M1.*qwen="):
        open_run(qwen)


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        ({"a": "../../etc/passwd"}, "is no file beside it"),
        ({"a": ["x"]}, "is no file beside it"),
        ({}, "has no weight_map"),
        ({"a": "gone.safetensors"}, "cannot be read"),
        ({"a": "there.safetensors"}, "does not hold what"),
    ],
)
def test_an_index_that_does_not_fit_its_shards_is_refused(weight_map, message, tmp_path):
    from safetensors.torch import save_file

    save_file({"b": torch.zeros(1)}, tmp_path / "there.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(PublishedError, match=message):
        read_tensors(index)


@pytest.mark.parametrize(
    "content", [{"a": torch.zeros(2).to_sparse()}, {3: torch.zeros(1)}, [torch.zeros(1)], {"a": None}]
)
def test_what_is_no_dictionary_of_dense_tensors_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "pytorch_model.pt")
    with pytest.raises(PublishedError, match="dictionary"):
        read_tensors(tmp_path / "pytorch_model.pt")
