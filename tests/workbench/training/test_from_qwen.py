"""Training of the large model begins with a folder of plain Qwen2.5-VL, whole, or says what is wrong with it."""

from dataclasses import replace

import pytest
import torch
from rich.console import Console
from safetensors.torch import save_file

from policy.m1 import presets
from policy.m1.checkpoint import load_checkpoint
from policy.m1.config import DinoConfig
from tests.policy.m1.published import older_names, qwen_weights, write_qwen
from tests.workbench.data.made_up import made_up_episode
from workbench.cli.main import main
from workbench.data.archive.chunk_writer import ChunkWriter
from workbench.training import build, train
from workbench.training.frames import ArchiveFrames
from workbench.training.options import TrainOptions


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    with ChunkWriter(folder / "episodes" / "chunk-00000.hdf5", "made-up") as chunk:
        for index in range(2):
            chunk.add(made_up_episode(index, images=True))
    return folder


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The large preset, smaller where it does not come from Qwen's folder."""

    def tiny(name, spec, views, words=()):
        large = presets.preset(name, spec, views, words)
        return replace(
            large,
            dino=DinoConfig(32, 1, 2, position_grid=4),
            qformer=replace(large.qformer, hidden_size=48, num_queries=8),
            action_head=replace(large.action_head, depth=1, hidden_size=48, num_heads=4),
            images=replace(large.images, size=56),
        )

    monkeypatch.setattr(build, "preset", tiny)


def weights(older=False):
    state = {name: tensor for name, tensor in qwen_weights().items() if name != "lm_head.weight"}
    return older_names(state) if older else state


def qwen_folder(folder, tensors):
    write_qwen(folder)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("older", [False, True])
def test_its_weights_are_where_the_language_model_begins(older, data, tmp_path):
    qwen = qwen_folder(tmp_path / "qwen", weights(older))
    options = TrainOptions(stage="grounding", data=str(data), preset="m1-3b", qwen=str(qwen), device="cpu")
    options.resolve()
    model = build.build_model(options, ArchiveFrames(data, ("front",)))
    state = model.vlm.model.state_dict()
    for name, tensor in weights().items():
        assert torch.equal(state[name], tensor), name
    assert model.config.language.num_hidden_layers == 2
    assert (model.config.qformer.start_layer, model.config.qformer.end_layer) == (2, 3)


def test_stage_one_begins_with_it_and_makes_a_checkpoint(data, tmp_path):
    qwen = qwen_folder(tmp_path / "Qwen2.5-VL", weights())
    options = TrainOptions(
        stage="grounding", data=str(data), preset="m1-3b", qwen=str(qwen), device="cpu", out=str(tmp_path / "g"),
        steps=1, batch=1, answer_batch=1, log_every=1,
    )  # fmt: skip
    options.resolve()
    config = load_checkpoint(train.train(options, Console(quiet=True))).config
    assert config.provenance.base_weights == str(qwen)
    assert config.provenance.notes == (build.GROUNDED,)


def test_what_is_wrong_with_it_is_named(data, tmp_path, capsys):
    whole = weights()
    name = "model.language_model.norm.weight"
    short = {k: v for k, v in whole.items() if k != name}
    broken = whole | {name: torch.full_like(whole[name], float("nan"))}
    for i, (tensors, sentence) in enumerate(
        [
            (short, "1 missing: vlm.model.model.language_model.norm.weight"),
            (whole | {"score.weight": torch.zeros(1)}, "1 not expected: score.weight"),
            (broken, "1 not finite: vlm.model.model.language_model.norm.weight"),
        ]
    ):
        qwen = qwen_folder(tmp_path / f"qwen{i}", tensors)
        words = ["stage=grounding", f"data={data}", "preset=m1-3b", f"qwen={qwen}", f"out={tmp_path / 'out'}"]
        assert main(["train", *words]) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["qwen=nowhere"], "qwen= is for a new model of preset=m1-3b"),
        (["preset=m1-3b", "qwen=nowhere"], "nowhere holds no weights"),
        (["preset=m1-3b"], "give a folder of Qwen2.5-VL as qwen="),
    ],
)
def test_wrong_input_gets_one_sentence(words, sentence, data, tmp_path, capsys):
    given = ["stage=grounding", f"data={data}", f"out={tmp_path / 'out'}", *words]
    assert main(["train", *given]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
